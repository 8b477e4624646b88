/**
 * AAC in RTP with access unit headers: `MPEG4-GENERIC` in the modes AAC-hbr and AAC-lbr, and any
 * other whose parameters say the same kind of thing.
 *
 * Source: RFC 3640, sections 3.2, 3.3.5, 3.3.6 and 4.1. Interleaved units are refused: nobody sends
 * them, and putting them in order costs latency. Written is AAC-hbr, one unit a packet.
 *
 * @module
 */
import { parseAudioSpecificConfig } from "../codecs/aac.ts";
import { audioTrack } from "../codecs/track_config.ts";
import { BitReader, BitsError } from "../bytes/bit_reader.ts";
import { ProtocolError } from "../errors.ts";
import { type Frame, FRAME_BYTES_MAX } from "../media/record.ts";
import type { AudioTrack } from "../media/track.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  type DepacketizerOptions,
  NO_UNITS,
  type Packetizer,
  RTP_DROP_REASON,
  type RtpDropped,
  type RtpDropReason,
  type RtpFormat,
  type Unit,
} from "./payload.ts";
import { UnitBuffer } from "./unit_buffer.ts";

/** Most access units of a packet: one of 65,535 bytes holds fewer of any use. */
const PACKET_UNITS_MAX = 1_024;

/** Widest field of an access unit header, in bits. */
const FIELD_BITS_MAX = 32;

/** What AAC-hbr says (3.3.6): parameters that are written, and assumed where SDP is silent. */
export const AAC_HBR = { sizeLength: 13, indexLength: 3, indexDeltaLength: 3 } as const;

/** Largest unit that AAC-hbr can say, in bytes. */
const HBR_UNIT_BYTES_MAX = 0x1fff;

/** Bytes in front of a written unit: length of the headers in bits, one header. */
const WRITTEN_HEADER_BYTES = 4;

/** Widths of the fields of access unit headers (section 4.1), in bits; 0 = absent. */
interface HeaderForm {
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
  readonly ctsDeltaLength: number;
  readonly dtsDeltaLength: number;
  readonly randomAccess: boolean;
  readonly streamStateLength: number;
  readonly auxiliarySizeLength: number;
  /** Size of every unit, where it is the same for all and headers do not say it. */
  readonly constantSize: number;
}

/** The access units that a packet's headers tell of. */
interface UnitSizes {
  readonly sizes: readonly number[];
  readonly interleaved: boolean;
  readonly dataAt: number;
}

export class AacDepacketizer implements Depacketizer {
  readonly track: AudioTrack | undefined;
  readonly #dropped: RtpDropped;
  readonly #form: HeaderForm;
  /** Ticks from one unit to the next. */
  readonly #unitTicks: number;
  readonly #buffer = new UnitBuffer();
  /** Size and time of the unit of which fragments are still coming; size 0 = of none. */
  #wanted = 0;
  #timestamp = 0;

  constructor({ format, index, dropped }: DepacketizerOptions) {
    this.#dropped = dropped;
    this.#form = headerFormOf(format);
    const configured = configuredTrack(format, index);
    if (configured === undefined) dropped(RTP_DROP_REASON.configuration);
    this.track = configured;
    this.#unitTicks = configured === undefined ? 0 : ticksOfUnit(configured, format.clockHz);
  }

  push({ payload, timestamp }: RtpPacket): readonly Unit[] {
    if (payload.length === 0) return NO_UNITS;
    const { track } = this;
    if (track === undefined) return this.#drop(RTP_DROP_REASON.unconfigured);
    const headers = this.#readHeaders(payload);
    if (headers === undefined) return this.#drop(RTP_DROP_REASON.payload);
    const { sizes, interleaved, dataAt } = headers;
    if (interleaved) return this.#drop(RTP_DROP_REASON.interleaved);
    const data = payload.subarray(dataAt);
    if (sizes.length === 1 && sizes[0] > data.length) {
      return this.#fragment(data, sizes[0], timestamp, track);
    }
    this.lost();
    return this.#split(data, sizes, timestamp, track);
  }

