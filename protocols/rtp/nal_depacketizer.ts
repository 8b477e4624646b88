/**
 * NAL units of H.264 and H.265 to access units; how they stand in payloads is in `h264.ts` and
 * `h265.ts`.
 *
 * Sources: RFC 6184, section 5.1; RFC 7798, section 4.1 (marker and timestamps end access units);
 * ITU-T H.264, section 7.4.1.2.3; H.265, section 7.4.2.4.4 (what an access unit starts with).
 * Parameter sets and delimiters are taken out of the units: the former make the track.
 *
 * @module
 */
import { H264_NAL_TYPE, h264NalType, isH264Idr } from "../codecs/h264.ts";
import { H265_NAL_TYPE, h265NalType, isH265Irap } from "../codecs/h265.ts";
import {
  noParameterSets,
  parameterSetName,
  type ParameterSets,
  ParameterSetStore,
} from "../codecs/parameter_sets.ts";
import { ProtocolError } from "../errors.ts";
import { NAL_LENGTH_BYTES } from "../media/nal.ts";
import type { VideoTrack } from "../media/track.ts";
import { isNalCarried } from "./nal_packetizer.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  NO_UNITS,
  RTP_DROP_REASON,
  type RtpDropped,
  type RtpDropReason,
  type Unit,
  UNIT_PACKETS_MAX,
} from "./payload.ts";
import { UnitBuffer } from "./unit_buffer.ts";

export type NalCodec = "h264" | "h265";

/** Most parameter sets of one kind that are looked at in an access unit: as many as are kept. */
const UNIT_SETS_MAX = 64;

/** Takes the NAL units of payloads, in order. */
export interface NalSink {
  /** A whole NAL unit. */
  nal(nal: Uint8Array): void;
  /** The first part of a NAL unit: its header, 1 or 2 bytes, and what follows. */
  fragmentStart(header: number, headerBytes: number, data: Uint8Array): void;
  /** Another part. */
  fragment(data: Uint8Array): void;
  /** The part before was the last. */
  fragmentEnd(): void;
  /** What follows has this timestamp, which may end the access unit before. */
  timestamp(timestamp: number): void;
}

/** How NAL units stand in the payloads of one format. */
export interface NalPayloadForm {
  readonly codec: NalCodec;
  /**
   * Gives the NAL units of a payload to `sink`.
   *
   * @throws {ProtocolError} The payload is malformed.
   */
  read(payload: Uint8Array, timestamp: number, sink: NalSink): void;
  /** The first bytes of the first NAL unit in a payload; `undefined` in the middle of one. */
  firstNal(payload: Uint8Array): Uint8Array | undefined;
}

export class NalDepacketizer implements Depacketizer, NalSink {
  readonly #form: NalPayloadForm;
  readonly #dropped: RtpDropped;
  readonly #store: ParameterSetStore;
  readonly #buffer = new UnitBuffer();
  /** Units that the packet at hand has completed. */
  #ready: Unit[] = [];
  /** Whether a unit is open, and of it: */
  #open = false;
  #timestamp = 0;
  #sets: ParameterSets = noParameterSets();
  #hasPicture = false;
  #keyframe = false;
  #packets = 0;
  /** Why it cannot be handed out. */
  #fault: RtpDropReason | undefined;
  /** Where the length of a NAL unit that is still coming stands; -1 = there is none. */
  #fragmentAt = -1;
  /** Packets before the next one are missing: the unit that it belongs to may lack its start. */
  #headless = true;
  #awaitsKeyframe = true;
  /** Timestamp of the unit that a marker ended last. */
  #markedTimestamp: number | undefined;
  /** The sender sets markers on packets that do not end a picture. */
  #markersLie = false;

  /** @param sets Parameter sets that SDP has brought. */
  constructor(form: NalPayloadForm, index: number, dropped: RtpDropped, sets: ParameterSets) {
    this.#form = form;
    this.#dropped = dropped;
    this.#store = new ParameterSetStore(form.codec, index);
    this.#learn(sets);
  }

  get track(): VideoTrack | undefined {
    return this.#store.track;
  }

