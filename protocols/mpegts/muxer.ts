/**
 * The elementary streams of one programme and their clock: what segments and live bodies share.
 *
 * Source: ISO/IEC 13818-1, section 2.4.3.5; 2.7.2 allows 100 ms between two PCRs. A frame is
 * planned first, which changes nothing, and then written, or only counted.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import { type Track, trackId, TRACKS_PER_KIND_MAX } from "../media/track.ts";
import { ticksOfUs, wrapTicks } from "./clock.ts";
import { ElementaryStream, NO_PCR } from "./elementary_stream.ts";
import { PACKET_BYTES } from "./packet.ts";
import { pcrPidOf } from "./program_tables.ts";
import { type StreamForm, streamFormOf } from "./stream_form.ts";
import { tsTracks } from "./ts_support.ts";

/**
 * How far the programme clock is behind the decode time of the frame that carries it: a track may
 * lag the others by so much, and its frames still arrive before they are due.
 */
export const PCR_LEAD_US = 200_000;

/** Longest time between two PCRs, in microseconds (2.7.2). */
export const PCR_DISTANCE_US_MAX = 100_000;

/** A frame of the clock's stream carries no PCR within this time after the last one. */
const PCR_DISTANCE_US_MIN = 40_000;

/** Most packets that fill a gap with PCRs: 5 s; nobody bridges a longer one. */
const PCR_FILL_MAX = 50;

/** Most tracks of a stream. */
export const STREAMS_MAX = 2 * TRACKS_PER_KIND_MAX;

interface Slot {
  track: Track;
  /** Absent where the track is not carried. */
  stream: ElementaryStream | undefined;
}

export class TsMuxer {
  readonly #slots: (Slot | undefined)[] = new Array(STREAMS_MAX).fill(undefined);
  #pcrStream: ElementaryStream | undefined;
  /** Time of the PCR written last. */
  #pcrUs: number | undefined;
  /** The plan for one frame. */
  #planned: ElementaryStream | undefined;
  #dtsUs = 0;
  #packets = 0;
  #fills = 0;
  #carriesPcr = false;

  constructor(tracks: readonly Track[]) {
    for (const track of tracks) this.announce(track);
  }

  /** The tracks known, in the order of their numbers. */
  get tracks(): Track[] {
    return this.#slots.filter((slot) => slot !== undefined).map(({ track }) => track);
  }

  /** Whether any video is carried. */
  get hasVideo(): boolean {
    return this.#slots.some((slot) => slot?.track.kind === "video" && slot.stream !== undefined);
  }

  /** The stream for the track of that number; `undefined` when it is not carried. */
  stream(id: number): ElementaryStream | undefined {
    return this.#slots[id]?.stream;
  }

  /**
   * Takes note of a track, or of its new configuration.
   *
   * @returns Whether the programme map changes by it.
   */
  announce(track: Track): boolean {
    const id = trackId(track);
    const slot = this.#slots[id];
    if (slot?.track === track) return false;
    const form = streamFormOf(track);
    const before = slot?.stream;
    if (slot !== undefined && sameForm(before?.form, form)) {
      slot.track = track;
      return false;
    }
    const stream = typeof form === "string"
      ? undefined
      : new ElementaryStream(track, form, before?.counter);
    this.#slots[id] = { track, stream };
    const pcrPid = pcrPidOf(tsTracks(this.tracks));
    this.#pcrStream = this.#slots.find((each) => each?.stream?.pid === pcrPid)?.stream;
    return before !== undefined || stream !== undefined;
  }

  /**
   * Plans a frame.
   *
   * @returns Bytes that it needs; 0 when it is not carried: its track was not announced, or
   * differently.
   */
  plan(frame: Frame): number {
    this.#planned = undefined;
    const slot = this.#slots[trackId(frame.track)];
    const stream = slot?.stream;
    if (stream === undefined || slot?.track.codec !== frame.track.codec) return 0;
    this.#planPcr(stream, frame.dtsUs);
    const packets = stream.load(frame, this.#carriesPcr);
    if (packets === 0) return 0;
    this.#planned = stream;
    this.#packets = packets;
    this.#dtsUs = frame.dtsUs;
    return (this.#fills + packets) * PACKET_BYTES;
  }

  /** Packets with payload of the planned frame. */
  get packets(): number {
    return this.#packets;
  }

  /** Goes on as if the planned frame had been written. */
  advance(): void {
    if (this.#carriesPcr || (this.#pcrUs === undefined && this.#fills > 0)) {
      this.#pcrUs = this.#dtsUs;
    } else if (this.#fills > 0) this.#pcrUs = this.#fillUs(this.#fills);
  }

  /**
   * Writes the planned frame.
   *
   * @param extraPackets 0 to 15 more than it needs, over which its payload is spread.
   * @returns The offset behind it.
   */
  write(target: Uint8Array, offset: number, extraPackets = 0): number {
    let at = offset;
    for (let fill = 1; fill <= this.#fills; fill++) {
      this.#pcrStream?.writePcr(pcrTicks(this.#fillUs(fill)), target, at);
      at += PACKET_BYTES;
    }
    const packets = this.#packets + extraPackets;
    const pcr = this.#carriesPcr ? pcrTicks(this.#dtsUs) : NO_PCR;
    this.#planned?.write(packets, pcr, target, at);
    this.advance();
    return at + packets * PACKET_BYTES;
  }

  /** Decides where the clock is written: before the frame, in its first packet, or not. */
  #planPcr(stream: ElementaryStream, dtsUs: number): void {
    const isPcrStream = stream === this.#pcrStream;
    if (this.#pcrUs === undefined) {
      this.#fills = isPcrStream ? 0 : 1;
      this.#carriesPcr = isPcrStream;
      return;
    }
    const gapUs = dtsUs - this.#pcrUs;
    const fills = Math.ceil(gapUs / PCR_DISTANCE_US_MAX) - 1;
    this.#fills = Math.max(0, Math.min(PCR_FILL_MAX, fills));
    this.#carriesPcr = isPcrStream && gapUs >= PCR_DISTANCE_US_MIN;
  }

  /** Time of the PCR in the packet number `fill`, from 1, before the planned frame. */
  #fillUs(fill: number): number {
    if (this.#pcrUs === undefined) return this.#dtsUs;
    return this.#pcrUs + Math.round((this.#dtsUs - this.#pcrUs) * fill / (this.#fills + 1));
  }
}

function pcrTicks(dtsUs: number): number {
  return wrapTicks(ticksOfUs(dtsUs) - ticksOfUs(PCR_LEAD_US));
}

function sameForm(form: StreamForm | undefined, other: StreamForm | string): boolean {
  if (typeof other === "string") return form === undefined;
  return form?.ordinal === other.ordinal;
}
