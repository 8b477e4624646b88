/**
 * An AAC-LC encoder that goes on for ever: samples in, access units out, each with its position.
 *
 * Behind it is the encoder of FFmpeg, as WebAssembly, through npm:@mediabunny/aac-encoder. One such
 * encoder keeps its memory until its thread ends, so those that are done with are used again.
 *
 * @module
 */
import { AdtsOutputFormat, AudioSample, AudioSampleSource, NullTarget, Output } from "mediabunny";
import { registerAacEncoder } from "@mediabunny/aac-encoder";

/** Samples of an access unit. */
export const UNIT_SAMPLES = 1024;

/** Samples of silence that FFmpeg's encoder puts before the first one. */
const PRIMING_SAMPLES = 1024;

/** Bits per second of a channel and sample: 32 kbit/s at 8 kHz, where AAC is as good as G.711. */
const BITS_PER_SAMPLE = 4;

/** Most bits per second of a channel: beyond, nothing is gained. */
const CHANNEL_BITS_PER_SECOND_MAX = 64_000;

registerAacEncoder();

/** An access unit. */
export interface AacUnit {
  /** Number of its first sample among those fed; below 0 in silence before the first one. */
  readonly sample: number;
  readonly data: Uint8Array;
}

export class AacEncoder {
  readonly sampleRate: number;
  readonly channels: number;
  readonly #source: AudioSampleSource;
  #units: AacUnit[] = [];
  #unitCount = 0;
  #fed = 0;

  private constructor(sampleRate: number, channels: number) {
    this.sampleRate = sampleRate;
    this.channels = channels;
    const perChannel = Math.min(sampleRate * BITS_PER_SAMPLE, CHANNEL_BITS_PER_SECOND_MAX);
    this.#source = new AudioSampleSource({
      codec: "aac",
      bitrate: perChannel * channels,
      onEncodedPacket: ({ data }) => {
        const sample = this.#unitCount++ * UNIT_SAMPLES - PRIMING_SAMPLES;
        this.#units.push({ sample, data });
      },
    });
  }

  static async create(sampleRate: number, channels: number): Promise<AacEncoder> {
    const encoder = new AacEncoder(sampleRate, channels);
    // Where its output goes does not matter: each unit is taken on its way there.
    const output = new Output({ format: new AdtsOutputFormat(), target: new NullTarget() });
    output.addAudioTrack(encoder.#source);
    await output.start();
    return encoder;
  }

  /** Number of the next sample, of each channel. */
  get fed(): number {
    return this.#fed;
  }

  /** Takes samples, channels interleaved; resolves to the units that are ready. */
  async feed(samples: Int16Array<ArrayBuffer>): Promise<AacUnit[]> {
    if (samples.length >= this.channels) {
      const sample = new AudioSample({
        data: samples,
        format: "s16",
        numberOfChannels: this.channels,
        sampleRate: this.sampleRate,
        timestamp: this.#fed / this.sampleRate,
      });
      this.#fed += sample.numberOfFrames;
      await this.#source.add(sample);
      sample.close();
    }
    const units = this.#units;
    this.#units = [];
    return units;
  }

  /** Feeds silence. */
  silence(samples: number): Promise<AacUnit[]> {
    return this.feed(new Int16Array(samples * this.channels));
  }

  /** Feeds so much silence that nothing of before is in a unit with what comes next. */
  drain(): Promise<AacUnit[]> {
    const open = this.#fed % UNIT_SAMPLES;
    return this.silence((open === 0 ? 0 : UNIT_SAMPLES - open) + PRIMING_SAMPLES);
  }
}
