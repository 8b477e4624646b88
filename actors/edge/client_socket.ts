/**
 * A client's connection as those see it who speak its protocol: TCP, or TLS over it.
 *
 * @module
 */

/** What is used of a `Deno.TcpConn`, and what `tls_socket.ts` offers alike. */
export interface ClientSocket {
  readonly remoteAddr: Deno.NetAddr;
  readonly localAddr: Deno.NetAddr;
  /** Its bytes are enciphered on their way. */
  readonly secure?: boolean;
  /** Resolves with how many bytes were read, null when the client sends no more. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves with how many bytes the system took, which may be fewer. One at a time. */
  write(bytes: Uint8Array): Promise<number>;
  /** What was written before is still sent. @throws {Deno.errors.BadResource} It is closed. */
  close(): void;
}
