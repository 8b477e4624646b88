/**
 * How many pictures a video track holds back for reordering, as its configuration tells it.
 *
 * Sources: ITU-T H.264, section E.2.1 (max_num_reorder_frames); H.265, section 7.4.3.2.1
 * (sps_max_num_reorder_pics).
 *
 * @module
 */
import type { VideoTrack } from "../media/track.ts";
import { parseAvcDecoderConfigurationRecord, parseSps } from "./h264.ts";
import {
  H265_NAL_TYPE,
  hevcUnits,
  parseHevcDecoderConfigurationRecord,
  parseHevcSps,
} from "./h265.ts";

/**
 * Pictures of a track that precede another in decoding order and follow it in presentation.
 *
 * @param track One that `videoTrack` has made.
 * @returns 0 to 16; `undefined` where the configuration is silent, and for codecs that hold none
 * back.
 */
export function toldReorderFrames({ codec, config }: VideoTrack): number | undefined {
  if (codec === "h264") {
    const [sps] = parseAvcDecoderConfigurationRecord(config).sps;
    return sps === undefined ? undefined : parseSps(sps).toldReorderFrames;
  }
  if (codec !== "h265") return undefined;
  const [sps] = hevcUnits(parseHevcDecoderConfigurationRecord(config), H265_NAL_TYPE.sps);
  return sps === undefined ? undefined : parseHevcSps(sps).maxReorderFrames;
}
