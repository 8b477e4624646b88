/**
 * Log records as RTP packets interleaved with sender reports: the shared bytes of every RTSP player
 * of a stream. Those over UDP are sent the same packets, see `interleaved.ts`.
 *
 * Sources: RFC 2326, section 10.12; RFC 3550, sections 5.1 and 6.4.1. All viewers of an encoding
 * see one source: the same SSRC, numbers and timestamps. The preface is a report on each track, so
 * that whoever joins can bring them together from the first packet on.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import type { PageEncoder } from "../media/page_encoder.ts";
import type { Frame, LogRecord, StreamHead } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { ticksOfUs } from "./clock.ts";
import { createPacketizer } from "./formats.ts";
import { INTERLEAVED_HEADER_BYTES, writeInterleavedHeader } from "./interleaved.ts";
import { RTP_HEADER_BYTES, type RtpHeader, writeRtpHeader } from "./packet.ts";
import type { Packetizer } from "./payload.ts";
import {
  descriptionBytes,
  GOODBYE_BYTES,
  senderReportBytes,
  writeDescription,
  writeGoodbye,
  writeSenderReport,
} from "./reports.ts";

/**
 * Largest packet written, in bytes: what an IPv6 path of 1,500 carries in UDP, and a tunnel's head
 * besides. The same on TCP, where size matters little, so that all viewers share.
 */
export const PACKET_BYTES_MAX = 1_400;

/** Time between two reports on a track, in microseconds (RFC 3550, 6.2: at least 5 s). */
export const REPORT_INTERVAL_US = 5_000_000;

const NOTHING = new Uint8Array(0);

/** How one track goes out; what is random comes from the caller. */
export interface RtpPageTrack {
  readonly track: Track;
  readonly payloadType: number;
  /** Channels of its packets and of its reports. */
  readonly channel: number;
  readonly reportChannel: number;
  readonly ssrc: number;
  /** Number of its first packet, 16 bits. */
  readonly sequence: number;
  /** Timestamp of the timeline's zero, 32 bits. */
  readonly timestamp: number;
}

export interface RtpPageOptions {
  readonly tracks: readonly RtpPageTrack[];
  /** Name of the source in reports: ASCII, the same for all tracks. */
  readonly cname: string;
  /** Wall clock, in microseconds since 1970, minus the timeline's time. */
  readonly wallOffsetUs: number;
  /** Largest packet, {@link PACKET_BYTES_MAX} unless given; header and a format's own fit. */
  readonly packetBytesMax?: number;
}

/** A track on its way out. */
interface Slot {
  readonly options: RtpPageTrack;
  readonly packetizer: Packetizer;
  /** Of the next packet; reused from packet to packet. */
  readonly header: RtpHeader;
  packets: number; // sent
  octets: number; // of payload
  /** Newest decode time, and that of the newest report; `undefined` before the first frame. */
  dtsUs: number | undefined;
  reportUs: number | undefined;
}

export class RtpPageEncoder implements PageEncoder {
  readonly #cname: string;
  readonly #wallOffsetUs: number;
  readonly #slots = new Map<number, Slot>();
  readonly #reportBytes: number;

  /** Tracks without payload format are left out. */
  constructor({ tracks, cname, wallOffsetUs, packetBytesMax }: RtpPageOptions) {
    this.#cname = cname;
    this.#wallOffsetUs = wallOffsetUs;
    this.#reportBytes = INTERLEAVED_HEADER_BYTES + senderReportBytes() + descriptionBytes(cname);
    const payloadBytesMax = (packetBytesMax ?? PACKET_BYTES_MAX) - RTP_HEADER_BYTES;
    for (const options of tracks) {
      const packetizer = createPacketizer(options.track, payloadBytesMax);
      if (packetizer === undefined) continue;
      this.#slots.set(trackId(options.track), newSlot(options, packetizer));
    }
  }

  opening(): Uint8Array {
    return NOTHING;
  }

