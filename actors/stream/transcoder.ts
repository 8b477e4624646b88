/**
 * What a stream asks of whoever turns its audio into AAC. The work is done elsewhere: nothing here
 * waits for it.
 *
 * @module
 */
import type { AudioTrack } from "../../protocols/media/track.ts";

/** AAC access units, oldest first: presentation times in microseconds, and payloads. */
export type AacFrames = readonly { readonly ptsUs: number; readonly data: Uint8Array }[];

/** One track being transcoded. */
export interface Transcoding {
  /**
   * Takes the track's next frame; left out when too much is waiting. The bytes are copied.
   *
   * @param ptsUs Of its first sample; on the timeline of what comes out, too.
   */
  push(ptsUs: number, data: Uint8Array): void;
  /** Nothing comes any more. */
  close(): void;
}

export interface Transcoder {
  /** Begins with a track of G.711 or G.726; `encoded` is called later, in turns of its own. */
  open(source: AudioTrack, encoded: (frames: AacFrames) => void): Transcoding;
}
