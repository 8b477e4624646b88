/**
 * The captured MP4 files of tests/vectors, and what other programs say of them.
 *
 * @module
 */
import { demuxFragments } from "../../protocols/mp4/demuxer.ts";
import { parseInitSegment } from "../../protocols/mp4/init_parser.ts";
import type { Frame } from "../../protocols/media/record.ts";
import type { Codec, Track } from "../../protocols/media/track.ts";
import { REPOSITORY } from "./paths.ts";

/** One track of a file, as ffmpeg and ffprobe report it. */
export interface Mp4TrackFacts {
  readonly codec: Codec;
  /** MD5 of all its frames in a row. */
  readonly md5: string;
  readonly frames: number;
  readonly keyframes: number;
  /**
   * Of the last frame, in microseconds, cut off by ffprobe. Where composition offsets are negative
   * ffprobe adds the largest of them (40 ms for H.264, 80 ms for H.265 here); that is taken off.
   */
  readonly lastPtsUs: number;
  readonly lastDtsUs: number;
}

function facts(
  codec: Codec,
  md5: string,
  frames: number,
  keyframes: number,
  lastPtsUs: number,
  lastDtsUs = lastPtsUs,
): Mp4TrackFacts {
  return { codec, md5, frames, keyframes, lastPtsUs, lastDtsUs };
}

/** Files of tests/vectors/mp4_small; the README there says what each holds. */
export const MP4_FACTS: Readonly<Record<string, readonly Mp4TrackFacts[]>> = {
  "h264_aac.mp4": [
    facts("h264", "3d7b4510a99c07223614bdafdc1649d9", 25, 3, 960_000),
    facts("aac", "b3ac9e7f273ca6f87795fac2d3d66507", 45, 45, 1_021_678),
  ],
  "h265.mp4": [facts("h265", "bc196153dffd8ebdf4c1b2a723803806", 25, 3, 920_000, 960_000)],
  "av1.mp4": [facts("av1", "b2ddef707694d5e37d6372ec9d6f3b1f", 10, 1, 360_000)],
  "vp9.mp4": [facts("vp9", "8c842364612e1171ce91c9eef209af09", 25, 1, 960_000)],
  "opus.mp4": [facts("opus", "f0cee9924ced2f536389375fa6b4447d", 51, 51, 1_000_000)],
  "opus_5_1.mp4": [facts("opus", "2298f7104a2918c9138526ff624d002e", 21, 21, 400_000)],
  "mp3.mp4": [facts("mp3", "2b41114688ea6c43c571a826cd372ee3", 40, 40, 1_018_776)],
  "mp3_22050.mp4": [facts("mp3", "d96f14531ca6dd722402b3312cb5322f", 18, 18, 444_082)],
  "flac.mp4": [facts("flac", "332b14479b713f538ca684813e44c62d", 4, 4, 313_469)],
  "ac3.mp4": [facts("ac3", "aafa57f81ff5c5a7960e04fe026a8cfc", 12, 12, 383_129)],
  "eac3.mp4": [facts("eac3", "4533ea36bf78349ea2fc2bfac6f61488", 12, 12, 383_129)],
  "alaw.mov": [facts("g711a", "b7d2eeb6f3b419e24d1ad6061efa070c", 19, 19, 398_000)],
  "ulaw.mov": [facts("g711u", "2e06eecbfe8a5eeff6645b81edd5b13a", 19, 19, 398_000)],
  "gst_h264_aac.mp4": [
    facts("h264", "c95f608977138aa61fadbf8de2709712", 25, 3, 960_000),
    facts("aac", "3e4b8cfe63c779358203d259aa8ad3d4", 44, 44, 998_458),
  ],
  "gst_opus.mp4": [facts("opus", "fbb3f3a96603ba636f9d42992b183dbf", 51, 51, 993_500)],
};

/** A file cut at the end of its "moov". */
export interface Mp4File {
  readonly init: Uint8Array;
  readonly media: Uint8Array;
}

/** Reads a file of {@link MP4_FACTS}. */
export function mp4File(name: string): Mp4File {
  const bytes = Deno.readFileSync(`${REPOSITORY}/tests/vectors/mp4_small/${name}`);
  const end = parseInitSegment(bytes)?.end ?? 0;
  return { init: bytes.subarray(0, end), media: bytes.subarray(end) };
}

/** The tracks and frames of a file. */
export function mp4Media(name: string): { tracks: Track[]; frames: Frame[] } {
  const { init, media } = mp4File(name);
  const tracks = (parseInitSegment(init)?.tracks ?? []).map(({ track }) => track);
  return { tracks, frames: demuxFragments(init, media) };
}
