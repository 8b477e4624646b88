/**
 * A stream's audio as most players take it: a track that they cannot play is replaced by the one
 * that was made of it.
 *
 * The log holds both. The original is marked as replaced and is for those who can have it as it is
 * (RTSP); everybody else reads the log through this file, where the derived track is in its place.
 *
 * @module
 */
import type { PageEncoder } from "./page_encoder.ts";
import type { LogRecord, StreamHead } from "./record.ts";
import { type AudioTrack, DERIVED_AUDIO_INDEX, type Track } from "./track.ts";

/** A track made of another one of the stream. */
export function isDerived(track: Track): track is AudioTrack {
  return track.index === DERIVED_AUDIO_INDEX && track.kind === "audio";
}

/** The tracks that publishers sent, for those who take them as they are. */
export function originalTracks(tracks: readonly Track[]): readonly Track[] {
  return tracks.some(isDerived) ? tracks.filter((track) => !isDerived(track)) : tracks;
}

/** Reads records as most players get them; one for each reader of the log. */
export class PlayableView {
  /** What a derived track is instead of, made once so that its identity says as much as before. */
  #derived: { readonly track: Track; readonly shown: Track } | undefined;

  /** The record as players get it; `undefined` when they do not. */
  record(record: LogRecord): LogRecord | undefined {
    if (record.kind !== "frame" && record.kind !== "track") return record;
    const track = this.#shown(record.track);
    if (track === record.track) return record;
    return track === undefined ? undefined : { ...record, track };
  }

  /** The tracks as players get them. */
  tracks(tracks: readonly Track[]): readonly Track[] {
    if (!tracks.some((track) => this.#shown(track) !== track)) return tracks;
    return tracks.flatMap((track) => this.#shown(track) ?? []);
  }

  head(head: StreamHead): StreamHead {
    const tracks = this.tracks(head.tracks);
    return tracks === head.tracks ? head : { ...head, tracks };
  }

  #shown(track: Track): Track | undefined {
    if (track.kind === "audio" && track.replaced) return undefined;
    if (!isDerived(track)) return track;
    if (this.#derived?.track !== track) this.#derived = { track, shown: { ...track, index: 0 } };
    return this.#derived.shown;
  }
}

/** The tracks as most players get them. */
export function playableTracks(tracks: readonly Track[]): readonly Track[] {
  return new PlayableView().tracks(tracks);
}

/** Has an encoder write what most players get. */
export class PlayablePageEncoder implements PageEncoder {
  readonly #encoder: PageEncoder;
  readonly #view = new PlayableView();

  constructor(encoder: PageEncoder) {
    this.#encoder = encoder;
  }

  opening(head: StreamHead): Uint8Array {
    return this.#encoder.opening(this.#view.head(head));
  }

  preface(head: StreamHead, dtsUs: number): Uint8Array {
    return this.#encoder.preface(this.#view.head(head), dtsUs);
  }

  sizeOf(record: LogRecord): number {
    const shown = this.#view.record(record);
    return shown === undefined ? 0 : this.#encoder.sizeOf(shown);
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    const shown = this.#view.record(record);
    if (shown !== undefined) this.#encoder.write(shown, target, offset);
  }

  closing(): Uint8Array {
    return this.#encoder.closing();
  }
}
