/**
 * How long a frame lasts when nobody has seen the next one: by the rules of its codec.
 *
 * Sources: ISO/IEC 14496-3, 4.4.1 (AAC); RFC 6716, section 3.1 (Opus); ISO/IEC 11172-3, 2.4.2.3 and
 * 13818-3 (MP3); RFC 9639, 8.2 (FLAC); ATSC A/52:2018, 5.2 and E.1.3.1 (AC-3, E-AC-3).
 *
 * @module
 */
import { parseAudioSpecificConfig } from "../codecs/aac.ts";
import { parseFlacStreamInfo } from "../codecs/flac.ts";
import { g726Samples, parseG726Config } from "../codecs/g726.ts";
import { OPUS_SAMPLE_RATE } from "../codecs/opus.ts";
import type { AudioTrack, VideoTrack } from "../media/track.ts";

/** Frames per second of video that announces none and has shown one frame only. */
const USUAL_FRAME_RATE = 25;

const SECOND_US = 1_000_000;

/** Samples of an Opus frame at 48 kHz by the low bits of its configuration (table 2). */
const SILK_SAMPLES: readonly number[] = [480, 960, 1920, 2880];
const HYBRID_SAMPLES: readonly number[] = [480, 960];
const CELT_SAMPLES: readonly number[] = [120, 240, 480, 960];

/** Usual packet of Opus, for one that has no table of contents. */
const OPUS_SAMPLES = 960;

/** Samples of an AC-3 syncframe: 6 blocks of 256. */
const AC3_BLOCK_SAMPLES = 256;
const AC3_BLOCKS = 6;
const EAC3_BLOCKS: readonly number[] = [1, 2, 3, AC3_BLOCKS];

/** Microseconds of a video frame by the announced rate, 40,000 when there is none. */
export function videoFrameUs(track: VideoTrack): number {
  return Math.round(SECOND_US / (track.frameRate || USUAL_FRAME_RATE));
}

/**
 * Ticks of an audio frame at the track's sample rate, at least 1.
 *
 * @param data The frame; only its first bytes are looked at.
 */
export function audioFrameTicks(track: AudioTrack, data: Uint8Array): number {
  return Math.max(1, Math.round(frameSamples(track, data)));
}

function frameSamples(track: AudioTrack, data: Uint8Array): number {
  switch (track.codec) {
    case "aac": {
      const { frameSamples, coreSampleRate } = parseAudioSpecificConfig(track.config);
      // With band replication a decoder puts out more samples than the core coder has.
      return frameSamples * track.sampleRate / coreSampleRate;
    }
    case "opus":
      return opusSamples(data) * track.sampleRate / OPUS_SAMPLE_RATE;
    case "mp3":
      return track.sampleRate < 32_000 ? 576 : 1152; // MPEG-2 has one granule instead of two.
    case "flac":
      return parseFlacStreamInfo(track.config).blockSamplesMax;
    case "g711a":
    case "g711u":
      return data.length / track.channels;
    case "g726":
      return g726Samples(parseG726Config(track.config).codeBits, data.length);
    case "ac3":
      return AC3_BLOCKS * AC3_BLOCK_SAMPLES;
    case "eac3":
      return eac3Blocks(data) * AC3_BLOCK_SAMPLES;
  }
}

/** Samples of an Opus packet at 48 kHz, by its table of contents (3.1). */
function opusSamples(packet: Uint8Array): number {
  if (packet.length === 0) return OPUS_SAMPLES;
  const configuration = packet[0] >>> 3;
  const samples = configuration < 12
    ? SILK_SAMPLES[configuration & 3]
    : configuration < 16
    ? HYBRID_SAMPLES[configuration & 1]
    : CELT_SAMPLES[configuration & 3];
  const code = packet[0] & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 1) & 0x3f;
  return samples * frames;
}

/** Blocks of an E-AC-3 syncframe: numblkscod behind fscod, unless that says half rate. */
function eac3Blocks(frame: Uint8Array): number {
  const codes = (frame[4] ?? 0xff) >>> 4;
  return codes >>> 2 === 3 ? AC3_BLOCKS : EAC3_BLOCKS[codes & 3];
}
