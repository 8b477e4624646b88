/**
 * H.265 sequence parameter set: what a muxer, a playlist or the timeline must know of it.
 *
 * Source: ITU-T H.265, sections 7.3.2.2 (SPS), 7.3.3 (profile, tier and level), 7.3.4 (scaling
 * lists), 7.3.7 (reference picture sets) and E.2.1 (VUI). Fields that only a decoder needs are
 * passed over, and so is everything behind the VUI's timing.
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

/** The general part of profile_tier_level (7.3.3). */
export interface HevcProfileTierLevel {
  readonly profileSpace: number; // general_profile_space, 0 to 3
  readonly tier: number; // general_tier_flag: 0 main, 1 high
  readonly profile: number; // general_profile_idc
  readonly compatibility: number; // 32 general_profile_compatibility_flags, the first highest
  readonly constraints: Uint8Array; // 6 bytes from general_progressive_source_flag on
  readonly level: number; // general_level_idc, thirty times the level
}

/** What an H.265 SPS says. */
export interface HevcSpsInfo extends HevcProfileTierLevel {
  readonly temporalLayers: number; // sps_max_sub_layers_minus1 + 1
  readonly temporalIdNested: boolean;
  readonly chromaFormat: number; // chroma_format_idc, 0 to 3
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Picture size in samples after the conformance window; sample aspect ratio not applied. */
  readonly width: number;
  readonly height: number;
  /** Width to height of one sample; 1:1 when not told. */
  readonly sampleAspectRatio: Ratio;
  /** Frames per second of the VUI timing, 0 when not told. */
  readonly frameRate: number;
  /** Pictures are fields (field_seq_flag): two make a frame of twice the height. */
  readonly fields: boolean;
  /** Most pictures that precede another in decoding order and follow it in output order. */
  readonly maxReorderFrames: number;
}

const WHERE = { protocol: "H.265", section: "7.3.2.2" };

/** Largest picture buffer, in pictures (A.4.2); bounds the reference picture sets. */
const DPB_PICTURES_MAX = 16;

/**
 * Reads an SPS NAL unit, header included, without prefix or start code. What is behind the
 * decoded picture buffer's sizes counts as absent from the point where it ends too early or goes
 * wrong.
 *
 * @throws {ProtocolError} It is no SPS of the base layer, ends too early or holds a value out of
 * its range.
 */
export function parseHevcSps(nal: Uint8Array): HevcSpsInfo {
  if (nal.length < 4 || ((nal[0] >>> 1) & 0x3f) !== 33) {
    throw malformed(`Cannot read SPS: ${nal.length} bytes of NAL unit type ${nal[0] >>> 1}`, 0);
  }
  if ((nal[0] & 1) !== 0 || nal[1] >>> 3 !== 0) {
    throw malformed("Cannot read SPS: nuh_layer_id is not 0", 0);
  }
  const raw = unescapeNalUnit(nal);
  return readBits(raw, WHERE, (reader) => {
    reader.skip(16 + 4); // NAL unit header, sps_video_parameter_set_id
    const subLayers = atMost("sps_max_sub_layers_minus1", reader.bits(3), 6, reader);
    const temporalIdNested = reader.flag();
    const profileTierLevel = readProfileTierLevel(reader, subLayers, raw);
    atMost("sps_seq_parameter_set_id", reader.ue(), 15, reader);
    const picture = readPicture(reader);
    const orderBits = 4 + atMost("log2_max_poc_lsb_minus4", reader.ue(), 12, reader);
    const maxReorderFrames = readReorder(reader, subLayers);
    const vui = readVui(reader, orderBits);
    return {
      ...profileTierLevel,
      temporalLayers: subLayers + 1,
      temporalIdNested,
      ...picture,
      ...vui,
      maxReorderFrames,
    };
  });
}

/** Reads profile_tier_level with its general part present (7.3.3). */
function readProfileTierLevel(
  reader: BitReader,
  subLayers: number,
  raw: Uint8Array,
): HevcProfileTierLevel {
  const profileSpace = reader.bits(2);
  const tier = reader.bits(1);
  const profile = reader.bits(5);
  const compatibility = reader.bits(32);
  const start = reader.bitOffset >>> 3; // The fields before are whole bytes.
  reader.skip(48);
  const constraints = raw.slice(start, start + 6);
  const level = reader.bits(8);
  let subLayerBits = 0;
  for (let layer = 0; layer < subLayers; layer++) {
    if (reader.flag()) subLayerBits += 88; // sub_layer_profile_present_flag
    if (reader.flag()) subLayerBits += 8; // sub_layer_level_present_flag
  }
  if (subLayers > 0) reader.skip(2 * (8 - subLayers)); // reserved_zero_2bits
  reader.skip(subLayerBits);
  return { profileSpace, tier, profile, compatibility, constraints, level };
}

type PictureFields = Pick<
  HevcSpsInfo,
  "chromaFormat" | "width" | "height" | "bitDepthLuma" | "bitDepthChroma"
>;

function readPicture(reader: BitReader): PictureFields {
  const chromaFormat = atMost("chroma_format_idc", reader.ue(), 3, reader);
  const separatePlanes = chromaFormat === 3 && reader.flag();
  let width = reader.ue();
  let height = reader.ue();
  if (reader.flag()) { // conformance_window_flag
    // SubWidthC and SubHeightC of table 6-1.
    const subsampled = !separatePlanes && (chromaFormat === 1 || chromaFormat === 2);
    width -= (reader.ue() + reader.ue()) * (subsampled ? 2 : 1);
    height -= (reader.ue() + reader.ue()) * (subsampled && chromaFormat === 1 ? 2 : 1);
  }
  checkedPictureSize(width, height, { ...WHERE, offset: reader.bitOffset >>> 3 });
  const bitDepthLuma = 8 + atMost("bit_depth_luma_minus8", reader.ue(), 8, reader);
  const bitDepthChroma = 8 + atMost("bit_depth_chroma_minus8", reader.ue(), 8, reader);
  return { chromaFormat, width, height, bitDepthLuma, bitDepthChroma };
}

