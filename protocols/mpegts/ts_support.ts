/**
 * Whether a stream can go out as MPEG-TS.
 *
 * @module
 */
import { type Track, trackId } from "../media/track.ts";
import { streamFormOf } from "./stream_form.ts";

/** Yes, or one sentence why not, fit to be shown to a viewer. */
export type TsSupport = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Whether MPEG-TS carries these tracks: H.264, H.265, AAC, MP3, Opus, AC-3, E-AC-3, and G.711 as
 * private data. The first track of each kind must be carried; what others are not is left out.
 */
export function tsSupports(tracks: readonly Track[]): TsSupport {
  for (const track of tracks) {
    if (track.index !== 0) continue;
    const form = streamFormOf(track);
    if (typeof form === "string") return { ok: false, reason: form };
  }
  return { ok: true };
}

/** The tracks among `tracks` that MPEG-TS carries, in the order of their numbers. */
export function tsTracks(tracks: readonly Track[]): Track[] {
  const carried = tracks.filter((track) => typeof streamFormOf(track) !== "string");
  return carried.sort((a, b) => trackId(a) - trackId(b));
}
