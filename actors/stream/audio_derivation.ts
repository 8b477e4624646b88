/**
 * The audio track that is made of one that most players cannot have (G.711, G.726): as AAC, of the
 * same sample rate, while somebody in the mesh needs it.
 *
 * It is announced at once and always, so that players know all tracks from their first moment; only
 * its frames wait for somebody who wants them.
 *
 * @module
 */
import { AAC_OBJECT_TYPE, AAC_SAMPLE_RATES } from "../../protocols/codecs/aac.ts";
import { writeAudioSpecificConfig } from "../../protocols/codecs/aac.ts";
import { type AudioTrack, DERIVED_AUDIO_INDEX, type Track } from "../../protocols/media/track.ts";
import type { Clock } from "../runtime/ports.ts";
import type { Transcoder, Transcoding } from "./transcoder.ts";

/**
 * Somebody who needs the track says so again and again; this long after the last time it is made on,
 * in milliseconds: longer than an HLS window, so that a player that looks away finds no hole.
 */
const NEEDED_MS = 30_000;

const CODECS: readonly string[] = ["g711a", "g711u", "g726"];

/** Whether AAC is to be made of a track: the default audio track, at a rate that AAC knows. */
export function isDerivable(track: Track): track is AudioTrack {
  return track.kind === "audio" && track.index === 0 && CODECS.includes(track.codec) &&
    AAC_SAMPLE_RATES.includes(track.sampleRate) && (track.channels === 1 || track.channels === 2);
}

export interface AudioDerivationOptions {
  readonly source: AudioTrack;
  readonly transcoder: Transcoder;
  readonly clock: Clock;
  /** Takes a frame of the derived track. */
  readonly made: (track: AudioTrack, ptsUs: number, data: Uint8Array) => void;
}

export class AudioDerivation {
  /** What the source is in the log. */
  readonly source: AudioTrack;
  readonly track: AudioTrack;
  readonly #options: AudioDerivationOptions;
  #neededUntilMs = Number.NEGATIVE_INFINITY;
  #transcoding: Transcoding | undefined;

  constructor(options: AudioDerivationOptions) {
    this.#options = options;
    const { sampleRate, channels } = options.source;
    this.source = { ...options.source, replaced: true };
    const config = writeAudioSpecificConfig({
      objectType: AAC_OBJECT_TYPE.lc,
      coreSampleRate: sampleRate,
      channelConfiguration: channels,
    });
    const index = DERIVED_AUDIO_INDEX;
    this.track = { kind: "audio", codec: "aac", index, config, sampleRate, channels };
  }

  /** Somebody wants its frames. */
  need(): void {
    this.#neededUntilMs = this.#options.clock.nowMs() + NEEDED_MS;
  }

  /** The source's next frame. */
  push(ptsUs: number, data: Uint8Array): void {
    const { clock, transcoder, made } = this.#options;
    if (clock.nowMs() > this.#neededUntilMs) return this.stop();
    this.#transcoding ??= transcoder.open(this.#options.source, (frames) => {
      for (const frame of frames) made(this.track, frame.ptsUs, frame.data);
    });
    this.#transcoding.push(ptsUs, data);
  }

  /** Nothing is made any more until somebody needs it. */
  stop(): void {
    this.#transcoding?.close();
    this.#transcoding = undefined;
  }
}
