/**
 * Linear samples of a track of G.711 or G.726.
 *
 * @module
 */
import { decodeG711 } from "../../protocols/codecs/g711.ts";
import { G726Decoder, g726Samples, parseG726Config } from "../../protocols/codecs/g726.ts";
import type { TranscodeSource } from "./messages.ts";

/** Decodes the track's next frame; channels are interleaved. */
export type PcmDecoder = (data: Uint8Array) => Int16Array<ArrayBuffer>;

/**
 * The decoder of a track.
 *
 * @throws {ProtocolError} Its configuration is none.
 * @throws {TypeError} We decode no such codec.
 */
export function createPcmDecoder({ codec, config }: TranscodeSource): PcmDecoder {
  if (codec === "g711a" || codec === "g711u") {
    return (data) => {
      const samples = new Int16Array(data.length);
      decodeG711(codec, data, samples);
      return samples;
    };
  }
  if (codec !== "g726") throw new TypeError(`Cannot decode ${codec}: G.711 and G.726 would fit`);
  const parsed = parseG726Config(config);
  const decoder = new G726Decoder(parsed);
  return (data) => {
    const samples = new Int16Array(g726Samples(parsed.codeBits, data.length));
    decoder.decode(data, samples);
    return samples;
  };
}
