/**
 * H.264 sequence parameter set: what a muxer, a playlist or the timeline must know of it.
 *
 * Source: ITU-T H.264, sections 7.3.2.1.1 (SPS), E.1.1 (VUI) and A.3 (levels). Fields that only a
 * decoder needs are passed over.
 *
 * @module
 */
import { type BitReader, BitsError, readBits } from "../bytes/bit_reader.ts";
import { ProtocolError } from "../errors.ts";
import { unescapeNalUnit } from "../media/nal.ts";
import {
  checkedPictureSize,
  type Ratio,
  readSampleAspectRatio,
  sanitisedFrameRate,
  SQUARE_SAMPLES,
} from "./picture.ts";

/** What an H.264 SPS says. */
export interface SpsInfo {
  readonly profile: number; // profile_idc
  readonly compatibility: number; // constraint_set flags, as the byte in avcC
  readonly level: number; // level_idc, ten times the level
  readonly chromaFormat: number; // chroma_format_idc, 0 to 3
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Picture size in samples after cropping; the sample aspect ratio is not applied. */
  readonly width: number;
  readonly height: number;
  /** Width to height of one sample; 1:1 when not told. */
  readonly sampleAspectRatio: Ratio;
  /** Frames per second of the VUI timing, 0 when not told. */
  readonly frameRate: number;
  /** Pictures may be coded as fields (frame_mbs_only_flag is 0). */
  readonly interlaced: boolean;
  /**
   * Most frames that precede another in decoding order and follow it in output order: 0 means no
   * B-frame reordering. Where the VUI is silent, the most that profile and level allow (E.2.1).
   */
  readonly maxReorderFrames: number;
  /** The same as the VUI tells it; `undefined` where that is silent. */
  readonly toldReorderFrames: number | undefined;
}

const WHERE = { protocol: "H.264", section: "7.3.2.1.1" };

/** profile_idc values whose SPS carries chroma format and bit depth (7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set(
  [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135],
);

/** Profiles that are intra-only when constraint_set3_flag is set (A.2.8 to A.2.11, G.10). */
const INTRA_PROFILES: ReadonlySet<number> = new Set([44, 86, 100, 110, 122, 244]);

/** MaxDpbMbs by level_idc (table A-1), for the reordering depth of a silent VUI. */
const MAX_DPB_MACROBLOCKS: Readonly<Record<number, number>> = {
  9: 396,
  10: 396,
  11: 900,
  12: 2376,
  13: 2376,
  20: 2376,
  21: 4752,
  22: 8100,
  30: 8100,
  31: 18000,
  32: 20480,
  40: 32768,
  41: 32768,
  42: 34816,
  50: 110400,
  51: 184320,
  52: 184320,
  60: 696320,
  61: 696320,
  62: 696320,
};

/** The largest frame buffer a decoder may have, in frames (A.3.1). */
const DPB_FRAMES_MAX = 16;

/** Whether `profile` has chroma format and bit depth in its SPS and in avcC. */
export function hasHighProfileFields(profile: number): boolean {
  return HIGH_PROFILES.has(profile);
}

/**
 * Reads an SPS NAL unit, header byte included, without prefix or start code. A VUI that ends too
 * early or goes wrong, as some cameras send, counts as absent from that point.
 *
 * @throws {ProtocolError} It is no SPS, ends too early or holds a value out of its range.
 */
export function parseSps(nal: Uint8Array): SpsInfo {
  if (nal.length < 4 || (nal[0] & 0x1f) !== 7) {
    throw malformed(`Cannot read SPS: ${nal.length} bytes of NAL unit type ${nal[0] & 0x1f}`, 0);
  }
  const raw = unescapeNalUnit(nal);
  return readBits(raw, WHERE, (reader) => {
    reader.skip(8); // NAL unit header
    const profile = reader.bits(8);
    const compatibility = reader.bits(8);
    const level = reader.bits(8);
    atMost("seq_parameter_set_id", reader.ue(), 31, reader);
    const format = hasHighProfileFields(profile) ? readFormat(reader) : DEFAULT_FORMAT;
    atMost("log2_max_frame_num_minus4", reader.ue(), 12, reader);
    const orderType = readPictureOrder(reader);
    const picture = readPicture(reader, format);
    const vui = reader.flag() ? readVui(reader) : SILENT_VUI;
    const maxReorderFrames = vui.maxReorderFrames ??
      inferredReorder({ profile, compatibility, level, orderType, picture });
    return {
      profile,
      compatibility,
      level,
      chromaFormat: format.chromaFormat,
      bitDepthLuma: format.bitDepthLuma,
      bitDepthChroma: format.bitDepthChroma,
      width: picture.width,
      height: picture.height,
      sampleAspectRatio: vui.sampleAspectRatio,
      frameRate: vui.frameRate,
      interlaced: picture.interlaced,
      maxReorderFrames,
      toldReorderFrames: vui.maxReorderFrames,
    };
  });
}

