/**
 * AV1 sequence header OBU: what a muxer, a playlist or the timeline must know of it.
 *
 * Source: AV1 Bitstream & Decoding Process, sections 5.5.1 to 5.5.4. Fields that only a decoder
 * needs are passed over.
 *
 * @module
 */
import { type BitReader, readBits } from "../bytes/bit_reader.ts";
import { sanitisedFrameRate } from "./picture.ts";

/** What an AV1 sequence header says. */
export interface Av1SequenceHeader {
  readonly profile: number; // seq_profile, 0 to 2
  readonly level: number; // seq_level_idx[0]
  readonly tier: number; // seq_tier[0]
  readonly bitDepth: number; // 8, 10 or 12
  readonly monochrome: boolean;
  readonly subsamplingX: boolean;
  readonly subsamplingY: boolean;
  readonly chromaSamplePosition: number; // 0 to 3
  /** Largest frame in pixels, 1 to 65,536 a side. */
  readonly width: number;
  readonly height: number;
  /** Frames per second where pictures are equally spaced, 0 when not told. */
  readonly frameRate: number;
}

const WHERE = { protocol: "AV1", section: "5.5" };

/** color_primaries, transfer_characteristics, matrix_coefficients of sRGB: 4:4:4 then (5.5.2). */
const SRGB = [1, 13, 0] as const;

/**
 * Reads the payload of a sequence header OBU, without OBU header.
 *
 * @throws {ProtocolError} It ends too early.
 */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  return readBits(payload, WHERE, (reader) => {
    const profile = reader.bits(3);
    reader.skip(1); // still_picture
    const reduced = reader.flag(); // reduced_still_picture_header
    const operation = reduced
      ? { level: reader.bits(5), tier: 0, frameRate: 0 }
      : readOperation(reader);
    const widthBits = reader.bits(4) + 1;
    const heightBits = reader.bits(4) + 1;
    const width = reader.bits(widthBits) + 1;
    const height = reader.bits(heightBits) + 1;
    if (!reduced && reader.flag()) reader.skip(7); // frame id lengths
    reader.skip(3); // 128x128 superblocks, filter intra, intra edge filter
    if (!reduced) skipInterTools(reader);
    reader.skip(3); // superres, cdef, restoration
    return { profile, ...operation, width, height, ...readColour(reader, profile) };
  });
}

/** Reads from timing_info_present_flag to the last operating point. */
function readOperation(reader: BitReader): { level: number; tier: number; frameRate: number } {
  let frameRate = 0;
  let delayBits = 0; // buffer_delay_length, 0 without decoder model
  if (reader.flag()) { // timing_info_present_flag
    frameRate = readTiming(reader);
    if (reader.flag()) { // decoder_model_info_present_flag
      delayBits = reader.bits(5) + 1;
      reader.skip(42); // num_units_in_decoding_tick and two lengths
    }
  }
  const displayDelay = reader.flag(); // initial_display_delay_present_flag
  const points = reader.bits(5) + 1;
  let level = 0;
  let tier = 0;
  for (let point = 0; point < points; point++) {
    reader.skip(12); // operating_point_idc
    const pointLevel = reader.bits(5);
    const pointTier = pointLevel > 7 ? reader.bits(1) : 0;
    if (delayBits > 0 && reader.flag()) reader.skip(2 * delayBits + 1);
    if (displayDelay && reader.flag()) reader.skip(4);
    if (point === 0) [level, tier] = [pointLevel, pointTier];
  }
  return { level, tier, frameRate };
}

/** Reads timing_info (5.5.3); returns frames per second, 0 when they are not equally spaced. */
function readTiming(reader: BitReader): number {
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  if (!reader.flag()) return 0; // equal_picture_interval
  return sanitisedFrameRate(timeScale, unitsInTick * (readUvlc(reader) + 1));
}

/** Reads uvlc (4.10.3): like Exp-Golomb, but 32 and more zeros mean the largest value. */
function readUvlc(reader: BitReader): number {
  let zeros = 0;
  while (!reader.flag()) zeros++;
  return zeros >= 32 ? 0xffffffff : 2 ** zeros - 1 + reader.bits(zeros);
}

function skipInterTools(reader: BitReader): void {
  reader.skip(4); // inter-intra, masked compound, warped motion, dual filter
  const orderHint = reader.flag();
  if (orderHint) reader.skip(2); // jnt_comp, ref_frame_mvs
  // seq_choose_screen_content_tools, else seq_force_screen_content_tools
  const screenContent = reader.flag() || reader.flag();
  // seq_choose_integer_mv, else seq_force_integer_mv
  if (screenContent && !reader.flag()) reader.skip(1);
  if (orderHint) reader.skip(3); // order_hint_bits_minus_1
}

type Colour = Pick<
  Av1SequenceHeader,
  "bitDepth" | "monochrome" | "subsamplingX" | "subsamplingY" | "chromaSamplePosition"
>;

/** Reads color_config (5.5.2). */
function readColour(reader: BitReader, profile: number): Colour {
  const highBitDepth = reader.flag();
  const twelve = profile === 2 && highBitDepth && reader.flag();
  const bitDepth = twelve ? 12 : highBitDepth ? 10 : 8;
  const monochrome = profile !== 1 && reader.flag();
  const description = reader.flag() ? [reader.bits(8), reader.bits(8), reader.bits(8)] : [];
  const colour = { bitDepth, monochrome, chromaSamplePosition: 0 };
  if (monochrome) return { ...colour, subsamplingX: true, subsamplingY: true };
  if (SRGB.every((value, index) => value === description[index])) {
    return { ...colour, subsamplingX: false, subsamplingY: false };
  }
  reader.skip(1); // color_range
  // Profile 0 is 4:2:0, 1 is 4:4:4, 2 is 4:2:2 unless it has 12 bits and says so.
  let subsamplingX = profile !== 1;
  let subsamplingY = profile === 0;
  if (twelve) {
    subsamplingX = reader.flag();
    subsamplingY = subsamplingX && reader.flag();
  }
  const chromaSamplePosition = subsamplingX && subsamplingY ? reader.bits(2) : 0;
  return { ...colour, subsamplingX, subsamplingY, chromaSamplePosition };
}