  lost(): void {
    if (this.#wanted > 0) this.#dropped(RTP_DROP_REASON.lost);
    this.#wanted = 0;
    this.#buffer.clear();
  }

  flush(): readonly Unit[] {
    this.lost();
    return NO_UNITS;
  }

  #split(
    data: Uint8Array,
    sizes: readonly number[],
    timestamp: number,
    track: AudioTrack,
  ): readonly Unit[] {
    const units: Unit[] = [];
    let offset = 0;
    for (const size of sizes) {
      if (offset + size > data.length) return this.#drop(RTP_DROP_REASON.payload);
      const at = timestamp + units.length * this.#unitTicks;
      const unit = data.slice(offset, offset + size);
      if (size > 0) units.push({ track, timestamp: at >>> 0, keyframe: true, data: unit });
      offset += size;
    }
    return units;
  }

  /** Every fragment repeats the size of the whole unit (3.2.3.1). */
  #fragment(
    data: Uint8Array,
    size: number,
    timestamp: number,
    track: AudioTrack,
  ): readonly Unit[] {
    if (size > FRAME_BYTES_MAX) return this.#drop(RTP_DROP_REASON.frameBytes);
    if (this.#wanted !== size || this.#timestamp !== timestamp) {
      this.lost();
      this.#wanted = size;
      this.#timestamp = timestamp;
    }
    if (this.#buffer.length + data.length > size) return this.#drop(RTP_DROP_REASON.payload);
    this.#buffer.append(data);
    if (this.#buffer.length < size) return NO_UNITS;
    this.#wanted = 0;
    return [{ track, timestamp, keyframe: true, data: this.#buffer.take() }];
  }

  #drop(reason: RtpDropReason): readonly Unit[] {
    this.#wanted = 0;
    this.#buffer.clear();
    this.#dropped(reason);
    return NO_UNITS;
  }

  #readHeaders(payload: Uint8Array): UnitSizes | undefined {
    try {
      return readUnitSizes(payload, this.#form);
    } catch (error) {
      if (error instanceof BitsError) return undefined;
      throw error;
    }
  }
}

export class AacPacketizer implements Packetizer {
  readonly clockHz: number;
  readonly ticksLater = 0;
  payloadBytes = 0;
  marker = false;
  readonly #room: number;
  #data: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** @param payloadBytesMax Most bytes of a payload. */
  constructor(track: AudioTrack, payloadBytesMax: number) {
    this.clockHz = track.sampleRate;
    this.#room = payloadBytesMax - WRITTEN_HEADER_BYTES;
  }

  plan({ data }: Frame): number {
    if (data.length === 0 || data.length > HBR_UNIT_BYTES_MAX) return 0;
    this.#data = data;
    this.#at = 0;
    const packets = Math.ceil(data.length / this.#room);
    this.payloadBytes = data.length + packets * WRITTEN_HEADER_BYTES;
    return packets;
  }

  write(target: Uint8Array, offset: number): number {
    const { length } = this.#data;
    const start = this.#at;
    this.#at = Math.min(start + this.#room, length);
    target[offset] = 0;
    target[offset + 1] = AAC_HBR.sizeLength + AAC_HBR.indexLength; // AU-headers-length, in bits
    target[offset + 2] = length >>> 5;
    target[offset + 3] = length << 3; // AU-size, then an AU-Index of 0
    target.set(this.#data.subarray(start, this.#at), offset + WRITTEN_HEADER_BYTES);
    this.marker = this.#at === length; // The last fragment, or a whole unit (3.1).
    return WRITTEN_HEADER_BYTES + this.#at - start;
  }
}

/** Ticks that an access unit lasts. */
export function ticksOfUnit(track: AudioTrack, clockHz: number): number {
  const { frameSamples, coreSampleRate } = parseAudioSpecificConfig(track.config);
  return Math.round(frameSamples * clockHz / coreSampleRate);
}

/** The track of a "config" in SDP; `undefined` when it is missing or cannot be read. */
function configuredTrack(format: RtpFormat, index: number): AudioTrack | undefined {
  try {
    const config = Uint8Array.fromHex(format.parameters.get("config") ?? "");
    return audioTrack("aac", index, config);
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function headerFormOf({ parameters }: RtpFormat): HeaderForm {
  const mode = (parameters.get("mode") ?? "AAC-hbr").toLowerCase();
  const usual = mode === "aac-lbr"
    ? { sizeLength: 6, indexLength: 2, indexDeltaLength: 2 }
    : AAC_HBR;
  const constantSize = numberOf(parameters, "constantsize", 0, FRAME_BYTES_MAX);
  const bits = (name: string, fallback = 0) => numberOf(parameters, name, fallback, FIELD_BITS_MAX);
  return {
    sizeLength: bits("sizelength", constantSize > 0 ? 0 : usual.sizeLength),
    indexLength: bits("indexlength", usual.indexLength),
    indexDeltaLength: bits("indexdeltalength", usual.indexDeltaLength),
    ctsDeltaLength: bits("ctsdeltalength"),
    dtsDeltaLength: bits("dtsdeltalength"),
    randomAccess: bits("randomaccessindication") > 0,
    streamStateLength: bits("streamstateindication"),
    auxiliarySizeLength: bits("auxiliarydatasizelength"),
    constantSize,
  };
}

function numberOf(
  parameters: ReadonlyMap<string, string>,
  name: string,
  fallback: number,
  max: number,
): number {
  const value = Number(parameters.get(name) ?? Number.NaN);
  return Number.isInteger(value) && value >= 0 && value <= max ? value : fallback;
}

/**
 * Reads the headers in front of the units (3.2.1 and 3.2.2).
 *
 * @throws {BitsError} They are cut short.
 */
function readUnitSizes(payload: Uint8Array, form: HeaderForm): UnitSizes {
  const reader = new BitReader(payload);
  const sizes: number[] = [];
  let interleaved = false;
  const hasHeaders = form.sizeLength + form.indexLength + form.indexDeltaLength +
          form.ctsDeltaLength + form.dtsDeltaLength + form.streamStateLength > 0 ||
    form.randomAccess;
  if (hasHeaders) {
    const end = 16 + reader.bits(16);
    while (reader.bitOffset < end && sizes.length < PACKET_UNITS_MAX) {
      const first = sizes.length === 0;
      const before = reader.bitOffset;
      sizes.push(form.sizeLength > 0 ? reader.bits(form.sizeLength) : form.constantSize);
      const index = reader.bits(first ? form.indexLength : form.indexDeltaLength);
      interleaved ||= !first && index !== 0;
      if (form.ctsDeltaLength > 0 && reader.flag()) reader.skip(form.ctsDeltaLength);
      if (form.dtsDeltaLength > 0 && reader.flag()) reader.skip(form.dtsDeltaLength);
      if (form.randomAccess) reader.skip(1);
      reader.skip(form.streamStateLength);
      if (reader.bitOffset === before) break; // Headers of no bits tell nothing.
    }
    reader.skip(Math.max(0, end - reader.bitOffset));
    reader.align();
  }
  if (form.auxiliarySizeLength > 0) {
    reader.skip(reader.bits(form.auxiliarySizeLength));
    reader.align();
  }
  const dataAt = reader.bitOffset / 8;
  // Without headers units are as large as SDP says, or there is one.
  if (sizes.length === 0) addConstantSizes(sizes, form.constantSize, payload.length - dataAt);
  return { sizes, interleaved, dataAt };
}

function addConstantSizes(sizes: number[], constantSize: number, bytes: number): void {
  if (constantSize === 0) sizes.push(bytes);
  else for (let at = 0; at + constantSize <= bytes; at += constantSize) sizes.push(constantSize);
}
