/**
 * AAC in RTP as LATM, `MP4A-LATM`, read: the multiplex that 3GPP devices and some cameras send.
 *
 * Sources: RFC 6416 (and RFC 3016), section 6; ISO/IEC 14496-3, section 1.7.3 (LATM). One
 * programme of one layer with frames of any length, which is all that is in use.
 *
 * @module
 */
import { BitReader, BitsError } from "../bytes/bit_reader.ts";
import { equalBytes } from "../bytes/equal.ts";
import { skipAudioSpecificConfig } from "../codecs/aac.ts";
import { audioTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import type { AudioTrack } from "../media/track.ts";
import { ticksOfUnit } from "./aac.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  type DepacketizerOptions,
  NO_UNITS,
  RTP_DROP_REASON,
  type Unit,
  UNIT_PACKETS_MAX,
} from "./payload.ts";
import { UnitBuffer } from "./unit_buffer.ts";

/** Most bytes of an element: 64 units of a kilobyte, which is twice the usual. */
const ELEMENT_BYTES_MAX = 64 * 1024;

const SECTION = "14496-3 1.7.3";

/** What StreamMuxConfig says, as far as it is needed. */
export interface LatmConfig {
  /** AudioSpecificConfig, moved to a byte boundary; bits that fill its last byte are zero. */
  readonly config: Uint8Array;
  /** Access units of an element: numSubFrames + 1. */
  readonly unitCount: number;
  /** Bits of other data behind the units. */
  readonly otherBits: number;
}

export class LatmDepacketizer implements Depacketizer {
  readonly #options: DepacketizerOptions;
  /** Elements bring the configuration themselves (cpresent). */
  readonly #inBand: boolean;
  readonly #buffer = new UnitBuffer();
  #latm: LatmConfig | undefined;
  #track: AudioTrack | undefined;
  #unitTicks = 0;
  /** Packets of the element that is still coming, and its time. */
  #packets = 0;
  #timestamp = 0;
  /** Packets are missing: what comes up to the next marker may be the end of an element. */
  #headless = false;

  constructor(options: DepacketizerOptions) {
    const { parameters } = options.format;
    this.#options = options;
    this.#inBand = parameters.get("cpresent") !== "0"; // In band unless said otherwise.
    const config = parameters.get("config");
    if (config === undefined) return;
    try {
      this.#configure(parseSdpConfig(Uint8Array.fromHex(config)));
    } catch (error) {
      if (!isUnreadable(error) && !(error instanceof SyntaxError)) throw error;
      options.dropped(RTP_DROP_REASON.configuration);
    }
  }

  get track(): AudioTrack | undefined {
    return this.#track;
  }

  push({ payload, timestamp, marker }: RtpPacket): readonly Unit[] {
    if (payload.length === 0) return NO_UNITS;
    if (this.#packets > 0 && timestamp !== this.#timestamp) this.#forget();
    if (this.#headless) {
      // Nobody can tell whether it is the start of an element, so the next one is awaited.
      this.#headless = !marker;
      this.#options.dropped(RTP_DROP_REASON.lost);
      return NO_UNITS;
    }
    this.#timestamp = timestamp;
    this.#packets++;
    const fits = this.#buffer.length + payload.length <= ELEMENT_BYTES_MAX &&
      this.#packets <= UNIT_PACKETS_MAX && this.#buffer.append(payload);
    if (!fits) {
      this.#options.dropped(RTP_DROP_REASON.frameBytes);
      this.#headless = !marker;
      this.#clear();
    }
    if (!fits || !marker) return NO_UNITS;
    const elements = this.#buffer.take();
    this.#clear();
    return this.#readElements(elements, timestamp);
  }

  lost(): void {
    this.#forget();
    this.#headless = true;
  }

  flush(): readonly Unit[] {
    this.#forget();
    return NO_UNITS;
  }

  #forget(): void {
    if (this.#packets > 0) this.#options.dropped(RTP_DROP_REASON.lost);
    this.#clear();
  }

  #clear(): void {
    this.#packets = 0;
    this.#buffer.clear();
  }

  #readElements(elements: Uint8Array, timestamp: number): readonly Unit[] {
    const units: Unit[] = [];
    const reader = new BitReader(elements);
    try {
      while (reader.remainingBits >= 8) {
        if (!this.#readElement(reader, elements, timestamp, units)) break;
      }
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.#options.dropped(RTP_DROP_REASON.payload);
    }
    return units;
  }