/** Reads the sub-layer ordering information; returns sps_max_num_reorder_pics of the highest. */
function readReorder(reader: BitReader, subLayers: number): number {
  const layers = reader.flag() ? subLayers + 1 : 1;
  let reorder = 0;
  for (let layer = 0; layer < layers; layer++) {
    reader.ue(); // sps_max_dec_pic_buffering_minus1
    reorder = atMost("sps_max_num_reorder_pics", reader.ue(), DPB_PICTURES_MAX, reader);
    reader.ue(); // sps_max_latency_increase_plus1
  }
  return reorder;
}

type VuiFields = Pick<HevcSpsInfo, "sampleAspectRatio" | "frameRate" | "fields">;

/** Reads from the coding block sizes to the VUI's timing, as far as it makes sense. */
function readVui(reader: BitReader, orderBits: number): VuiFields {
  const vui = { sampleAspectRatio: SQUARE_SAMPLES, frameRate: 0, fields: false };
  try {
    skipCodingTools(reader);
    skipReferencePictures(reader, orderBits);
    reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if (reader.flag()) readVuiFields(reader, vui);
  } catch (error) {
    if (!(error instanceof BitsError || error instanceof ProtocolError)) throw error;
  }
  return vui;
}

function skipCodingTools(reader: BitReader): void {
  for (let field = 0; field < 6; field++) reader.ue(); // block sizes and hierarchy depths
  if (reader.flag() && reader.flag()) skipScalingLists(reader);
  reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (!reader.flag()) return; // pcm_enabled_flag
  reader.skip(8); // two sample bit depths
  reader.ue(); // log2_min_pcm_luma_coding_block_size_minus3
  reader.ue(); // log2_diff_max_min_pcm_luma_coding_block_size
  reader.skip(1); // pcm_loop_filter_disabled_flag
}

/** Passes over scaling_list_data (7.3.4), which has the same shape for every chroma format. */
function skipScalingLists(reader: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      if (!reader.flag()) { // scaling_list_pred_mode_flag
        reader.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (sizeId > 1) reader.se(); // scaling_list_dc_coef_minus8
      const coefficients = Math.min(64, 1 << (4 + 2 * sizeId));
      for (let index = 0; index < coefficients; index++) reader.se();
    }
  }
}

function skipReferencePictures(reader: BitReader, orderBits: number): void {
  const sets = atMost("num_short_term_ref_pic_sets", reader.ue(), 64, reader);
  let before: number[] = [];
  for (let set = 0; set < sets; set++) before = readReferenceSet(reader, set, before);
  if (!reader.flag()) return; // long_term_ref_pics_present_flag
  const longTerm = atMost("num_long_term_ref_pics_sps", reader.ue(), 32, reader);
  reader.skip(longTerm * (orderBits + 1)); // lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag
}

/**
 * Reads st_ref_pic_set (7.3.7), for the next set's length depends on this one's content. Returns
 * its picture order count differences: the negative ones downwards, then the positive upwards.
 */
function readReferenceSet(reader: BitReader, set: number, before: readonly number[]): number[] {
  if (set > 0 && reader.flag()) return predictReferenceSet(reader, before);
  const negative = reader.ue();
  const count = negative + reader.ue();
  atMost("NumDeltaPocs", count, DPB_PICTURES_MAX, reader);
  const deltas: number[] = [];
  let delta = 0;
  for (let index = 0; index < count; index++) {
    if (index === negative) delta = 0;
    const step = reader.ue() + 1; // delta_poc_s0_minus1 or delta_poc_s1_minus1
    delta += index < negative ? -step : step;
    deltas.push(delta);
    reader.skip(1); // used_by_curr_pic_flag
  }
  return deltas;
}

/** Reads a set that is told by its difference to the one before (7-61 and 7-62). */
function predictReferenceSet(reader: BitReader, before: readonly number[]): number[] {
  const sign = reader.flag() ? -1 : 1; // delta_rps_sign
  const shift = sign * (reader.ue() + 1); // abs_delta_rps_minus1
  const kept: number[] = [];
  for (let index = 0; index <= before.length; index++) {
    // used_by_curr_pic_flag, and only without it use_delta_flag; either keeps the picture.
    const keep = reader.flag() || reader.flag();
    // The entry behind the last one is the picture that the set before belonged to.
    if (keep) kept.push((before[index] ?? 0) + shift);
  }
  kept.sort((a, b) => a - b);
  const negative = kept.filter((delta) => delta < 0).reverse();
  const positive = kept.filter((delta) => delta > 0); // Neither has 0, the picture itself.
  atMost("NumDeltaPocs", negative.length + positive.length, DPB_PICTURES_MAX, reader);
  return [...negative, ...positive];
}

function readVuiFields(
  reader: BitReader,
  vui: { sampleAspectRatio: Ratio; frameRate: number; fields: boolean },
): void {
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
  reader.skip(1); // neutral_chroma_indication_flag
  vui.fields = reader.flag();
  reader.skip(1); // frame_field_info_present_flag
  if (reader.flag()) { // default_display_window_flag: a hint for display, not part of the size
    for (let side = 0; side < 4; side++) reader.ue();
  }
  if (!reader.flag()) return; // vui_timing_info_present_flag
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  // A tick is a picture; where pictures are fields two of them make a frame.
  vui.frameRate = sanitisedFrameRate(timeScale, unitsInTick * (vui.fields ? 2 : 1));
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
