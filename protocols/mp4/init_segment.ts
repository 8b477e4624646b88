/**
 * The init segment: what a player must have before the first fragment.
 *
 * Source: ISO/IEC 14496-12:2015, sections 8.8 (movie fragments) and 8.16 (segments).
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import type { Track } from "../media/track.ts";
import { writeFileType } from "./file_type.ts";
import { writeMovie } from "./movie.ts";
import { mp4Supports } from "./mp4_support.ts";

/**
 * Writes "ftyp" and "moov" without samples, tracks in the given order, each under
 * `mp4TrackId(track)`. The same tracks always give the same bytes.
 *
 * @throws {RangeError} `mp4Supports` refuses the tracks.
 */
export function writeInitSegment(tracks: readonly Track[]): Uint8Array<ArrayBuffer> {
  const support = mp4Supports(tracks);
  if (!support.ok) throw new RangeError(support.reason);
  return concatBytes(writeFileType(tracks), writeMovie(tracks));
}
