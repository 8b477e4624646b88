/**
 * Walks what an RTSP server sends a player: interleaved packets and answers between them (RFC 2326,
 * section 10.12), or datagrams; headers and numbers only.
 *
 * @module
 */
import type { MediaSink, Scanner } from "./media_sink.ts";
import { STAMP_BYTES } from "./stamp.ts";

/** "$", channel, 16 bits of length. */
const FRAME_HEADER_BYTES = 4;
const MAGIC = 0x24;

/** Fixed part of an RTP header (RFC 3550, section 5.1). */
const RTP_HEADER_BYTES = 12;
const RTP_VERSION = 2;

/** Numbers of 16 bits that are further ahead than this are behind. */
const HALF = 0x8000;

/** What a medium carries, as the type of RTMP message that would carry it. */
export type RtpTypeId = 8 | 9;
const VIDEO = 9;

/** Longest answer, in characters. */
const ANSWER_MAX = 8 * 1024;

/** Who is told of each packet of a medium. */
export interface PacketSink {
  /**
   * @param header The fixed part of its header; borrowed for the call.
   * @param tail Its last bytes, as many as a stamp has; borrowed too.
   */
  packet(header: Uint8Array, packetBytes: number, tail: Uint8Array): void;
}

/** The packets of one medium. */
export class RtpScanner implements PacketSink {
  readonly #sink: MediaSink;
  readonly #typeId: RtpTypeId;
  #sequence: number | undefined;

  constructor(sink: MediaSink, typeId: RtpTypeId) {
    this.#sink = sink;
    this.#typeId = typeId;
  }

  /** @throws {Error} It is no RTP packet. */
  packet(header: Uint8Array, packetBytes: number, tail: Uint8Array): void {
    if (packetBytes < RTP_HEADER_BYTES || header[0] >> 6 !== RTP_VERSION) {
      throw new Error(`No RTP packet: ${packetBytes} bytes`);
    }
    const sequence = header[2] << 8 | header[3];
    const ahead = (sequence - (this.#sequence ?? sequence)) & 0xffff;
    if (ahead >= HALF) this.#sink.late();
    else {
      if (ahead > 0) this.#sink.lost(ahead);
      this.#sequence = (sequence + 1) & 0xffff;
    }
    const marker = header[1] > 0x7f;
    if (this.#typeId !== VIDEO) this.#sink.message(this.#typeId, undefined);
    else if (marker && packetBytes >= RTP_HEADER_BYTES + STAMP_BYTES) {
      this.#sink.message(VIDEO, tail);
    } else if (marker) this.#sink.message(VIDEO, undefined);
  }
}

/** One connection; of media that travel elsewhere it carries answers alone. */
export class RtspScanner implements Scanner {
  /** By channel; reports have none. */
  readonly #media: readonly (PacketSink | undefined)[];
  readonly #frame = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #header = new Uint8Array(RTP_HEADER_BYTES);
  readonly #tail = new Uint8Array(STAMP_BYTES);
  #frameBytes = 0;
  #packetBytes = 0;
  #gotBytes = 0;
  #answer: string | undefined;

  constructor(media: readonly (PacketSink | undefined)[]) {
    this.#media = media;
  }

  feed(bytes: Uint8Array, end: number): void {
    let at = 0;
    while (at < end) {
      if (this.#answer !== undefined) at = this.#text(bytes, at);
      else if (this.#frameBytes === FRAME_HEADER_BYTES) at = this.#packet(bytes, at, end);
      else if (this.#frameBytes === 0 && bytes[at] !== MAGIC) this.#answer = "";
      else this.#open(bytes[at++]);
    }
  }

  #open(byte: number): void {
    this.#frame[this.#frameBytes++] = byte;
    this.#packetBytes = this.#frame[2] << 8 | this.#frame[3];
    this.#gotBytes = 0;
  }

  #packet(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(this.#packetBytes - this.#gotBytes, end - at);
    const medium = this.#media[this.#frame[1]];
    if (medium !== undefined) {
      const from = this.#gotBytes;
      for (let i = 0; from + i < RTP_HEADER_BYTES && i < size; i++) {
        this.#header[from + i] = bytes[at + i];
      }
      const tailAt = this.#packetBytes - STAMP_BYTES;
      for (let i = Math.max(0, tailAt - from); i < size; i++) {
        this.#tail[from + i - tailAt] = bytes[at + i];
      }
    }
    this.#gotBytes += size;
    if (this.#gotBytes === this.#packetBytes) {
      this.#frameBytes = 0;
      medium?.packet(this.#header, this.#packetBytes, this.#tail);
    }
    return at + size;
  }

  /** Answers without a body are all that comes once it plays. */
  #text(bytes: Uint8Array, at: number): number {
    this.#answer += String.fromCharCode(bytes[at]);
    if (this.#answer!.endsWith("\r\n\r\n")) {
      const answer = this.#answer!;
      this.#answer = undefined;
      if (!/^RTSP\/1\.0 200 /.test(answer)) throw new Error(`Answered ${answer.slice(0, 40)}`);
    } else if (this.#answer!.length > ANSWER_MAX) throw new Error("An answer without an end");
    return at + 1;
  }
}
