/**
 * The containers that HLS is served in: where the rooms of protocols meet.
 *
 * @module
 */
import type { HlsContainers } from "../../protocols/hls/containers.ts";
import { writeFragment } from "../../protocols/mp4/fragment.ts";
import { writeInitSegment } from "../../protocols/mp4/init_segment.ts";
import { mp4Supports } from "../../protocols/mp4/mp4_support.ts";
import { muxTsSegment } from "../../protocols/mpegts/segment.ts";
import { tsSupports } from "../../protocols/mpegts/ts_support.ts";

export const HLS_CONTAINERS: HlsContainers = {
  fmp4: { supports: mp4Supports, initSegment: writeInitSegment, fragment: writeFragment },
  ts: { supports: tsSupports, segment: muxTsSegment },
};
