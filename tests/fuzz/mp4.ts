/**
 * Fuzz targets of the MP4 readers: no input may do anything but be read, be waited for or be
 * refused with a ProtocolError; what is read must be sane, and our writer must take it.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { validateNalUnits } from "../../protocols/media/nal.ts";
import { type Frame, FRAME_BYTES_MAX } from "../../protocols/media/record.ts";
import { type Track, TRACK_CONFIG_BYTES_MAX, trackId } from "../../protocols/media/track.ts";
import { parseBox } from "../../protocols/mp4/box_reader.ts";
import { demuxFragments } from "../../protocols/mp4/demuxer.ts";
import { writeFragment } from "../../protocols/mp4/fragment.ts";
import { parseInitSegment } from "../../protocols/mp4/init_parser.ts";
import { writeInitSegment } from "../../protocols/mp4/init_segment.ts";
import { mp4Supports } from "../../protocols/mp4/mp4_support.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MP4_FACTS, mp4File, mp4Media } from "../support/mp4_vectors.ts";

/** One reader under fuzz: `run` throws only when the reader has a defect. */
export interface Mp4FuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

const NAMES = Object.keys(MP4_FACTS);

/** A century: at the end of what is read, 2^53, rounding there and back may pass it. */
const TIME_US_MAX = 3.2e15;

/** The init segment that fragments under fuzz are read with: track 1 is H.264, track 2 AAC. */
const { init: INIT } = mp4File("h264_aac.mp4");

/** The same tracks with the timescales that we write. */
const OWN_INIT = writeInitSegment(mp4Media("h264_aac.mp4").tracks);

export const MP4_FUZZ_TARGETS: Mp4FuzzTarget[] = [
  {
    name: "an MP4 init segment",
    seeds: NAMES.map((name) => mp4File(name).init),
    run: runInit,
  },
  {
    name: "an MP4 fragment",
    seeds: ["h264_aac.mp4", "h265.mp4", "av1.mp4", "flac.mp4", "alaw.mov"].map((name) =>
      firstFragment(mp4File(name).media)
    ),
    run: runFragment,
  },
];

/** The first "moof" of a file and its "mdat". */
function firstFragment(media: Uint8Array): Uint8Array {
  let moof = parseBox(media);
  while (moof !== undefined && moof.type !== "moof") moof = parseBox(media, moof.end);
  const mdat = moof === undefined ? undefined : parseBox(media, moof.end);
  return media.subarray(moof?.start, mdat?.end);
}

function runInit(input: Uint8Array): void {
  const before = input.slice();
  const segment = refusable(() => parseInitSegment(input));
  assertEquals(input, before, "a parser wrote into its input");
  if (segment === undefined) return;
  const tracks = segment.tracks.map(({ track }) => track);
  for (const track of tracks) assert(track.config.length <= TRACK_CONFIG_BYTES_MAX + 64);
  const ids = new Set(tracks.map(trackId));
  assertEquals(ids.size, tracks.length, "two tracks in one place");
  if (!mp4Supports(tracks).ok) return;
  const written = writeInitSegment(tracks);
  const again = parseInitSegment(written)?.tracks.map(({ track }) => track) ?? [];
  assertEquals(again.map(placeOf), tracks.map(placeOf));
}

function placeOf({ kind, codec, index, config }: Track) {
  // Of VP9's record we write the fields; sizes of initialisation data, which it never has, go.
  const known = codec === "vp9" ? config.subarray(0, 6) : config;
  return { kind, codec, index, config: known.toHex() };
}

function runFragment(input: Uint8Array): void {
  const before = input.slice();
  const frames = refusable(() => demuxFragments(INIT, input));
  assertEquals(input, before, "a parser wrote into its input");
  if (frames === undefined || frames.length === 0) return;
  let bytes = 0;
  for (const frame of frames) {
    bytes += frame.data.length;
    assert(frame.data.length > 0 && frame.data.length <= FRAME_BYTES_MAX);
    assert(Number.isSafeInteger(frame.dtsUs) && Number.isSafeInteger(frame.ptsUs));
  }
  assert(bytes <= input.length, `${bytes} bytes of frames from ${input.length}`);
  rewrite(frames);
}

/** What the writer takes it writes so that the frames come back. */
function rewrite(frames: readonly Frame[]): void {
  const kept = frames.filter(({ dtsUs, ptsUs }) => Math.max(dtsUs, ptsUs) <= TIME_US_MAX);
  if (kept.length === 0) return;
  let fragment: Uint8Array;
  try {
    fragment = writeFragment({ sequenceNumber: 1, frames: kept, endUs: () => undefined });
  } catch (error) {
    if (error instanceof RangeError) return; // Times too far apart.
    throw error;
  }
  const back = demuxFragments(OWN_INIT, fragment);
  const size = (all: readonly Frame[]) => all.reduce((sum, { data }) => sum + data.length, 0);
  assertEquals([back.length, size(back)], [kept.length, size(kept)]);
  for (const { track, data } of back) {
    if (track.codec === "h264") refusable(() => validateNalUnits(data));
  }
}

function refusable<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
