/**
 * Temporal units of AV1 to payloads: one OBU, or a part of one, in each.
 *
 * Source: RTP Payload Format For AV1 (AOMedia, v1.0), sections 4.4 and 5. In front of key frames
 * that bring none goes the track's sequence header.
 *
 * @module
 */
import {
  AV1_OBU_TYPE,
  AV1_OBUS_MAX,
  parseAv1CodecConfigurationRecord,
  parseLeb128,
} from "../codecs/av1.ts";
import { ProtocolError } from "../errors.ts";
import type { Frame } from "../media/record.ts";
import { AV1_AGGREGATION, OBU_HEADER, obuHeaderBytes } from "./av1.ts";
import { VIDEO_CLOCK_HZ } from "./nal_packetizer.ts";
import type { Packetizer } from "./payload.ts";

/** Bytes of the aggregation header. */
const AGGREGATION_BYTES = 1;

const NOTHING = new Uint8Array(0);

/** One OBU on its way out: where its header, its payload and its end are in `source`. */
interface Element {
  source: Uint8Array;
  start: number;
  bodyAt: number;
  end: number;
}

export class Av1Packetizer implements Packetizer {
  readonly clockHz = VIDEO_CLOCK_HZ;
  readonly ticksLater = 0;
  payloadBytes = 0;
  marker = false;
  /** Most bytes of an OBU in a payload. */
  readonly #room: number;
  /** Reused from frame to frame; the first `#count` are of the frame planned last. */
  readonly #elements: Element[] = [];
  #count = 0;
  #keyframe = false;
  /** What is yet to be written: an element, and how much of it is. */
  #next = 0;
  #written = 0;
  #config: Uint8Array | undefined;
  #sequenceHeader: Uint8Array = NOTHING;

  /** @param payloadBytesMax Most bytes of a payload. */
  constructor(payloadBytesMax: number) {
    this.#room = payloadBytesMax - AGGREGATION_BYTES;
  }

  plan(frame: Frame): number {
    this.#count =
      this.#next =
      this.#written =
      this.payloadBytes =
        0;
    this.#keyframe = frame.keyframe;
    let packets = 0;
    try {
      if (frame.keyframe) this.#planHeader(frame);
      this.#add(frame.data);
    } catch (error) {
      if (error instanceof ProtocolError) return 0; // No frame of ours is so.
      throw error;
    }
    for (let index = 0; index < this.#count; index++) {
      const bytes = elementBytes(this.#elements[index]);
      const parts = Math.ceil(bytes / this.#room);
      packets += parts;
      this.payloadBytes += bytes + parts * AGGREGATION_BYTES;
    }
    return packets;
  }

  write(target: Uint8Array, offset: number): number {
    const element = this.#elements[this.#next];
    const bytes = elementBytes(element);
    const start = this.#written;
    const end = Math.min(start + this.#room, bytes);
    const startsSequence = this.#keyframe && this.#next === 0 && start === 0;
    target[offset] = 1 << AV1_AGGREGATION.countShift |
      (start > 0 ? AV1_AGGREGATION.continues : 0) |
      (end < bytes ? AV1_AGGREGATION.unfinished : 0) |
      (startsSequence ? AV1_AGGREGATION.startsSequence : 0);
    copyPart(element, start, end, target, offset + AGGREGATION_BYTES);
    this.#written = end === bytes ? 0 : end;
    if (end === bytes) this.#next++;
    this.marker = this.#next === this.#count;
    return AGGREGATION_BYTES + end - start;
  }

  #planHeader({ data, track }: Frame): void {
    if (track.config !== this.#config) {
      this.#config = track.config;
      this.#sequenceHeader = track.config.length === 0
        ? NOTHING
        : parseAv1CodecConfigurationRecord(track.config).obus;
    }
    this.#add(data);
    const hasOwn = this.#elements.slice(0, this.#count).some(isSequenceHeader);
    this.#count = 0;
    if (!hasOwn) this.#add(this.#sequenceHeader);
  }

  /**
   * Adds the OBUs of the low-overhead format, temporal delimiters aside.
   *
   * @throws {ProtocolError} They cannot be read.
   */
  #add(source: Uint8Array): void {
    for (let start = 0; start < source.length;) {
      const header = source[start];
      let bodyAt = start + obuHeaderBytes(header);
      let end = source.length;
      if ((header & OBU_HEADER.hasSize) !== 0) {
        const size = parseLeb128(source, bodyAt);
        bodyAt = size.end;
        end = bodyAt + size.value;
      }
      if (bodyAt > source.length || end > source.length || this.#count === AV1_OBUS_MAX) {
        throw new ProtocolError("Cannot packetise AV1: its OBUs cannot be told apart", {
          protocol: "AV1",
          section: "5.2",
          offset: start,
        });
      }
      const type = header >>> 3 & 0xf;
      if (type !== AV1_OBU_TYPE.temporalDelimiter) this.#push(source, start, bodyAt, end);
      start = end;
    }
  }

  #push(source: Uint8Array, start: number, bodyAt: number, end: number): void {
    const element = this.#elements[this.#count++];
    if (element === undefined) this.#elements.push({ source, start, bodyAt, end });
    else Object.assign(element, { source, start, bodyAt, end });
  }
}

function isSequenceHeader({ source, start }: Element): boolean {
  return (source[start] >>> 3 & 0xf) === AV1_OBU_TYPE.sequenceHeader;
}

/** Bytes of an OBU without its size. */
function elementBytes({ source, start, bodyAt, end }: Element): number {
  return obuHeaderBytes(source[start]) + end - bodyAt;
}

/** Copies bytes `from` to `to` of an OBU without its size. */
function copyPart(
  { source, start, bodyAt }: Element,
  from: number,
  to: number,
  target: Uint8Array,
  offset: number,
): void {
  const headerBytes = obuHeaderBytes(source[start]);
  let at = offset;
  for (let index = from; index < Math.min(to, headerBytes); index++) {
    target[at++] = index === 0 ? source[start] & ~OBU_HEADER.hasSize : source[start + index];
  }
  const bodyFrom = bodyAt + Math.max(0, from - headerBytes);
  target.set(source.subarray(bodyFrom, bodyAt + Math.max(0, to - headerBytes)), at);
}