interface Format {
  chromaFormat: number;
  bitDepthLuma: number;
  bitDepthChroma: number;
  separatePlanes: boolean;
}

const DEFAULT_FORMAT: Format = {
  chromaFormat: 1,
  bitDepthLuma: 8,
  bitDepthChroma: 8,
  separatePlanes: false,
};

function readFormat(reader: BitReader): Format {
  const chromaFormat = atMost("chroma_format_idc", reader.ue(), 3, reader);
  const separatePlanes = chromaFormat === 3 && reader.flag();
  const bitDepthLuma = 8 + atMost("bit_depth_luma_minus8", reader.ue(), 6, reader);
  const bitDepthChroma = 8 + atMost("bit_depth_chroma_minus8", reader.ue(), 6, reader);
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) skipScalingLists(reader, chromaFormat === 3 ? 12 : 8);
  return { chromaFormat, bitDepthLuma, bitDepthChroma, separatePlanes };
}

/** Passes over seq_scaling_matrix (7.3.2.1.1.1). */
function skipScalingLists(reader: BitReader, lists: number): void {
  for (let list = 0; list < lists; list++) {
    if (!reader.flag()) continue;
    const size = list < 6 ? 16 : 64;
    let last = 8;
    let next = 8;
    for (let index = 0; index < size && next !== 0; index++) {
      next = (last + reader.se() + 256) & 0xff;
      if (next !== 0) last = next;
    }
  }
}

/** Passes over the picture order count fields; returns pic_order_cnt_type. */
function readPictureOrder(reader: BitReader): number {
  const type = atMost("pic_order_cnt_type", reader.ue(), 2, reader);
  if (type === 0) atMost("log2_max_pic_order_cnt_lsb_minus4", reader.ue(), 12, reader);
  if (type !== 1) return type;
  reader.skip(1); // delta_pic_order_always_zero_flag
  reader.se(); // offset_for_non_ref_pic
  reader.se(); // offset_for_top_to_bottom_field
  const cycle = atMost("num_ref_frames_in_pic_order_cnt_cycle", reader.ue(), 255, reader);
  for (let index = 0; index < cycle; index++) reader.se(); // offset_for_ref_frame
  return type;
}

interface Picture {
  width: number;
  height: number;
  interlaced: boolean;
  macroblocks: number; // of a frame, before cropping
}

function readPicture(reader: BitReader, format: Format): Picture {
  reader.ue(); // max_num_ref_frames: only a decoder needs it, and cameras exceed its range
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const macroblocksWide = reader.ue() + 1;
  const mapUnitsHigh = reader.ue() + 1;
  const frameMacroblocksOnly = reader.flag();
  if (!frameMacroblocksOnly) reader.skip(1); // mb_adaptive_frame_field_flag
  reader.skip(1); // direct_8x8_inference_flag
  const fieldFactor = frameMacroblocksOnly ? 1 : 2; // 2 - frame_mbs_only_flag
  const macroblocksHigh = mapUnitsHigh * fieldFactor;

  let width = macroblocksWide * 16;
  let height = macroblocksHigh * 16;
  if (reader.flag()) {
    // Units of the crop offsets: equations 7-19 to 7-22, ChromaArrayType 0 counts luma samples.
    const chroma = format.separatePlanes ? 0 : format.chromaFormat;
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
    const unitY = (chroma === 1 ? 2 : 1) * fieldFactor;
    width -= (reader.ue() + reader.ue()) * unitX;
    height -= (reader.ue() + reader.ue()) * unitY;
  }
  checkedPictureSize(width, height, { ...WHERE, offset: reader.bitOffset >>> 3 });
  return {
    width,
    height,
    interlaced: !frameMacroblocksOnly,
    macroblocks: macroblocksWide * macroblocksHigh,
  };
}