  /** Reads one AudioMuxElement; false when there is no configuration for it. */
  #readElement(
    reader: BitReader,
    elements: Uint8Array,
    timestamp: number,
    units: Unit[],
  ): boolean {
    if (this.#inBand && !reader.flag()) this.#configure(parseStreamMuxConfig(reader));
    const latm = this.#latm;
    const track = this.#track;
    if (latm === undefined || track === undefined) {
      this.#options.dropped(RTP_DROP_REASON.unconfigured);
      return false;
    }
    for (let count = 0; count < latm.unitCount; count++) {
      const data = readUnit(reader, elements);
      const at = (timestamp + units.length * this.#unitTicks) >>> 0;
      if (data.length > 0) units.push({ track, timestamp: at, keyframe: true, data });
    }
    reader.skip(latm.otherBits);
    reader.align();
    return true;
  }

  #configure(latm: LatmConfig): void {
    const known = this.#track;
    this.#latm = latm;
    if (known !== undefined && equalBytes(known.config, latm.config)) return;
    this.#track = audioTrack("aac", this.#options.index, latm.config);
    this.#unitTicks = ticksOfUnit(this.#track, this.#options.format.clockHz);
  }
}

/** The first 15 bits of version 0: same timing, one unit, one programme, one layer. */
const ONE_OF_EACH = 0x2000;

/**
 * Reads a StreamMuxConfig.
 *
 * @throws {ProtocolError} It has several programmes or layers, or frames of fixed length.
 * @throws {BitsError} It ends too early.
 */
export function parseStreamMuxConfig(reader: BitReader): LatmConfig {
  const start = reader.bitOffset;
  const version = reader.bits(1);
  if (version === 1 && reader.flag()) throw unsupported("audioMuxVersionA 1", start);
  if (version === 1) readValue(reader); // taraBufferFullness
  const sameTiming = reader.flag();
  const unitCount = reader.bits(6) + 1;
  const programs = reader.bits(4) + 1;
  const layers = reader.bits(3) + 1;
  if (!sameTiming || programs > 1 || layers > 1) {
    throw unsupported(`${programs} programmes, ${layers} layers`, start);
  }
  const config = readConfig(reader, version === 1 ? readValue(reader) : undefined);
  const lengthType = reader.bits(3);
  if (lengthType !== 0) throw unsupported(`frameLengthType ${lengthType}`, start);
  reader.skip(8); // latmBufferFullness
  let otherBits = 0;
  if (reader.flag()) {
    if (version === 1) otherBits = readValue(reader);
    else {
      for (let escaped = true; escaped;) {
        escaped = reader.flag();
        otherBits = (otherBits * 256 + reader.bits(8)) % 2 ** 32;
      }
    }
  }
  if (reader.flag()) reader.skip(8); // crcCheckSum
  return { config, unitCount, otherBits };
}

/** The configuration of a description. */
function parseSdpConfig(bytes: Uint8Array): LatmConfig {
  try {
    return parseStreamMuxConfig(new BitReader(bytes));
  } catch (error) {
    const reader = new BitReader(bytes);
    if (!isUnreadable(error) || bytes.length < 4 || reader.bits(15) !== ONE_OF_EACH) throw error;
    // GStreamer's rtpmp4apay writes an AudioSpecificConfig whole, with the extension that tells old
    // decoders of SBR and takes the place of what should follow, and nothing behind it.
    const config = new Uint8Array(reader.remainingBits >>> 3);
    for (let at = 0; at < config.length; at++) config[at] = reader.bits(8);
    return { config, unitCount: 1, otherBits: 0 };
  }
}

/** @param bits As announced, where it is. */
function readConfig(reader: BitReader, bits: number | undefined): Uint8Array {
  const probe = reader.copy();
  const start = probe.bitOffset;
  if (bits === undefined) skipAudioSpecificConfig(probe);
  const length = bits ?? probe.bitOffset - start;
  if (length > reader.remainingBits) throw new BitsError("Cannot read configuration", start);
  const config = new Uint8Array(Math.ceil(length / 8));
  for (let at = 0; at < length; at += 8) {
    const taken = Math.min(8, length - at);
    config[at / 8] = reader.bits(taken) << (8 - taken);
  }
  return config;
}

/** PayloadLengthInfo and PayloadMux of one unit (1.7.3.1). */
function readUnit(reader: BitReader, elements: Uint8Array): Uint8Array {
  let bytes = 0;
  for (let more = true; more;) {
    const part = reader.bits(8);
    bytes += part;
    more = part === 255;
  }
  const start = reader.bitOffset;
  reader.skip(bytes * 8);
  if (start % 8 === 0) return elements.slice(start / 8, start / 8 + bytes);
  const unit = new Uint8Array(bytes);
  const shift = start % 8;
  for (let at = 0, from = start >>> 3; at < bytes; at++, from++) {
    unit[at] = elements[from] << shift | elements[from + 1] >>> (8 - shift);
  }
  return unit;
}

/** LatmGetValue: 1 to 4 bytes behind their number. */
function readValue(reader: BitReader): number {
  return reader.bits(8 * (reader.bits(2) + 1));
}

function isUnreadable(error: unknown): boolean {
  return error instanceof ProtocolError || error instanceof BitsError;
}

function unsupported(found: string, bitOffset: number): ProtocolError {
  return new ProtocolError(`Cannot read StreamMuxConfig: ${found}, one of each is read`, {
    protocol: "LATM",
    section: SECTION,
    offset: bitOffset >>> 3,
  });
}
