/**
 * Fragmented MP4 back into frames: an init segment and the fragments that belong to it.
 *
 * Source: ISO/IEC 14496-12:2015, section 8.8. Files whose samples "moov" lists are not read.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import { trackId } from "../media/track.ts";
import { malformed, parseBox } from "./box_reader.ts";
import { parseMovieFragment, type Sample } from "./fragment_parser.ts";
import { type InitSegment, parseInitSegment } from "./init_parser.ts";

/** A fragment's frames and where it ends. */
export interface DemuxedFragment {
  /** By decode time; frames due at once by track number. Views of the input. */
  readonly samples: readonly Sample[];
  /** Offset behind the fragment's "mdat". */
  readonly end: number;
}

/**
 * Reads the next fragment at or behind `offset`: boxes up to a "moof", and up to its "mdat".
 *
 * @param precedingBytes Bytes of the file in front of `bytes`, for absolute data offsets.
 * @returns The fragment, or `undefined` when it is not all there.
 * @throws {ProtocolError} It cannot be read.
 */
export function parseFragment(
  bytes: Uint8Array,
  init: InitSegment,
  offset = 0,
  precedingBytes = 0,
): DemuxedFragment | undefined {
  let moof = parseBox(bytes, offset);
  while (moof !== undefined && moof.type !== "moof") moof = parseBox(bytes, moof.end);
  if (moof === undefined) return undefined;
  let mdat = parseBox(bytes, moof.end);
  while (mdat !== undefined && mdat.type !== "mdat") {
    if (mdat.type === "moof") throw malformed("moof without mdat", "8.8.4", moof.start);
    mdat = parseBox(bytes, mdat.end);
  }
  if (mdat === undefined) return undefined;
  // A fragment's own bytes bound what it may hold.
  const own = bytes.subarray(0, mdat.end);
  const budget = { bytes: mdat.end - mdat.contentStart, precedingBytes };
  const samples = parseMovieFragment(own, moof, init, budget);
  samples.sort((a, b) => a.dtsUs - b.dtsUs || trackId(a.track) - trackId(b.track));
  return { samples, end: mdat.end };
}

/**
 * Reads all whole fragments of `media`; what is cut short at its end is left out.
 *
 * @param init The whole init segment, "moov" last.
 * @returns The frames, numbered from 1, in the order of the fragments and within each by decode
 * time.
 * @throws {ProtocolError} A box cannot be read, or `init` is cut short.
 */
export function demuxFragments(init: Uint8Array, media: Uint8Array): Frame[] {
  const segment = parseInitSegment(init);
  if (segment === undefined) throw malformed("an init segment that is cut short", "8.2.1", 0);
  const frames: Frame[] = [];
  for (let offset = 0;;) {
    const fragment = parseFragment(media, segment, offset, init.length);
    if (fragment === undefined) return frames;
    for (const sample of fragment.samples) {
      frames.push({ kind: "frame", seq: frames.length + 1, ...sample });
    }
    offset = fragment.end;
  }
}
