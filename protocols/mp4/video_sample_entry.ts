/**
 * Sample entries of video: "avc1", "hvc1", "av01", "vp09", each with its configuration box.
 *
 * Sources: ISO/IEC 14496-12:2015, sections 8.5.2 (SampleEntry), 12.1.3 (VisualSampleEntry) and
 * 12.1.4 (pasp); ISO/IEC 14496-15, sections 5.4.2 and 8.4.1; AV1-ISOBMFF, section 2.2; VP Codec ISO
 * Media File Format Binding. Parameter sets may also stand in the frames, whatever 14496-15 says of
 * "avc1" and "hvc1": frames pass unchanged, and players take these names only.
 *
 * @module
 */
import { parseAvcDecoderConfigurationRecord, parseSps } from "../codecs/h264.ts";
import {
  H265_NAL_TYPE,
  hevcUnits,
  parseHevcDecoderConfigurationRecord,
  parseHevcSps,
} from "../codecs/h265.ts";
import { PICTURE_SIDE_MAX, type Ratio, SQUARE_SAMPLES } from "../codecs/picture.ts";
import { parseVpCodecConfigurationRecord, writeVpCodecConfigurationRecord } from "../codecs/vp9.ts";
import type { VideoTrack } from "../media/track.ts";
import { box, fullBox, u16, u32 } from "./box_writer.ts";

/** data_reference_index of the one data reference; 6 reserved bytes in front (8.5.2). */
const ENTRY_HEAD = u16(0, 0, 0, 1);

/** Size of compressorname, which we leave empty, in bytes. */
const COMPRESSOR_NAME_BYTES = 32;

/** 72 pixels per inch as 16.16 (12.1.3). */
const RESOLUTION = 0x480000;

/** Writes the entry of a track that `mp4Supports` accepts. */
export function writeVideoSampleEntry(track: VideoTrack): Uint8Array {
  const { type, configuration } = codecBoxesOf(track);
  const aspect = sampleAspectRatioOf(track);
  const square = aspect.width === aspect.height;
  return box(
    type,
    ENTRY_HEAD,
    new Uint8Array(16), // pre_defined and reserved
    u16(track.width, track.height),
    u32(RESOLUTION, RESOLUTION, 0), // horizresolution, vertresolution, reserved
    u16(1), // frame_count
    new Uint8Array(COMPRESSOR_NAME_BYTES),
    u16(0x18, 0xffff), // depth, pre_defined
    configuration,
    ...square ? [] : [box("pasp", u32(aspect.width, aspect.height))],
  );
}

/** Size at which a player shows the picture, in pixels: its samples made square. */
export function displaySizeOf(track: VideoTrack): { width: number; height: number } {
  const aspect = sampleAspectRatioOf(track);
  const width = Math.round(track.width * aspect.width / aspect.height);
  // Aspect ratios go up to 65535:1; the field holds no more than 16 bits of whole pixels.
  return { width: Math.min(width, PICTURE_SIDE_MAX), height: track.height };
}

function codecBoxesOf(track: VideoTrack): { type: string; configuration: Uint8Array } {
  const { codec, config } = track;
  switch (codec) {
    case "h264":
      return { type: "avc1", configuration: box("avcC", config) };
    case "h265":
      return { type: "hvc1", configuration: box("hvcC", config) };
    case "av1":
      return { type: "av01", configuration: box("av1C", config) };
    case "vp9": {
      // Carriers differ in whether version and flags belong to the configuration.
      const record = writeVpCodecConfigurationRecord(parseVpCodecConfigurationRecord(config));
      return { type: "vp09", configuration: fullBox("vpcC", 1, 0, record) };
    }
    case "vp8":
      throw new RangeError("Cannot make MP4: VP8 has no place in it");
  }
}

function sampleAspectRatioOf({ codec, config }: VideoTrack): Ratio {
  if (codec === "h264") {
    return parseSps(parseAvcDecoderConfigurationRecord(config).sps[0]).sampleAspectRatio;
  }
  if (codec !== "h265") return SQUARE_SAMPLES; // AV1's render size is no aspect of samples.
  const sps = hevcUnits(parseHevcDecoderConfigurationRecord(config), H265_NAL_TYPE.sps);
  return parseHevcSps(sps[0]).sampleAspectRatio;
}
