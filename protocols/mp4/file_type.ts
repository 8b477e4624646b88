/**
 * "ftyp" and "styp": which specifications a file and a segment follow.
 *
 * Sources: ISO/IEC 14496-12:2015, sections 4.3, 8.16.2 and annex E (brands); AV1-ISOBMFF, section
 * 2.1; ISO/IEC 23000-19 (CMAF), section 7.2.
 *
 * @module
 */
import type { Track } from "../media/track.ts";
import { ascii, box, u32 } from "./box_writer.ts";

/** Movie fragments whose data offsets count from the "moof", with signed composition offsets. */
const FRAGMENTED = "iso6";

/** The "ftyp" of an init segment of these tracks. */
export function writeFileType(tracks: readonly Track[]): Uint8Array {
  const brands = [FRAGMENTED];
  // A CMAF track file has a single track; of several it is no more than ISO.
  if (tracks.length === 1) brands.push("cmfc");
  if (tracks.some(({ codec }) => codec === "av1")) brands.push("av01");
  brands.push("mp41");
  return box("ftyp", ascii(FRAGMENTED), u32(0), ...brands.map(ascii));
}

/** The "styp" in front of a media segment. */
export function writeSegmentType(): Uint8Array {
  return box("styp", ascii("msdh"), u32(0), ascii("msdh"), ascii(FRAGMENTED));
}
