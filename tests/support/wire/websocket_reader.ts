/**
 * Reads the frames a WebSocket server sends (RFC 6455, section 5.2).
 *
 * @module
 */
import { Input, WireError } from "./input.ts";

/** What came over the socket. */
export interface WebSocketEvents {
  /** Payload of a binary message; valid until more is pushed. */
  binary(payload: Uint8Array): void;
  /** The server closes, with its status code. */
  close(code: number): void;
}

/** Calls back with each message. The server under test sends whole messages, so others fail. */
export class WebSocketReader {
  readonly #input = new Input();
  readonly #events: WebSocketEvents;

  constructor(events: WebSocketEvents) {
    this.#events = events;
  }

  push(bytes: Uint8Array): void {
    this.#input.push(bytes);
    while (this.#frame());
  }

  #frame(): boolean {
    const input = this.#input;
    if (input.length < 2) return false;
    const [first, second] = [input.peek(0), input.peek(1)];
    if ((second & 0x80) !== 0) throw new WireError("A masked frame from the server");
    if ((first & 0xf0) !== 0x80) throw new WireError("A fragment or a reserved bit");
    const short = second & 0x7f;
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (input.length < headBytes) return false;
    const bytes = short < 126 ? short : input.number(short === 126 ? 2 : 6, short === 126 ? 2 : 4);
    if (input.length < headBytes + bytes) return false;
    const payload = input.take(headBytes + bytes).subarray(headBytes);
    this.#message(first & 15, payload);
    return true;
  }

  #message(opcode: number, payload: Uint8Array): void {
    if (opcode === 2) this.#events.binary(payload);
    else if (opcode === 8) {
      this.#events.close(payload.length < 2 ? 1005 : payload[0] * 256 + payload[1]);
    } else if (opcode !== 9 && opcode !== 10) throw new WireError(`Opcode ${opcode}`);
  }
}
