/**
 * What a player of low-latency HLS asks for next, from a playlist it got.
 *
 * @module
 */

export interface HlsPosition {
  /** URI of the newest part, relative to the playlist. */
  readonly part: string;
  /** Query of the reload that waits for the part after it. */
  readonly reload: string;
}

/** @throws {Error} There is no part, or nothing to come. */
export function positionIn(playlist: string): HlsPosition {
  const part = /#EXT-X-PART:[^\n]*URI="([^"]+)"[^\n]*\n(?![^]*#EXT-X-PART:)/.exec(playlist)?.[1];
  if (part === undefined) throw new Error("A playlist without a part");
  const hint = /#EXT-X-PRELOAD-HINT:[^\n]*URI="\d+-(\d+)\.(\d+)\.m4s"/.exec(playlist);
  if (hint === null) throw new Error("A playlist without a preload hint");
  return { part, reload: `_HLS_msn=${hint[1]}&_HLS_part=${hint[2]}` };
}