interface Vui {
  sampleAspectRatio: Ratio;
  frameRate: number;
  maxReorderFrames: number | undefined;
}

const SILENT_VUI: Vui = {
  sampleAspectRatio: SQUARE_SAMPLES,
  frameRate: 0,
  maxReorderFrames: undefined,
};

/** Reads vui_parameters (E.1.1) as far as they make sense. */
function readVui(reader: BitReader): Vui {
  const vui = { ...SILENT_VUI };
  try {
    readVuiFields(reader, vui);
  } catch (error) {
    if (!(error instanceof BitsError || error instanceof ProtocolError)) throw error;
  }
  return vui;
}

function readVuiFields(reader: BitReader, vui: Vui): void {
  if (reader.flag()) vui.sampleAspectRatio = readSampleAspectRatio(reader);
  if (reader.flag()) reader.skip(1); // overscan_appropriate_flag
  if (reader.flag()) { // video_signal_type_present_flag
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.flag()) reader.skip(24); // colour description
  }
  if (reader.flag()) { // chroma_loc_info_present_flag
    reader.ue();
    reader.ue();
  }
  if (reader.flag()) { // timing_info_present_flag
    const unitsInTick = reader.bits(32);
    const timeScale = reader.bits(32);
    reader.skip(1); // fixed_frame_rate_flag
    // A tick is a field: two of them make a frame (E.2.1).
    vui.frameRate = sanitisedFrameRate(timeScale, unitsInTick * 2);
  }
  const nalHrd = reader.flag();
  if (nalHrd) skipHrd(reader);
  const vclHrd = reader.flag();
  if (vclHrd) skipHrd(reader);
  if (nalHrd || vclHrd) reader.skip(1); // low_delay_hrd_flag
  reader.skip(1); // pic_struct_present_flag
  if (!reader.flag()) return; // bitstream_restriction_flag
  reader.skip(1); // motion_vectors_over_pic_boundaries_flag
  for (let field = 0; field < 4; field++) reader.ue(); // two sizes, two vector lengths
  const reorder = reader.ue();
  // More than any buffer holds is nonsense; then the level decides as for a silent VUI.
  if (reorder <= DPB_FRAMES_MAX) vui.maxReorderFrames = reorder;
}

/** Passes over hrd_parameters (E.1.2). */
function skipHrd(reader: BitReader): void {
  const count = atMost("cpb_cnt_minus1", reader.ue(), 31, reader) + 1;
  reader.skip(8); // bit_rate_scale, cpb_size_scale
  for (let index = 0; index < count; index++) {
    reader.ue(); // bit_rate_value_minus1
    reader.ue(); // cpb_size_value_minus1
    reader.skip(1); // cbr_flag
  }
  reader.skip(20); // four lengths of 5 bits
}

/** max_num_reorder_frames when the VUI does not tell (E.2.1). */
function inferredReorder(
  sps: {
    profile: number;
    compatibility: number;
    level: number;
    orderType: number;
    picture: Picture;
  },
): number {
  if (sps.orderType === 2) return 0; // Output order is decoding order (8.2.1.3).
  if (sps.profile === 66) return 0; // Baseline has no B slices (A.2.1).
  const intraOnly = (sps.compatibility & 0x10) !== 0 && INTRA_PROFILES.has(sps.profile);
  if (intraOnly) return 0;
  const macroblocks = MAX_DPB_MACROBLOCKS[sps.level] ?? MAX_DPB_MACROBLOCKS[62];
  return Math.min(Math.floor(macroblocks / sps.picture.macroblocks), DPB_FRAMES_MAX);
}

function atMost(field: string, value: number, max: number, reader: BitReader): number {
  if (value <= max) return value;
  throw malformed(
    `Cannot read SPS: ${field} is ${value}, at most ${max} is valid`,
    reader.bitOffset >>> 3,
  );
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { ...WHERE, offset });
}
