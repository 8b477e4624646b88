/**
 * One track on its way from G.711 or G.726 to AAC: decoder, clock and encoder.
 *
 * @module
 */
import type { AacFrames } from "../stream/transcoder.ts";
import type { AacEncoder, AacUnit } from "./aac_encoder.ts";
import type { TranscodeSource } from "./messages.ts";
import { createPcmDecoder, type PcmDecoder } from "./pcm_decoder.ts";
import { SampleClock } from "./sample_clock.ts";

export class AacTrack {
  readonly #encoder: AacEncoder;
  readonly #decode: PcmDecoder;
  readonly #clock: SampleClock;

  /** @throws {ProtocolError} The configuration cannot be read. */
  constructor(source: TranscodeSource, encoder: AacEncoder) {
    this.#encoder = encoder;
    this.#decode = createPcmDecoder(source);
    this.#clock = new SampleClock(source.sampleRate);
  }

  /** Takes the next frame; resolves to what is ready. One at a time. */
  async push(ptsUs: number, data: Uint8Array): Promise<AacFrames> {
    const encoder = this.#encoder;
    const samples = this.#decode(data);
    const adjustment = this.#clock.adjust(encoder.fed, ptsUs);
    const units: AacUnit[] = [];
    let skipped = 0;
    if (adjustment.kind === "fill") units.push(...await encoder.silence(adjustment.samples));
    if (adjustment.kind === "skip") skipped = adjustment.samples * encoder.channels;
    if (adjustment.kind === "begin") {
      units.push(...await encoder.drain());
      this.#clock.begin(encoder.fed, ptsUs);
    }
    units.push(...await encoder.feed(samples.subarray(skipped)));
    return this.#timed(units);
  }

  /** Leaves the encoder to somebody else: what it still holds is silence. */
  async close(): Promise<void> {
    await this.#encoder.drain();
  }

  /** Units of before the track's first sample belong to nobody. */
  #timed(units: readonly AacUnit[]): AacFrames {
    return units.flatMap(({ sample, data }) => {
      const ptsUs = this.#clock.ptsUsOf(sample);
      return ptsUs === undefined ? [] : [{ ptsUs, data }];
    });
  }
}
