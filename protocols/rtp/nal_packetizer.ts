/**
 * Access units of H.264 and H.265 to payloads: a NAL unit that fits is one, others are cut.
 *
 * Sources: RFC 6184, sections 5.6 and 5.8; RFC 7798, sections 4.4.1 and 4.4.3. In front of key
 * frames that bring none of their own go the parameter sets, so that viewers follow a
 * configuration that has changed since SDP.
 *
 * @module
 */
import { parameterSetName } from "../codecs/parameter_sets.ts";
import { NAL_LENGTH_BYTES } from "../media/nal.ts";
import type { Frame } from "../media/record.ts";
import type { Packetizer } from "./payload.ts";

/** Clock of every video format, in Hz. */
export const VIDEO_CLOCK_HZ = 90_000;

/** What the two formats do differently. */
export interface NalPacketizerOptions {
  readonly codec: "h264" | "h265";
  /** Most bytes of a payload. */
  readonly payloadBytesMax: number;
  /** Type of the packets that hold a fragment. */
  readonly fragmentType: number;
  /** The parameter sets of a decoder configuration, in the order in which they are sent. */
  setsOf(config: Uint8Array): readonly Uint8Array[];
}

const NO_SETS: readonly Uint8Array[] = [];

/** Whether a NAL unit with this first byte has a type that payloads do not use for themselves. */
export function isNalCarried(codec: "h264" | "h265", first: number): boolean {
  if (codec === "h265") return (first >>> 1 & 0x3f) < 48;
  const type = first & 0x1f;
  return type > 0 && type < 24;
}

export class NalPacketizer implements Packetizer {
  readonly clockHz = VIDEO_CLOCK_HZ;
  readonly ticksLater = 0;
  payloadBytes = 0;
  marker = false;
  readonly #options: NalPacketizerOptions;
  /** Bytes of a NAL unit's header, and of the header that replaces it in fragments. */
  readonly #headerBytes: number;
  readonly #fragmentHeaderBytes: number;
  #config: Uint8Array | undefined;
  #sets: readonly Uint8Array[] = NO_SETS;
  /** The frame planned last: sets to go before it, its bytes. */
  #before: readonly Uint8Array[] = NO_SETS;
  #data: Uint8Array = new Uint8Array(0);
  /** What is yet to be written: the next set, the next unit's length in the frame. */
  #setAt = 0;
  #at = 0;
  /** The unit being cut, and where its next fragment begins in it; 0 = none is. */
  #unit: Uint8Array = new Uint8Array(0);
  #unitAt = 0;

  constructor(options: NalPacketizerOptions) {
    this.#options = options;
    this.#headerBytes = options.codec === "h264" ? 1 : 2;
    this.#fragmentHeaderBytes = this.#headerBytes + 1;
  }

  plan(frame: Frame): number {
    const { data, track } = frame;
    this.#data = data;
    this.#before = frame.keyframe ? this.#setsFor(track.config, data) : NO_SETS;
    this.#setAt = this.#at = this.#unitAt = 0;
    this.payloadBytes = 0;
    let packets = 0;
    for (const set of this.#before) packets += this.#planUnit(set.length);
    for (let at = 0; at < data.length;) {
      const bytes = lengthAt(data, at);
      const carried = this.#isCarried(at);
      at += NAL_LENGTH_BYTES + bytes;
      if (at > data.length) return 0; // No frame of ours is so, and none may spoil a page.
      if (carried) packets += this.#planUnit(bytes);
    }
    return packets;
  }

  write(target: Uint8Array, offset: number): number {
    if (this.#unitAt === 0) this.#unit = this.#nextUnit();
    const { length } = this.#unit;
    if (length <= this.#options.payloadBytesMax) {
      target.set(this.#unit, offset);
      this.marker = this.#isLast();
      return length;
    }
    return this.#writeFragment(target, offset);
  }

  #writeFragment(target: Uint8Array, offset: number): number {
    const unit = this.#unit;
    const first = this.#unitAt === 0;
    const start = first ? this.#headerBytes : this.#unitAt;
    const room = this.#options.payloadBytesMax - this.#fragmentHeaderBytes;
    const end = Math.min(start + room, unit.length);
    const last = end === unit.length;
    this.#unitAt = last ? 0 : end;
    const flags = (first ? 0x80 : 0) | (last ? 0x40 : 0);
    const { fragmentType } = this.#options;
    let at = offset;
    if (this.#options.codec === "h264") {
      target[at++] = unit[0] & 0xe0 | fragmentType;
      target[at++] = flags | unit[0] & 0x1f;
    } else {
      target[at++] = unit[0] & 0x81 | fragmentType << 1;
      target[at++] = unit[1];
      target[at++] = flags | unit[0] >>> 1 & 0x3f;
    }
    target.set(unit.subarray(start, end), at);
    this.marker = last && this.#isLast();
    return at + end - start - offset;
  }

  /** The next unit that is carried; there is one whenever a packet is to be written. */
  #nextUnit(): Uint8Array {
    if (this.#setAt < this.#before.length) return this.#before[this.#setAt++];
    const data = this.#data;
    this.#skipOthers();
    const start = this.#at + NAL_LENGTH_BYTES;
    this.#at = start + lengthAt(data, this.#at);
    return data.subarray(start, this.#at);
  }

  #isLast(): boolean {
    if (this.#setAt < this.#before.length) return false;
    this.#skipOthers();
    return this.#at >= this.#data.length;
  }

  /** Passes over units of no bytes, and of types that payloads use for themselves. */
  #skipOthers(): void {
    const data = this.#data;
    while (this.#at < data.length && !this.#isCarried(this.#at)) {
      this.#at += NAL_LENGTH_BYTES + lengthAt(data, this.#at);
    }
  }

  #isCarried(at: number): boolean {
    const data = this.#data;
    return lengthAt(data, at) > 0 &&
      isNalCarried(this.#options.codec, data[at + NAL_LENGTH_BYTES]);
  }

  /** Packets for a unit of so many bytes, which are added up. */
  #planUnit(bytes: number): number {
    if (bytes <= this.#options.payloadBytesMax) {
      this.payloadBytes += bytes;
      return 1;
    }
    const body = bytes - this.#headerBytes;
    const room = this.#options.payloadBytesMax - this.#fragmentHeaderBytes;
    const packets = Math.ceil(body / room);
    this.payloadBytes += body + packets * this.#fragmentHeaderBytes;
    return packets;
  }

  /** The sets to send before a key frame: those of its track, unless it has some itself. */
  #setsFor(config: Uint8Array, data: Uint8Array): readonly Uint8Array[] {
    if (config !== this.#config) {
      this.#config = config;
      this.#sets = this.#options.setsOf(config);
    }
    const first = data.subarray(NAL_LENGTH_BYTES, NAL_LENGTH_BYTES + lengthAt(data, 0));
    return parameterSetName(this.#options.codec, first) === undefined ? this.#sets : NO_SETS;
  }
}

/** The length of the unit at `at`; more than fits for one that is cut short. */
function lengthAt(data: Uint8Array, at: number): number {
  if (data.length - at < NAL_LENGTH_BYTES) return data.length;
  return (data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]) >>> 0;
}
