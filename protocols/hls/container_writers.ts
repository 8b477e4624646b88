/**
 * The containers of HLS bound to their writers.
 *
 * @module
 */
import { writeFragment } from "../mp4/fragment.ts";
import { writeInitSegment } from "../mp4/init_segment.ts";
import { mp4Supports } from "../mp4/mp4_support.ts";
import { muxTsSegment } from "../mpegts/segment.ts";
import { tsSupports } from "../mpegts/ts_support.ts";
import type { HlsContainers } from "./containers.ts";

/** What a segmenter is given outside of tests. */
export const HLS_CONTAINERS: HlsContainers = {
  fmp4: { supports: mp4Supports, initSegment: writeInitSegment, fragment: writeFragment },
  ts: { supports: tsSupports, segment: muxTsSegment },
};
