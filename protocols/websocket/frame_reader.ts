/**
 * Puts a client's frames together across socket reads and checks their order.
 *
 * Source: RFC 6455, sections 5.4 (fragmentation), 5.5.1 (Close) and 7.4.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { ProtocolError } from "../errors.ts";
import { CLIENT_PAYLOAD_BYTES_MAX, type ClientFrame, OPCODE, parseClientFrame } from "./frame.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** Reads the bytes of one client; holds at most one unfinished frame. */
export class ClientFrameReader {
  readonly #onFrame: (frame: ClientFrame) => void;
  readonly #payloadBytesMax: number;
  #pending = NOTHING;
  /** Inside a fragmented message (5.4). */
  #fragmented = false;
  #closed = false;

  constructor(
    onFrame: (frame: ClientFrame) => void,
    payloadBytesMax: number = CLIENT_PAYLOAD_BYTES_MAX,
  ) {
    this.#onFrame = onFrame;
    this.#payloadBytesMax = payloadBytesMax;
  }

  /**
   * Takes what the socket gave; `bytes` are the caller's again on return. Whatever follows a Close
   * frame is ignored (5.5.1).
   *
   * @throws {ProtocolError} As `parseClientFrame`, or the frames are out of order.
   */
  feed(bytes: Uint8Array): void {
    if (this.#closed) return;
    const input = this.#pending.length === 0 ? bytes : concatBytes(this.#pending, bytes);
    let offset = 0;
    while (!this.#closed) {
      const frame = parseClientFrame(input, offset, this.#payloadBytesMax);
      if (frame === undefined) break;
      this.#checkOrder(frame, offset);
      offset += frame.frameBytes;
      this.#onFrame(frame);
    }
    // parseClientFrame has refused by now whatever is longer than a frame may be.
    this.#pending = this.#closed ? NOTHING : input.slice(offset);
  }

  #checkOrder(frame: ClientFrame, offset: number): void {
    switch (frame.opcode) {
      case OPCODE.close:
        if (frame.payload.length === 1) {
          throw malformed("Cannot read Close frame: half a status code", "5.5.1", offset);
        }
        this.#closed = true;
        return;
      case OPCODE.ping:
      case OPCODE.pong:
        return;
      default: {
        const continues = frame.opcode === OPCODE.continuation;
        if (continues !== this.#fragmented) {
          const found = continues ? "continues none" : "starts inside another";
          throw malformed(`Cannot read message: its frame ${found}`, "5.4", offset);
        }
        this.#fragmented = !frame.fin;
      }
    }
  }
}

function malformed(message: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "WebSocket", section, offset });
}
