/**
 * Where audio frames begin and end inside a payload, by codec, and what their headers say.
 *
 * Sources: ISO/IEC 14496-3, 1.A.2 (ADTS); ISO/IEC 11172-3, 2.4.1 (MPEG audio); ATSC A/52:2018,
 * sections 5.3 and E.1.2 with table 5.18 (AC-3, E-AC-3); the mapping of Opus in MPEG-TS and RFC
 * 6716, section 3.1 (Opus).
 *
 * @module
 */
import { aacChannels } from "../codecs/aac.ts";
import { ADTS_HEADER_BYTES, adtsAudioSpecificConfig, parseAdtsHeader } from "../codecs/adts.ts";
import { AC3_HEADER_BYTES, parseAc3FrameHeader } from "../codecs/ac3.ts";
import { MP3_HEADER_BYTES, parseMp3FrameHeader } from "../codecs/mp3.ts";
import { OPUS_SAMPLE_RATE } from "../codecs/opus.ts";
import type { AudioHint } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import type { AudioCodec } from "../media/track.ts";

/** One frame found at an offset. */
export interface AudioFraming {
  readonly headerBytes: number; // in front of the frame's own bytes, not part of them
  readonly bytes: number; // header included
  readonly samples: number; // duration, of each channel
  readonly hint: AudioHint;
  readonly config?: Uint8Array; // of AAC
}

/** Kilobits per second of AC-3 by frmsizecod / 2 (table 5.18). */
const AC3_KBPS: readonly number[] = [
  ...[32, 40, 48, 56, 64, 80, 96, 112, 128, 160],
  ...[192, 224, 256, 320, 384, 448, 512, 576, 640],
];
const AC3_SAMPLES = 1536;
const EAC3_BLOCK_SAMPLES = 256;
const EAC3_BLOCKS: readonly number[] = [1, 2, 3, 6];

/** Samples at 48 kHz of an Opus frame by config mod 4: of SILK, hybrid and CELT modes. */
const OPUS_SILK: readonly number[] = [480, 960, 1920, 2880];
const OPUS_HYBRID: readonly number[] = [480, 960];
const OPUS_CELT: readonly number[] = [120, 240, 480, 960];

/**
 * The frame at `offset`, whose bytes may reach beyond the end.
 *
 * @returns The frame, or `undefined` when its header does.
 * @throws {ProtocolError} There is no frame at `offset`, or none that is carried.
 */
export function audioFraming(
  codec: AudioCodec,
  bytes: Uint8Array,
  offset: number,
  hint: AudioHint,
): AudioFraming | undefined {
  switch (codec) {
    case "aac":
      return adtsFraming(bytes, offset);
    case "mp3":
      return mp3Framing(bytes, offset);
    case "ac3":
    case "eac3":
      return ac3Framing(codec, bytes.subarray(offset), offset);
    case "opus":
      return opusFraming(bytes, offset, hint);
    default: {
      const samples = bytes.length - offset; // G.711: a byte each, the rest of the payload.
      return { headerBytes: 0, bytes: samples, samples, hint };
    }
  }
}

function adtsFraming(bytes: Uint8Array, offset: number): AudioFraming | undefined {
  const header = parseAdtsHeader(bytes, offset);
  if (header === undefined) return undefined;
  if (header.rawDataBlocks !== 1) {
    throw refused("ADTS", "14496-3 1.A.2.2", `${header.rawDataBlocks} access units`, offset);
  }
  const channels = aacChannels(header.channelConfiguration);
  return {
    headerBytes: Math.max(ADTS_HEADER_BYTES, header.headerBytes),
    bytes: header.frameBytes,
    samples: 1024,
    hint: { sampleRate: header.sampleRate, channels },
    config: adtsAudioSpecificConfig(header),
  };
}

function mp3Framing(bytes: Uint8Array, offset: number): AudioFraming | undefined {
  const header = parseMp3FrameHeader(bytes, offset);
  if (header === undefined) return undefined;
  if (header.layer !== 3) {
    throw refused("MPEG audio", "11172-3 2.4.2.3", `layer ${header.layer}`, offset);
  }
  const { sampleRate, channels } = header;
  return {
    headerBytes: 0,
    // Free format does not tell its size: the rest of the payload.
    bytes: header.frameBytes > MP3_HEADER_BYTES ? header.frameBytes : bytes.length - offset,
    samples: header.frameSamples,
    hint: { sampleRate, channels },
  };
}

