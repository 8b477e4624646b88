/**
 * What a sender sends, all its media together: packets and reports in, tracks and frames on one
 * timeline out, receiver reports back.
 *
 * Source: RFC 3550. Nothing that arrives is an error to the caller: what cannot be used is left
 * out and reported. Has no clock: each call says when it is, in microseconds of any monotonic
 * clock, on which the frames' times then lie too.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { type Track, TRACKS_PER_KIND_MAX } from "../media/track.ts";
import type { TsDropReason } from "../mpegts/demuxer.ts";
import { createDepacketizer, kindOfFormat } from "./formats.ts";
import { RtpTsReader } from "./mpegts.ts";
import { parseRtpPacket, type RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  RTP_DROP_REASON,
  type RtpDropReason,
  type RtpFormat,
  type Unit,
} from "./payload.ts";
import { ReceptionStatistics } from "./reception.ts";
import {
  descriptionBytes,
  parseRtcp,
  receiverReportBytes,
  writeDescription,
  writeReceiverReport,
} from "./reports.ts";
import { PacketSequence } from "./sequence.ts";
import { TrackSync } from "./track_sync.ts";

/** Most media of one sender. */
export const RECEIVER_MEDIA_MAX = 2 * TRACKS_PER_KIND_MAX;

/** Receives what a sender's packets hold, in order. Called synchronously. */
export interface RtpSink {
  /** A track appeared or its configuration changed; its frames follow. */
  track(track: Track): void;
  /**
   * One frame of a track reported before.
   *
   * @param ptsUs Presentation time on the caller's clock, or on its own within MPEG-TS; RTP tells
   * no decode time.
   * @param compositionUs Presentation minus decode time, known of MPEG-TS only, else 0.
   * @param data In the one form of its codec (see `Frame.data`); an array of its own.
   */
  frame(
    track: Track,
    ptsUs: number,
    compositionUs: number,
    keyframe: boolean,
    data: Uint8Array,
  ): void;
  /** Something was left out; `reason` is one of a small fixed set, fit to be counted by. */
  dropped(reason: RtpDropReason | TsDropReason): void;
  /** So many packets never came. */
  lost(packets: number): void;
}

export interface ReceiverOptions {
  /** What each medium holds, as agreed on: formats that `kindOfFormat` knows. */
  readonly formats: readonly RtpFormat[];
  /** Packets may be reordered: false on TCP. */
  readonly reorders: boolean;
  /** Who we are in reports: random, and a name of ASCII. */
  readonly ssrc: number;
  readonly cname: string;
}

interface Medium {
  readonly format: RtpFormat;
  readonly sequence: PacketSequence;
  readonly statistics: ReceptionStatistics;
  readonly reader: Depacketizer | RtpTsReader;
  /** As the sink was told. */
  track: Track | undefined;
}

export class RtpReceiver {
  readonly #sink: RtpSink;
  readonly #media: Medium[];
  readonly #sync: TrackSync;
  readonly #ssrc: number;
  readonly #cname: string;

