/**
 * Walks what an RTMP server sends a player, headers and lengths only (RTMP 1.0, section 5.3).
 *
 * `tests/support/wire/rtmp_reader.ts` hands out whole messages; this one must cost so little that
 * a thousand players fit one core, so it copies nothing but the bytes that it looks into.
 *
 * @module
 */
import type { MediaSink, Scanner } from "./media_sink.ts";
import { STAMP_BYTES } from "./stamp.ts";

/** Bytes of S0, S1 and S2 (5.2). */
const HANDSHAKE_BYTES = 1 + 2 * 1536;

const HEADER_BYTES = [11, 7, 3, 0];
const EXTENDED = 0xffffff;
const TYPE = { chunkSize: 1, windowSize: 5, audio: 8, video: 9, data: 18, command: 20 } as const;

/** Bytes of control messages and commands that are looked at. */
const BODY_BYTES_MAX = 512;

/** Chunk stream ids of one byte; no server uses others for media. */
const CHUNK_STREAMS = 64;

/** Codes that mean that nothing will be played. */
const REFUSAL = /Net(?:Stream|Connection)\.\w+\.(?:Failed|StreamNotFound|Rejected|BadName)/;

/** A message in the making. */
interface Slot {
  typeId: number;
  bodyBytes: number;
  gotBytes: number;
  extended: boolean;
}

export class RtmpScanner implements Scanner {
  readonly #sink: MediaSink;
  readonly #onWindow: (bytes: number) => void;
  readonly #slots: (Slot | undefined)[] = new Array(CHUNK_STREAMS).fill(undefined);
  readonly #header = new Uint8Array(16);
  readonly #tail = new Uint8Array(STAMP_BYTES);
  #body: Uint8Array | undefined;
  #headerBytes = 0;
  #skip = HANDSHAKE_BYTES;
  #chunkBytes = 128;
  #slot: Slot | undefined;
  #left = 0;

  /** @param onWindow Told the acknowledgement window that the server announced. */
  constructor(sink: MediaSink, onWindow: (bytes: number) => void) {
    this.#sink = sink;
    this.#onWindow = onWindow;
  }

  feed(bytes: Uint8Array, end: number): void {
    let at = Math.min(this.#skip, end);
    this.#skip -= at;
    while (at < end) {
      if (this.#slot === undefined) {
        this.#header[this.#headerBytes++] = bytes[at++];
        this.#readHeader();
      } else {
        at = this.#payload(this.#slot, bytes, at, end);
      }
      if (this.#slot !== undefined && this.#left === 0) this.#chunkEnd(this.#slot);
    }
  }

  /** Looks whether the header is whole; if so a chunk begins. */
  #readHeader(): void {
    const header = this.#header;
    const format = header[0] >> 6;
    const id = header[0] & 63;
    if (id < 2) throw new Error("A chunk stream id of 2 or 3 bytes");
    const bytes = 1 + HEADER_BYTES[format];
    if (this.#headerBytes < bytes) return;
    const slot = this.#slots[id] ??= { typeId: 0, bodyBytes: 0, gotBytes: 0, extended: false };
    if (format < 3) slot.extended = (header[1] << 16 | header[2] << 8 | header[3]) === EXTENDED;
    if (slot.extended && this.#headerBytes < bytes + 4) return;
    if (format < 2) {
      slot.bodyBytes = header[4] << 16 | header[5] << 8 | header[6];
      slot.typeId = header[7];
    }
    this.#headerBytes = 0;
    this.#slot = slot;
    this.#left = Math.min(this.#chunkBytes, slot.bodyBytes - slot.gotBytes);
  }

  #payload(slot: Slot, bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(this.#left, end - at);
    if (slot.typeId === TYPE.video) {
      const tailAt = slot.bodyBytes - STAMP_BYTES;
      for (let i = Math.max(0, tailAt - slot.gotBytes); i < size; i++) {
        this.#tail[slot.gotBytes + i - tailAt] = bytes[at + i];
      }
    } else if (slot.typeId !== TYPE.audio && slot.typeId !== TYPE.data) {
      this.#body ??= new Uint8Array(BODY_BYTES_MAX);
      const room = Math.max(0, BODY_BYTES_MAX - slot.gotBytes);
      if (room > 0) this.#body.set(bytes.subarray(at, at + Math.min(size, room)), slot.gotBytes);
    }
    slot.gotBytes += size;
    this.#left -= size;
    return at + size;
  }

  #chunkEnd(slot: Slot): void {
    this.#slot = undefined;
    if (slot.gotBytes < slot.bodyBytes) return;
    slot.gotBytes = 0;
    const { typeId } = slot;
    if (typeId === TYPE.video) this.#sink.message(typeId, this.#tail);
    else if (typeId === TYPE.audio || typeId === TYPE.data) this.#sink.message(typeId, undefined);
    else if (this.#body !== undefined) this.#control(slot, this.#body);
  }

  #control({ typeId, bodyBytes }: Slot, body: Uint8Array): void {
    const first = body[0] * 2 ** 24 + (body[1] << 16 | body[2] << 8 | body[3]);
    if (typeId === TYPE.chunkSize) this.#chunkBytes = first;
    if (typeId === TYPE.windowSize) this.#onWindow(first);
    if (typeId === TYPE.command) {
      const text = new TextDecoder("latin1").decode(body.subarray(0, bodyBytes));
      const refused = REFUSAL.exec(text)?.[0];
      if (refused !== undefined) throw new Error(`The server answered ${refused}`);
      this.#body = undefined; // Commands come at the start; a thousand players need no buffer each.
    }
  }
}