  push(packet: RtpPacket): readonly Unit[] {
    const { payload, timestamp } = packet;
    if (payload.length === 0) return NO_UNITS; // Keeps paths open through firewalls.
    this.#ready = [];
    if (this.#open && timestamp !== this.#timestamp) this.#finish();
    if (!this.#open) this.#begin(timestamp, payload);
    if (++this.#packets > UNIT_PACKETS_MAX) this.#spoil(RTP_DROP_REASON.packets);
    try {
      this.#form.read(payload, timestamp, this);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#dropped(RTP_DROP_REASON.payload);
      this.#spoil(RTP_DROP_REASON.lost);
    }
    // Some cameras mark parameter sets too; those belong to the picture that follows.
    if (packet.marker && !this.#markersLie && (this.#hasPicture || this.#fault !== undefined)) {
      this.#markedTimestamp = this.#timestamp;
      this.#finish();
    }
    return this.#ready.length === 0 ? NO_UNITS : this.#ready;
  }

  lost(): void {
    if (this.#open) this.#spoil(RTP_DROP_REASON.lost);
    this.#headless = true;
    this.#awaitsKeyframe = true;
  }

  flush(): readonly Unit[] {
    this.#ready = [];
    if (this.#open) this.#finish();
    return this.#ready;
  }

  nal(nal: Uint8Array): void {
    if (nal.length === 0 || this.#isOver()) return;
    const start = this.#buffer.length;
    if (!this.#buffer.appendUint32() || !this.#buffer.append(nal)) {
      return this.#spoil(RTP_DROP_REASON.frameBytes);
    }
    this.#close(start);
  }

  fragmentStart(header: number, headerBytes: number, data: Uint8Array): void {
    if (this.#isOver()) return;
    const start = this.#buffer.length;
    let fits = this.#buffer.appendUint32();
    if (headerBytes === 2) fits = this.#buffer.appendByte(header >>> 8) && fits;
    fits = this.#buffer.appendByte(header & 0xff) && fits;
    if (!fits || !this.#buffer.append(data)) return this.#spoil(RTP_DROP_REASON.frameBytes);
    this.#fragmentAt = start;
  }

  fragment(data: Uint8Array): void {
    if (this.#fault !== undefined) return;
    if (this.#fragmentAt < 0) return this.#spoil(RTP_DROP_REASON.lost);
    if (!this.#buffer.append(data)) this.#spoil(RTP_DROP_REASON.frameBytes);
  }

  fragmentEnd(): void {
    if (this.#fault !== undefined) return;
    if (this.#fragmentAt < 0) return this.#spoil(RTP_DROP_REASON.lost);
    const start = this.#fragmentAt;
    this.#fragmentAt = -1;
    this.#close(start);
  }

  timestamp(timestamp: number): void {
    if (!this.#open || timestamp === this.#timestamp) return;
    const fault = this.#fault;
    this.#finish();
    this.#begin(timestamp, undefined);
    this.#fault = fault;
  }

  /** @param payload Of the unit's first packet; absent when the packet is not its first. */
  #begin(timestamp: number, payload: Uint8Array | undefined): void {
    this.#open = true;
    this.#timestamp = timestamp;
    this.#packets = 0;
    if (payload === undefined) return;
    const starts = this.#startsUnit(payload);
    if (timestamp === this.#markedTimestamp && !starts) {
      // The picture went on behind its marker, so what was handed out was not all of it.
      this.#markersLie = true;
      this.#fault = RTP_DROP_REASON.lost;
    }
    if (this.#headless && !starts) this.#fault = RTP_DROP_REASON.lost;
    this.#headless = false;
  }

  /** Whether nothing of an access unit can stand before the first NAL unit of `payload`. */
  #startsUnit(payload: Uint8Array): boolean {
    const nal = this.#form.firstNal(payload);
    if (nal === undefined) return false;
    if (this.#form.codec === "h264") {
      const type = h264NalType(nal);
      // first_mb_in_slice is 0 where its code is a single 1.
      if (type >= H264_NAL_TYPE.slice && type <= H264_NAL_TYPE.idr) return nal[1] >= 0x80;
      return type >= H264_NAL_TYPE.sei && type <= H264_NAL_TYPE.accessUnitDelimiter;
    }
    const type = h265NalType(nal);
    if (type < H265_NAL_TYPE.vps) return nal[2] >= 0x80; // first_slice_segment_in_pic_flag
    return type <= H265_NAL_TYPE.accessUnitDelimiter || type === H265_NAL_TYPE.prefixSei;
  }

  /** A NAL unit begins: one that has not ended before it never will. */
  #isOver(): boolean {
    if (this.#fragmentAt >= 0) this.#spoil(RTP_DROP_REASON.lost);
    return this.#fault !== undefined;
  }

  /** A NAL unit is complete; its length belongs at `start`. */
  #close(start: number): void {
    const nal = this.#buffer.tail(start + NAL_LENGTH_BYTES);
    const { codec } = this.#form;
    const name = parameterSetName(codec, nal);
    if (name !== undefined) {
      const sets = this.#sets[name];
      if (sets.length < UNIT_SETS_MAX) sets.push(nal.slice());
      return this.#buffer.truncate(start);
    }
    if (isDelimiter(codec, nal) || !isNalCarried(codec, nal[0])) {
      return this.#buffer.truncate(start);
    }
    this.#buffer.setUint32(start, nal.length);
    this.#hasPicture ||= isSlice(codec, nal);
    this.#keyframe ||= codec === "h264"
      ? isH264Idr(nal) || (this.#sets.sps.length > 0 && isRecoveryPoint(nal))
      : isH265Irap(nal);
  }

  #spoil(reason: RtpDropReason): void {
    this.#fault ??= reason;
    this.#fragmentAt = -1;
    this.#buffer.clear();
  }

  #finish(): void {
    if (this.#fragmentAt >= 0) this.#spoil(RTP_DROP_REASON.lost);
    const unit = this.#completeUnit();
    if (unit !== undefined) this.#ready.push(unit);
    this.#open = false;
    this.#hasPicture = this.#keyframe = false;
    this.#fault = undefined;
    this.#buffer.clear();
    this.#sets = noParameterSets();
  }

  #completeUnit(): Unit | undefined {
    if (this.#fault !== undefined) {
      this.#awaitsKeyframe = true;
      this.#dropped(this.#fault);
      return undefined;
    }
    this.#learn(this.#sets);
    if (!this.#hasPicture) return undefined;
    const { track } = this.#store;
    if (track === undefined) {
      this.#dropped(RTP_DROP_REASON.unconfigured);
      return undefined;
    }
    if (this.#awaitsKeyframe && !this.#keyframe) {
      this.#dropped(RTP_DROP_REASON.awaitingKeyframe);
      return undefined;
    }
    this.#awaitsKeyframe = false;
    const data = this.#buffer.take();
    return { track, timestamp: this.#timestamp, keyframe: this.#keyframe, data };
  }

  #learn(sets: ParameterSets): void {
    if (this.#store.take(sets) === "unreadable") this.#dropped(RTP_DROP_REASON.configuration);
  }
}

function isDelimiter(codec: NalCodec, nal: Uint8Array): boolean {
  return codec === "h264"
    ? h264NalType(nal) === H264_NAL_TYPE.accessUnitDelimiter
    : h265NalType(nal) === H265_NAL_TYPE.accessUnitDelimiter;
}

function isSlice(codec: NalCodec, nal: Uint8Array): boolean {
  const type = codec === "h264" ? h264NalType(nal) : h265NalType(nal);
  if (codec === "h265") return type >= 0 && type < H265_NAL_TYPE.vps;
  return type >= H264_NAL_TYPE.slice && type <= H264_NAL_TYPE.idr;
}

/**
 * Whether a NAL unit is SEI whose first message is a recovery point (H.264, D.1.8): with an SPS
 * beside it, where decoding can start in streams of open groups and of rolling refresh.
 */
function isRecoveryPoint(nal: Uint8Array): boolean {
  return h264NalType(nal) === H264_NAL_TYPE.sei && nal[1] === 6;
}