  preface(_head: StreamHead, dtsUs: number): Uint8Array {
    const bytes = new Uint8Array(this.#slots.size * this.#reportBytes);
    let at = 0;
    for (const slot of this.#slots.values()) at = this.#writeReport(slot, dtsUs, bytes, at);
    return bytes;
  }

  sizeOf(record: LogRecord): number {
    if (record.kind !== "frame") return 0;
    const slot = this.#slotOf(record);
    if (slot === undefined) return 0;
    const packets = slot.packetizer.plan(record);
    if (packets === 0) return 0;
    return packets * (INTERLEAVED_HEADER_BYTES + RTP_HEADER_BYTES) + slot.packetizer.payloadBytes +
      (reportDue(slot, record.dtsUs) ? this.#reportBytes : 0);
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    if (record.kind !== "frame") return;
    const slot = this.#slotOf(record);
    if (slot === undefined) return;
    let at = offset;
    if (reportDue(slot, record.dtsUs)) {
      at = this.#writeReport(slot, record.dtsUs, target, at);
      slot.reportUs = record.dtsUs;
    }
    slot.dtsUs = record.dtsUs;
    slot.reportUs ??= record.dtsUs; // Its first viewers had one in their preface.
    writePackets(slot, record, target, at);
  }

  /** A last report and a goodbye for each track that has sent anything. */
  closing(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const slot of this.#slots.values()) {
      if (slot.dtsUs === undefined) continue;
      const bytes = new Uint8Array(this.#reportBytes + GOODBYE_BYTES);
      const end = this.#writeReport(slot, slot.dtsUs, bytes, 0);
      writeGoodbye(slot.options.ssrc, bytes, end);
      const packetBytes = bytes.length - INTERLEAVED_HEADER_BYTES;
      writeInterleavedHeader(slot.options.reportChannel, packetBytes, bytes, 0);
      parts.push(bytes);
    }
    return concatBytes(...parts);
  }

  /** The slot of a frame's track; of another codec than it was announced with it cannot go. */
  #slotOf({ track }: Frame): Slot | undefined {
    const slot = this.#slots.get(trackId(track));
    if (slot === undefined) return undefined;
    const { track: announced } = slot.options;
    if (announced === track) return slot;
    if (announced.codec !== track.codec) return undefined;
    if (announced.kind === "video" || track.kind === "video") return slot;
    return announced.sampleRate === track.sampleRate ? slot : undefined;
  }

  #writeReport(slot: Slot, dtsUs: number, target: Uint8Array, offset: number): number {
    const { options, packets, octets } = slot;
    const { ssrc, reportChannel } = options;
    const packetBytes = this.#reportBytes - INTERLEAVED_HEADER_BYTES;
    const at = writeInterleavedHeader(reportChannel, packetBytes, target, offset);
    const ntpUs = dtsUs + this.#wallOffsetUs;
    const timestamp = timestampOf(slot, dtsUs);
    const end = writeSenderReport({ ssrc, ntpUs, timestamp, packets, octets }, target, at);
    return writeDescription(ssrc, this.#cname, target, end);
  }
}

function newSlot(options: RtpPageTrack, packetizer: Packetizer): Slot {
  const { payloadType, ssrc, sequence } = options;
  return {
    options,
    packetizer,
    header: { payloadType, marker: false, sequence, timestamp: 0, ssrc },
    packets: 0,
    octets: 0,
    dtsUs: undefined,
    reportUs: undefined,
  };
}

function reportDue({ reportUs }: Slot, dtsUs: number): boolean {
  return reportUs !== undefined && dtsUs - reportUs >= REPORT_INTERVAL_US;
}

function timestampOf({ options, packetizer }: Slot, timeUs: number): number {
  return (options.timestamp + ticksOfUs(timeUs, packetizer.clockHz)) >>> 0;
}

/** Writes all packets of a frame behind each other. */
function writePackets(slot: Slot, frame: Frame, target: Uint8Array, offset: number): void {
  const { packetizer, header, options } = slot;
  const timestamp = timestampOf(slot, frame.ptsUs);
  let at = offset;
  for (let left = packetizer.plan(frame); left > 0; left--) {
    const packetAt = at + INTERLEAVED_HEADER_BYTES;
    const payloadBytes = packetizer.write(target, packetAt + RTP_HEADER_BYTES);
    writeInterleavedHeader(options.channel, RTP_HEADER_BYTES + payloadBytes, target, at);
    header.marker = packetizer.marker;
    header.timestamp = (timestamp + packetizer.ticksLater) >>> 0;
    writeRtpHeader(header, target, packetAt);
    header.sequence = (header.sequence + 1) & 0xffff;
    slot.packets = (slot.packets + 1) >>> 0;
    slot.octets = (slot.octets + payloadBytes) >>> 0;
    at = packetAt + RTP_HEADER_BYTES + payloadBytes;
  }
}
