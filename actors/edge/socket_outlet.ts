/**
 * An outlet over a socket taken from `node:http`, whose parser read the request.
 *
 * @module
 */
import type { Socket } from "node:net";
import { Outlet, type OutletEvents, type Traffic } from "./outlet.ts";

/**
 * Most bytes handed over at once: `node:net` tells only when it has written all of it, so a larger
 * piece would make a slow but living viewer look stalled.
 */
const WRITE_BYTES_MAX = 64 * 1024;

export class SocketOutlet extends Outlet {
  readonly #socket: Socket;
  #rest: Uint8Array = new Uint8Array(0);
  #handedBytes = 0;

  constructor(socket: Socket, events: OutletEvents, traffic: Traffic) {
    super(events, traffic);
    this.#socket = socket;
  }

  protected override write(bytes: Uint8Array): void {
    this.#rest = bytes;
    this.#writePiece();
  }

  protected override end(): void {
    this.#socket.destroySoon();
  }

  #writePiece(): void {
    const rest = this.#rest;
    const piece = rest.length <= WRITE_BYTES_MAX ? rest : rest.subarray(0, WRITE_BYTES_MAX);
    this.#handedBytes = piece.length;
    this.#socket.write(piece, this.#onWritten);
  }

  // Made once per connection: a write must not cost a closure.
  readonly #onWritten = (error?: Error | null): void => {
    if (error) return this.fail(error.message);
    this.took(this.#handedBytes);
    if (this.#handedBytes === this.#rest.length) return this.wrote();
    this.#rest = this.#rest.subarray(this.#handedBytes);
    this.#writePiece();
  };
}
