/**
 * AV1 in RTP: OBUs without their sizes, put together or cut as packets want.
 *
 * Source: RTP Payload Format For AV1 (AOMedia, v1.0), sections 4.4 and 5. Temporal delimiters do
 * not travel, and are not in our frames. Written is one OBU, or part of one, a packet.
 *
 * @module
 */
import { equalBytes } from "../bytes/equal.ts";
import {
  AV1_OBU_TYPE,
  av1ConfigOf,
  isAv1Keyframe,
  parseLeb128,
  writeAv1CodecConfigurationRecord,
} from "../codecs/av1.ts";
import { videoTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import type { VideoTrack } from "../media/track.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  type DepacketizerOptions,
  NO_UNITS,
  RTP_DROP_REASON,
  type RtpDropReason,
  type Unit,
  UNIT_PACKETS_MAX,
} from "./payload.ts";
import { UnitBuffer } from "./unit_buffer.ts";

/** Bits of the aggregation header (4.4). */
export const AV1_AGGREGATION = {
  continues: 0x80, // Z: the first element goes on from the packet before
  unfinished: 0x40, // Y: the last element goes on in the next packet
  countShift: 4, // W, 2 bits: number of elements, the last without size; 0 = all have one
  startsSequence: 0x08, // N: a coded video sequence begins
} as const;

/** Bits of an OBU header (AV1, 5.3.2). */
export const OBU_HEADER = { hasSize: 2, hasExtension: 4 } as const;

/** OBUs that decoders pass over and that do not travel (section 5). */
const LEFT_OUT: ReadonlySet<number> = new Set([
  AV1_OBU_TYPE.temporalDelimiter,
  AV1_OBU_TYPE.tileList,
  AV1_OBU_TYPE.padding,
]);

export class Av1Depacketizer implements Depacketizer {
  readonly #options: DepacketizerOptions;
  readonly #buffer = new UnitBuffer();
  #track: VideoTrack | undefined;
  /** Sequence header that the track is made of. */
  #sequenceHeader: Uint8Array | undefined;
  #open = false;
  #timestamp = 0;
  #packets = 0;
  #fault: RtpDropReason | undefined;
  /** Where an OBU that is still coming starts; -1 = there is none. */
  #obuAt = -1;
  #headless = true;
  #awaitsKeyframe = true;

  constructor(options: DepacketizerOptions) {
    this.#options = options;
  }

  get track(): VideoTrack | undefined {
    return this.#track;
  }