function ac3Framing(
  codec: "ac3" | "eac3",
  bytes: Uint8Array,
  offset: number,
): AudioFraming | undefined {
  const header = parseAc3FrameHeader(bytes);
  if (header === undefined) return undefined;
  if (header.enhanced !== (codec === "eac3")) {
    throw refused("AC-3", "A/52 5.4.2.1", "another bsid than announced", offset);
  }
  const { sampleRate, channels } = header;
  const hint = { sampleRate, channels };
  if (!header.enhanced) {
    const frameBytes = ac3FrameBytes(bytes[4] >>> 6, bytes[4] & 0x3f, offset);
    return { headerBytes: 0, bytes: frameBytes, samples: AC3_SAMPLES, hint };
  }
  const own = eac3FrameBytes(bytes);
  const reduced = bytes[4] >>> 6 === 3; // fscod 3 has half rates and always 6 blocks
  const blocks = reduced ? 6 : EAC3_BLOCKS[(bytes[4] >>> 4) & 3];
  let total = own;
  // Dependent substreams (strmtyp 1) and further programmes belong to the frame before.
  while (bytes.length - total >= AC3_HEADER_BYTES && belongsToLast(bytes, total)) {
    total += eac3FrameBytes(bytes.subarray(total));
  }
  return { headerBytes: 0, bytes: total, samples: blocks * EAC3_BLOCK_SAMPLES, hint };
}

function ac3FrameBytes(rateCode: number, sizeCode: number, offset: number): number {
  const kbps = AC3_KBPS[sizeCode >>> 1];
  if (kbps === undefined) throw refused("AC-3", "A/52 5.4.1.4", `frmsizecod ${sizeCode}`, offset);
  if (rateCode === 0) return kbps * 4; // 48 kHz: 1536 samples are 32 ms
  if (rateCode === 2) return kbps * 6; // 32 kHz
  return 2 * (Math.floor(kbps * 320 / 147) + (sizeCode & 1)); // 44.1 kHz, in words of 2 bytes
}

function eac3FrameBytes(bytes: Uint8Array): number {
  return 2 * (1 + ((bytes[2] & 7) << 8 | bytes[3])); // frmsiz
}

function belongsToLast(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] !== 0x0b || bytes[offset + 1] !== 0x77) return false;
  const type = bytes[offset + 2] >>> 6; // strmtyp
  const substream = (bytes[offset + 2] >>> 3) & 7; // substreamid
  return type === 1 || (type === 0 && substream > 0);
}

function opusFraming(
  bytes: Uint8Array,
  offset: number,
  hint: AudioHint,
): AudioFraming | undefined {
  if (bytes.length - offset < 3) return undefined;
  if (bytes[offset] !== 0x7f || (bytes[offset + 1] & 0xe0) !== 0xe0) {
    throw refused("Opus", "control header", "no prefix", offset);
  }
  const flags = bytes[offset + 1];
  let at = offset + 2;
  let size = 0;
  // au_size is the sum of bytes up to the first that is not 255; bounded by what is there.
  while (at < bytes.length && bytes[at] === 255) {
    size += 255;
    at++;
  }
  if (at >= bytes.length) return undefined;
  size += bytes[at++];
  if ((flags & 0x10) !== 0) at += 2; // start_trim
  if ((flags & 0x08) !== 0) at += 2; // end_trim
  if ((flags & 0x04) !== 0) { // control_extension
    if (at >= bytes.length) return undefined;
    at += 1 + bytes[at];
  }
  if (size === 0) throw refused("Opus", "control header", "a frame of no bytes", offset);
  const samples = opusSamples(bytes, at, size);
  const headerBytes = at - offset;
  return { headerBytes, bytes: headerBytes + size, samples, hint };
}

/** Duration of an Opus packet at 48 kHz (RFC 6716, 3.1 and 3.2). */
function opusSamples(bytes: Uint8Array, offset: number, size: number): number {
  const toc = bytes[offset] ?? 0;
  const mode = toc >>> 3;
  const samples = mode < 12
    ? OPUS_SILK[mode & 3]
    : mode < 16
    ? OPUS_HYBRID[mode & 1]
    : OPUS_CELT[mode & 3];
  const code = toc & 3;
  if (code === 0) return samples;
  if (code < 3) return 2 * samples;
  const frames = size > 1 ? (bytes[offset + 1] ?? 0) & 0x3f : 0;
  return Math.min(frames * samples, OPUS_SAMPLE_RATE * 120 / 1000); // 120 ms is the most
}

function refused(protocol: string, section: string, found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read audio frame: ${found}`, { protocol, section, offset });
}
