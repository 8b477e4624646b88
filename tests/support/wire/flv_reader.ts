/**
 * Reads an FLV body as it arrives (FLV 10.1, annex E.2 and E.3).
 *
 * @module
 */
import { Input, WireError } from "./input.ts";
import { AUDIO, DATA, type MediaMessage, VIDEO } from "./media_message.ts";

const FILE_HEADER_BYTES = 13;
const TAG_HEADER_BYTES = 11;

/** Calls back with each whole tag. */
export class FlvReader {
  readonly #input = new Input();
  readonly #onMessage: (message: MediaMessage) => void;
  #opened = false;

  constructor(onMessage: (message: MediaMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** True when everything that came was a whole tag. */
  get atTagEnd(): boolean {
    return this.#opened && this.#input.length === 0;
  }

  push(bytes: Uint8Array): void {
    this.#input.push(bytes);
    if (!this.#opened && !this.#open()) return;
    while (this.#tag());
  }

  #open(): boolean {
    if (this.#input.length < FILE_HEADER_BYTES) return false;
    const header = this.#input.take(FILE_HEADER_BYTES);
    const signature = String.fromCharCode(...header.subarray(0, 3));
    if (signature !== "FLV" || header[3] !== 1) throw new WireError(`Signature ${signature}`);
    if (header.slice(5).toHex() !== "0000000900000000") {
      throw new WireError("Data offset or PreviousTagSize0 is wrong");
    }
    this.#opened = true;
    return true;
  }

  #tag(): boolean {
    const input = this.#input;
    if (input.length < TAG_HEADER_BYTES) return false;
    const bodyBytes = input.number(1, 3);
    const tagBytes = TAG_HEADER_BYTES + bodyBytes;
    if (input.length < tagBytes + 4) return false;
    const typeId = input.peek(0);
    if (![AUDIO, VIDEO, DATA].includes(typeId)) throw new WireError(`TagType ${typeId}`);
    if (input.number(8, 3) !== 0) throw new WireError("StreamID is not 0");
    const previous = input.number(tagBytes, 4);
    if (previous !== tagBytes) throw new WireError(`PreviousTagSize ${previous}, not ${tagBytes}`);
    const timestampMs = input.peek(7) * 2 ** 24 + input.number(4, 3);
    const body = input.take(tagBytes + 4).subarray(TAG_HEADER_BYTES, tagBytes);
    this.#onMessage({ typeId, timestampMs, body });
    return true;
  }
}
