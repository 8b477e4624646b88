/**
 * TLS over a client's TCP connection, which stays ours.
 *
 * Deno deciphers only what its own TLS listener accepted, and such a connection cannot be closed
 * against its peer's will: a handshake that stalls, or bytes that nobody takes, keep the descriptor
 * for ever. So the client never meets that listener. It is bound to loopback (`tls_terminator.ts`),
 * and enciphered bytes go between the client's connection and one to it; whatever the client does,
 * we are the listener's peer and can hang up on both sides.
 *
 * @module
 */
import type { Timers } from "../runtime/ports.ts";
import type { ClientSocket } from "./client_socket.ts";
import { isSocketClosed } from "./socket_closed.ts";

/** Buffer for each direction at first; it grows with what comes. */
const PUMP_BYTES_FIRST = 2 * 1024;

/** Largest such buffer: four TLS records of the largest size. */
const PUMP_BYTES_MAX = 64 * 1024;

/** How long the end of TLS (close_notify) may take to reach the client, in milliseconds. */
const LINGER_MS = 1_000;

export interface TlsSocketParts {
  /** The client's connection. */
  readonly outer: Deno.TcpConn;
  /** Our end of the way to the engine. */
  readonly inner: Deno.TcpConn;
  /** Enciphers and deciphers. */
  readonly engine: Deno.TlsConn;
  readonly timers: Timers;
}

export class TlsSocket implements ClientSocket {
  readonly secure = true;
  readonly remoteAddr: Deno.NetAddr;
  readonly localAddr: Deno.NetAddr;
  readonly #parts: TlsSocketParts;
  /** Enciphered bytes that the client's connection took. */
  #delivered = 0;
  #writing = false;
  #closing = false;
  #over = false;
  /** Told when more was delivered, or nothing will be any more. */
  #progress = () => {};

  /** Takes the connections over; they are closed when it is. */
  constructor(parts: TlsSocketParts) {
    this.#parts = parts;
    this.remoteAddr = parts.outer.remoteAddr;
    this.localAddr = parts.outer.localAddr;
    this.#deliver().catch(() => {}).finally(() => this.abort());
    this.#collect().catch(() => this.abort());
  }

  /** Resolves when both sides have agreed. @throws {Error} They have not, and never will. */
  async handshake(): Promise<void> {
    await this.#parts.engine.handshake();
  }

  async read(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#parts.engine.read(into);
    } catch (error) {
      // Many clients hang up without the end of TLS that RFC 8446, 6.1 wants.
      if (error instanceof Deno.errors.UnexpectedEof) return null;
      throw closedError(error);
    }
  }

  /** Resolves when the client's connection, not only the engine, has taken the bytes. */
  async write(bytes: Uint8Array): Promise<number> {
    this.#writing = true;
    const before = this.#delivered;
    try {
      const count = await this.#parts.engine.write(bytes);
      // Enciphered they are a few bytes more, which count for the next write: never two of them.
      while (this.#delivered - before < count) {
        if (this.#over) throw new Deno.errors.Interrupted("the connection was closed");
        await new Promise<void>((resolve) => this.#progress = resolve);
      }
      return count;
    } catch (error) {
      throw closedError(error);
    } finally {
      this.#writing = false;
    }
  }

  /** Says goodbye; at once, without, when the client does not take what was written. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#writing) return this.abort();
    closeQuietly(this.#parts.engine);
    const late = this.#parts.timers.after(LINGER_MS, () => this.abort());
    this.#progress = () => this.#over && late.cancel();
  }

  /** Hangs up on both sides. */
  abort(): void {
    if (this.#over) return;
    this.#over = this.#closing = true;
    const { outer, inner, engine } = this.#parts;
    for (const conn of [outer, inner, engine]) closeQuietly(conn);
    this.#progress();
  }

  /** From the engine to the client, until the engine is closed. */
  async #deliver(): Promise<void> {
    const { inner, outer } = this.#parts;
    await pump(inner, outer, (bytes) => {
      this.#delivered += bytes;
      this.#progress();
    });
  }

  /** From the client to the engine, until the client sends no more. */
  async #collect(): Promise<void> {
    const { inner, outer } = this.#parts;
    await pump(outer, inner, () => {});
    await inner.closeWrite();
  }
}

/** Carries bytes until `from` ends. @throws {Error} One of them failed or was closed. */
async function pump(
  from: Deno.Conn,
  to: Deno.Conn,
  carried: (bytes: number) => void,
): Promise<void> {
  let buffer = new Uint8Array(PUMP_BYTES_FIRST);
  for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
    for (let at = 0; at < read;) {
      const written = await to.write(buffer.subarray(at, read));
      at += written;
      carried(written);
    }
    if (read < buffer.length || read >= PUMP_BYTES_MAX) continue;
    buffer = new Uint8Array(Math.min(4 * read, PUMP_BYTES_MAX));
  }
}

/** What the engine throws for a peer that breaks the rules is to us a connection that is gone. */
function closedError(error: unknown): unknown {
  if (isSocketClosed(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new Deno.errors.ConnectionAborted(reason);
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