  /**
   * Tracks that SDP has described whole are reported at once.
   *
   * @throws {RangeError} A format is not known, or there are too many of one kind.
   */
  constructor(sink: RtpSink, { formats, reorders, ssrc, cname }: ReceiverOptions) {
    if (formats.length > RECEIVER_MEDIA_MAX) {
      throw new RangeError(
        `Cannot receive ${formats.length} media, at most ${RECEIVER_MEDIA_MAX} fit`,
      );
    }
    this.#sink = sink;
    this.#ssrc = ssrc;
    this.#cname = cname;
    this.#sync = new TrackSync(formats.map(({ clockHz }) => clockHz));
    const indexes = { video: 0, audio: 0, mpegts: 0 };
    this.#media = formats.map((format, at) => {
      const kind = kindOfFormat(format);
      if (typeof kind !== "string") throw new RangeError(kind.reason);
      return this.#open(format, kind === "mpegts" ? kind : indexes[kind]++, reorders, at);
    });
    for (const medium of this.#media) this.#announce(medium, trackOf(medium.reader));
  }

  /** Reports of sender clocks that were not believed. */
  get distrusted(): number {
    return this.#sync.distrusted;
  }

  /** When {@link expire} has something to do, or `undefined`. */
  get dueUs(): number | undefined {
    let dueUs: number | undefined;
    for (const { sequence } of this.#media) {
      const one = sequence.dueUs;
      if (one !== undefined && (dueUs === undefined || one < dueUs)) dueUs = one;
    }
    return dueUs;
  }

  /** Takes an RTP packet of a medium, borrowed for the call. */
  packet(medium: number, bytes: Uint8Array, nowUs: number): void {
    const { format, sequence, statistics } = this.#media[medium];
    const packet = this.#parse(bytes);
    if (packet === undefined) return;
    if (packet.payloadType !== format.payloadType) {
      return this.#sink.dropped(RTP_DROP_REASON.payloadType);
    }
    statistics.packet(packet, nowUs);
    sequence.push(packet, nowUs);
  }

  /** Takes an RTCP packet of a medium, borrowed for the call. */
  reports(medium: number, bytes: Uint8Array, nowUs: number): void {
    const { sequence, statistics } = this.#media[medium];
    try {
      for (const report of parseRtcp(bytes)) {
        if (report.kind !== "sender-report") continue;
        const { ssrc, ntpUs, timestamp } = report;
        statistics.report(report, nowUs);
        const known = sequence.ssrc === undefined || sequence.ssrc === ssrc;
        if (known && ntpUs !== undefined) this.#sync.report(medium, ntpUs, timestamp);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#sink.dropped(RTP_DROP_REASON.reports);
    }
  }

  /** Goes on without packets for which others have waited too long. */
  expire(nowUs: number): void {
    for (const { sequence } of this.#media) sequence.expire(nowUs);
  }

  /** Nothing more will come: hands out what is complete. */
  flush(): void {
    this.#media.forEach((medium, at) => {
      medium.sequence.flush();
      const { reader } = medium;
      if (reader instanceof RtpTsReader) reader.flush();
      else this.#units(at, reader.flush(), undefined);
    });
  }

  /** A receiver report on a medium with a source description, to be sent to its sender. */
  report(medium: number, nowUs: number): Uint8Array {
    const block = this.#media[medium].statistics.block(nowUs);
    const blocks = block === undefined ? [] : [block];
    const bytes = new Uint8Array(
      receiverReportBytes(blocks.length) + descriptionBytes(this.#cname),
    );
    const end = writeReceiverReport(this.#ssrc, blocks, bytes, 0);
    writeDescription(this.#ssrc, this.#cname, bytes, end);
    return bytes;
  }

  #open(format: RtpFormat, index: number | "mpegts", reorders: boolean, at: number): Medium {
    const reader = index === "mpegts"
      ? new RtpTsReader({
        track: (track) => this.#sink.track(track),
        frame: (track, dtsUs, ptsUs, keyframe, data) =>
          this.#sink.frame(track, ptsUs, ptsUs - dtsUs, keyframe, data),
        dropped: (reason) => this.#sink.dropped(reason),
      })
      : createDepacketizer({
        format,
        index,
        dropped: (reason) => this.#sink.dropped(reason),
      });
    const sequence = new PacketSequence({
      packet: (packet, arrivalUs) => this.#ordered(at, packet, arrivalUs),
      lost: (packets) => {
        this.#sink.lost(packets);
        if (!(reader instanceof RtpTsReader)) reader.lost();
      },
      restarted: () => this.#restart(at),
    }, { reorders });
    const statistics = new ReceptionStatistics(format.clockHz);
    return { format, sequence, statistics, reader, track: undefined };
  }

  #parse(bytes: Uint8Array): RtpPacket | undefined {
    try {
      return parseRtpPacket(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#sink.dropped(RTP_DROP_REASON.packet);
      return undefined;
    }
  }

  #ordered(at: number, packet: RtpPacket, arrivalUs: number): void {
    const { reader } = this.#media[at];
    if (reader instanceof RtpTsReader) reader.push(packet);
    else this.#units(at, reader.push(packet), { packet, arrivalUs });
  }

  /** @param newest The packet that completed them, whose arrival is known. */
  #units(
    at: number,
    units: readonly Unit[],
    newest: { readonly packet: RtpPacket; readonly arrivalUs: number } | undefined,
  ): void {
    if (newest !== undefined) this.#sync.timeUs(at, newest.packet.timestamp, newest.arrivalUs);
    for (const { track, timestamp, keyframe, data } of units) {
      this.#announce(this.#media[at], track);
      this.#sink.frame(track, this.#sync.peekUs(at, timestamp), 0, keyframe, data);
    }
  }

  #announce(medium: Medium, track: Track | undefined): void {
    if (track === undefined || track === medium.track) return;
    medium.track = track;
    this.#sink.track(track);
  }

  #restart(at: number): void {
    const { reader } = this.#media[at];
    this.#sync.restart(at);
    if (reader instanceof RtpTsReader) reader.restart();
    else reader.lost();
  }
}

function trackOf(reader: Depacketizer | RtpTsReader): Track | undefined {
  return reader instanceof RtpTsReader ? undefined : reader.track;
}
