/**
 * Audio payloads to frames: any number in a PES packet, which may begin in one and end in the next.
 *
 * Source: ISO/IEC 13818-1, section 2.4.3.7: a timestamp belongs to the first frame that begins in
 * its packet; the others follow by their durations.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { equalBytes } from "../bytes/equal.ts";
import { writeOpusHead } from "../codecs/opus.ts";
import { type AudioHint, audioTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import type { AudioCodec, AudioTrack } from "../media/track.ts";
import { type AudioFraming, audioFraming } from "./audio_framing.ts";
import type { FrameSink, PesTimes, StreamReader } from "./stream_reader.ts";
import { TS_DROP_REASON } from "./ts_sink.ts";

/** Most bytes of a frame that are kept for its rest to come: twice the largest of ADTS. */
const CARRY_BYTES_MAX = 16 * 1024;

/** Streams and coupled streams of Opus by channels (RFC 7845, 5.1.1.2), and their order. */
const OPUS_MAPS: readonly (readonly [number, number, readonly number[]])[] = [
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
];

const NOTHING = new Uint8Array(0);

export class AudioReader implements StreamReader {
  readonly codec: AudioCodec;
  readonly index: number;
  readonly #sink: FrameSink;
  readonly #hint: AudioHint;
  #track: AudioTrack | undefined;
  /** Start of a frame whose rest is in the next packet, and its time. */
  #carry: Uint8Array = NOTHING;
  #carryTimes: PesTimes | undefined;

  /** @param hint What is known of codecs whose frames do not tell. */
  constructor(codec: AudioCodec, index: number, hint: AudioHint, sink: FrameSink) {
    this.codec = codec;
    this.index = index;
    this.#hint = hint;
    this.#sink = sink;
  }

  payload(bytes: Uint8Array, times: PesTimes | undefined): void {
    const carried = this.#carry.length;
    const data = carried === 0 ? bytes : concatBytes(this.#carry, bytes);
    let next = carried === 0 ? times : this.#carryTimes;
    let pending = carried === 0 ? undefined : times;
    this.lost();
    for (let offset = 0; offset < data.length;) {
      // The first frame that begins in this packet has its timestamp.
      if (offset >= carried && pending !== undefined) {
        next = pending;
        pending = undefined;
      }
      const found = this.#framing(data, offset);
      if (found === "none") {
        this.#sink.dropped(TS_DROP_REASON.framing);
        offset = this.#nextSync(data, offset + 1);
        continue;
      }
      if (found === undefined || offset + found.bytes > data.length) {
        return this.#keep(data.subarray(offset), next);
      }
      this.#frame(found, next, data.slice(offset + found.headerBytes, offset + found.bytes));
      next = following(next, found);
      offset += found.bytes;
    }
  }

  lost(): void {
    this.#carry = NOTHING;
    this.#carryTimes = undefined;
  }

  #framing(data: Uint8Array, offset: number): AudioFraming | undefined | "none" {
    try {
      return audioFraming(this.codec, data, offset, this.#hint);
    } catch (error) {
      if (error instanceof ProtocolError) return "none";
      throw error;
    }
  }

  /** The next offset at which a frame may start; the end when there is none. */
  #nextSync(data: Uint8Array, from: number): number {
    for (let offset = from; offset < data.length; offset++) {
      if (!mayStart(this.codec, data[offset])) continue;
      const found = this.#framing(data, offset);
      if (found !== "none") return offset;
    }
    return data.length;
  }

  #keep(rest: Uint8Array, times: PesTimes | undefined): void {
    if (rest.length > CARRY_BYTES_MAX) return this.#sink.dropped(TS_DROP_REASON.frameBytes);
    this.#carry = rest.slice();
    this.#carryTimes = times;
  }

  #frame(framing: AudioFraming, times: PesTimes | undefined, data: Uint8Array): void {
    if (data.length === 0) return;
    if (times === undefined) return this.#sink.dropped(TS_DROP_REASON.untimed);
    if (data.length > FRAME_BYTES_MAX) return this.#sink.dropped(TS_DROP_REASON.frameBytes);
    const track = this.#announce(framing);
    this.#sink.frame(track, times, true, data);
  }

  #announce({ config, hint }: AudioFraming): AudioTrack {
    const wanted = this.codec === "opus" ? opusHead(hint.channels) : config ?? NOTHING;
    const known = this.#track;
    if (
      known !== undefined && known.sampleRate === hint.sampleRate &&
      known.channels === hint.channels && equalBytes(known.config, wanted)
    ) return known;
    const track = audioTrack(this.codec, this.index, wanted, hint);
    this.#track = track;
    this.#sink.track(track);
    return track;
  }
}

function following(times: PesTimes | undefined, { samples, hint }: AudioFraming) {
  if (times === undefined) return undefined;
  const durationUs = Math.round(samples * 1_000_000 / hint.sampleRate);
  return { ptsUs: times.ptsUs + durationUs, dtsUs: times.dtsUs + durationUs };
}

function mayStart(codec: AudioCodec, byte: number): boolean {
  if (codec === "aac" || codec === "mp3") return byte === 0xff;
  if (codec === "opus") return byte === 0x7f;
  return byte === 0x0b;
}

/** A header for what the descriptor says: MPEG-TS does not carry the publisher's own. */
function opusHead(channels: number): Uint8Array {
  const family = channels > 2 ? 1 : 0;
  const head = {
    ...{ version: 1, channels, preSkip: 0, inputSampleRate: 48_000, outputGain: 0 },
    mappingFamily: family,
  };
  if (family === 0) return writeOpusHead(head);
  const [streams, coupledStreams, order] = OPUS_MAPS[channels - 3];
  return writeOpusHead({
    ...head,
    mapping: { streams, coupledStreams, channels: Uint8Array.from(order) },
  });
}
