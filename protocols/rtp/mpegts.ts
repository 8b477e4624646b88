/**
 * MPEG transport streams in RTP, read: whole transport packets, which go to the demuxer.
 *
 * Source: RFC 2250, section 2. The streams within bring timestamps of their own, so those of RTP
 * are not looked at.
 *
 * @module
 */
import { TsDemuxer, type TsSink } from "../mpegts/demuxer.ts";
import type { RtpPacket } from "./packet.ts";

export class RtpTsReader {
  readonly #sink: TsSink;
  #demuxer: TsDemuxer;

  constructor(sink: TsSink) {
    this.#sink = sink;
    this.#demuxer = new TsDemuxer(sink);
  }

  /** Takes the next packet, borrowed for the call. Loss shows in the continuity counters. */
  push({ payload }: RtpPacket): void {
    this.#demuxer.feed(payload);
  }

  /** Another source: nothing of the one before goes on. */
  restart(): void {
    this.#demuxer.flush();
    this.#demuxer = new TsDemuxer(this.#sink);
  }

  /** Nothing more will come. */
  flush(): void {
    this.#demuxer.flush();
  }
}