  push({ payload, timestamp, marker }: RtpPacket): readonly Unit[] {
    if (payload.length === 0) return NO_UNITS;
    const before = this.#open && timestamp !== this.#timestamp ? this.#finish() : undefined;
    if (!this.#open) this.#begin(timestamp, payload);
    if (++this.#packets > UNIT_PACKETS_MAX) this.#spoil(RTP_DROP_REASON.packets);
    try {
      if (this.#fault === undefined) this.#read(payload);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.dropped(RTP_DROP_REASON.payload);
      this.#spoil(RTP_DROP_REASON.lost);
    }
    const now = marker ? this.#finish() : undefined;
    return [before, now].filter((unit) => unit !== undefined);
  }

  lost(): void {
    if (this.#open) this.#spoil(RTP_DROP_REASON.lost);
    this.#headless = true;
    this.#awaitsKeyframe = true;
  }

  flush(): readonly Unit[] {
    const unit = this.#open ? this.#finish() : undefined;
    return unit === undefined ? NO_UNITS : [unit];
  }

  #begin(timestamp: number, payload: Uint8Array): void {
    this.#open = true;
    this.#timestamp = timestamp;
    this.#packets = 0;
    const starts = (payload[0] & AV1_AGGREGATION.startsSequence) !== 0 ||
      firstObuType(payload) === AV1_OBU_TYPE.sequenceHeader;
    if (this.#headless && !starts) this.#fault = RTP_DROP_REASON.lost;
    this.#headless = false;
  }

  #read(payload: Uint8Array): void {
    const header = payload[0];
    const count = header >>> AV1_AGGREGATION.countShift & 3;
    const continues = (header & AV1_AGGREGATION.continues) !== 0;
    if (continues !== this.#obuAt >= 0) return this.#spoil(RTP_DROP_REASON.lost);
    let offset = 1;
    for (let element = 1; offset < payload.length; element++) {
      let end = payload.length;
      if (element !== count) {
        const size = parseLeb128(payload, offset);
        offset = size.end;
        end = offset + size.value;
        if (end > payload.length) throw malformed("OBU element cut short", "4.4", offset);
      }
      const last = end === payload.length;
      const unfinished = last && (header & AV1_AGGREGATION.unfinished) !== 0;
      this.#element(payload.subarray(offset, end), unfinished);
      offset = end;
    }
  }

  #element(data: Uint8Array, unfinished: boolean): void {
    if (this.#fault !== undefined) return;
    if (this.#obuAt < 0) this.#obuAt = this.#buffer.length;
    if (!this.#buffer.append(data)) return this.#spoil(RTP_DROP_REASON.frameBytes);
    if (unfinished) return;
    const start = this.#obuAt;
    this.#obuAt = -1;
    this.#closeObu(start);
  }

  /** An OBU is complete: gives it the size that it travelled without. */
  #closeObu(start: number): void {
    const obu = this.#buffer.tail(start);
    if (obu.length === 0) return;
    const header = obu[0];
    const type = header >>> 3 & 0xf;
    if (LEFT_OUT.has(type)) return this.#buffer.truncate(start);
    const bodyAt = obuHeaderBytes(header);
    if (header >= 0x80 || obu.length < bodyAt) throw malformed("OBU header", "5", start);
    if ((header & OBU_HEADER.hasSize) === 0) {
      const sizes = leb128(obu.length - bodyAt);
      if (!this.#buffer.insert(start + bodyAt, sizes.length)) {
        return this.#spoil(RTP_DROP_REASON.frameBytes);
      }
      this.#buffer.setByte(start, header | OBU_HEADER.hasSize);
      sizes.forEach((byte, at) => this.#buffer.setByte(start + bodyAt + at, byte));
    } else {
      const size = parseLeb128(obu, bodyAt);
      if (size.end + size.value !== obu.length) throw malformed("size of an OBU", "4.4", start);
    }
    if (type === AV1_OBU_TYPE.sequenceHeader) this.#configure(this.#buffer.tail(start));
  }

  #configure(obu: Uint8Array): void {
    if (this.#sequenceHeader !== undefined && equalBytes(this.#sequenceHeader, obu)) return;
    this.#sequenceHeader = obu.slice();
    try {
      const config = writeAv1CodecConfigurationRecord(av1ConfigOf(this.#sequenceHeader));
      this.#track = videoTrack("av1", this.#options.index, config);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#track = undefined;
      this.#options.dropped(RTP_DROP_REASON.configuration);
    }
  }

  #spoil(reason: RtpDropReason): void {
    this.#fault ??= reason;
    this.#obuAt = -1;
    this.#buffer.clear();
  }

  #finish(): Unit | undefined {
    if (this.#obuAt >= 0) this.#spoil(RTP_DROP_REASON.lost);
    const unit = this.#completeUnit();
    this.#open = false;
    this.#fault = undefined;
    this.#buffer.clear();
    return unit;
  }

  #completeUnit(): Unit | undefined {
    const { dropped } = this.#options;
    if (this.#fault !== undefined) {
      this.#awaitsKeyframe = true;
      dropped(this.#fault);
      return undefined;
    }
    if (this.#buffer.length === 0) return undefined;
    if (this.#track === undefined) {
      dropped(RTP_DROP_REASON.unconfigured);
      return undefined;
    }
    const keyframe = isKeyframe(this.#buffer.tail(0));
    if (this.#awaitsKeyframe && keyframe !== true) {
      dropped(RTP_DROP_REASON.awaitingKeyframe);
      return undefined;
    }
    if (keyframe === undefined) {
      this.#awaitsKeyframe = true;
      dropped(RTP_DROP_REASON.payload);
      return undefined;
    }
    this.#awaitsKeyframe = false;
    const data = this.#buffer.take();
    return { track: this.#track, timestamp: this.#timestamp, keyframe, data };
  }
}

/** Bytes of an OBU's header, by its first. */
export function obuHeaderBytes(header: number): number {
  return (header & OBU_HEADER.hasExtension) === 0 ? 1 : 2;
}

/** `undefined` when the unit cannot be read. */
function isKeyframe(temporalUnit: Uint8Array): boolean | undefined {
  try {
    return isAv1Keyframe(temporalUnit);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Type of the OBU that a payload starts with; `undefined` when it starts within one. */
function firstObuType(payload: Uint8Array): number | undefined {
  if ((payload[0] & AV1_AGGREGATION.continues) !== 0) return undefined;
  let at = 1;
  const counted = (payload[0] >>> AV1_AGGREGATION.countShift & 3) === 1;
  // A single element has no size in front; others have one of at most 8 bytes.
  if (!counted) {
    while (at < 9 && payload[at] >= 0x80) at++;
    at++;
  }
  return at < payload.length ? payload[at] >>> 3 & 0xf : undefined;
}

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value;; left >>>= 7) {
    if (left < 0x80) return [...bytes, left];
    bytes.push(left & 0x7f | 0x80);
  }
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read AV1 payload: ${found}`, {
    protocol: "RTP AV1",
    section: `AV1 RTP ${section}`,
    offset,
  });
}
