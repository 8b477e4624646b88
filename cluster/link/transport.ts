/**
 * What links need of a network: streams of bytes to an address and from whoever calls.
 *
 * @module
 */

/** One connection; like a socket, without any of its options. */
export interface LinkSocket {
  readonly remoteAddress: string;
  /** Reads into `into`; `null` at the end. Rejects when the connection is broken. */
  read(into: Uint8Array): Promise<number | null>;
  /** Takes some of the bytes, at least one, and says how many. Rejects when it is broken. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both ways; pending reads and writes end. Never throws. */
  close(): void;
}

/** A connection could not be made. */
export class DialError extends Error {
  override readonly name = "DialError";
  /** Nobody listens there: proof that the process is gone. */
  readonly refused: boolean;

  constructor(message: string, refused: boolean) {
    super(message);
    this.refused = refused;
  }
}

export interface LinkListener {
  readonly port: number;
  close(): void;
}

export interface LinkTransport {
  /** @throws {DialError} */
  dial(address: string, port: number, timeoutMs: number): Promise<LinkSocket>;
  /** Calls back with every connection that comes. */
  listen(accepted: (socket: LinkSocket) => void): LinkListener;
}
