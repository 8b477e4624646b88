/**
 * How each codec is announced in a programme map: stream_type, stream_id and descriptors.
 *
 * Sources: ISO/IEC 13818-1, tables 2-34 and 2-22, section 2.6.8 (registration descriptor); ATSC
 * A/52, annex A (AC-3, E-AC-3); ETSI EN 300 468, annex D (the same in DVB); the mapping of Opus
 * in MPEG-TS by its registrar (opus-codec.org); GB/T 28181 for G.711, whose numbers are in
 * the range of 13818-1 that is left to its users.
 *
 * @module
 */
import { AAC_SAMPLE_RATES, parseAudioSpecificConfig } from "../codecs/aac.ts";
import { parseOpusHead } from "../codecs/opus.ts";
import type { AudioTrack, Codec, Track } from "../media/track.ts";
import { STREAM_ID } from "./pes.ts";
import { forEachDescriptor, type ProgramStream } from "./psi.ts";

/** stream_type values that are written or read here. */
export const STREAM_TYPE = {
  mpeg1Audio: 0x03,
  mpeg2Audio: 0x04,
  privateData: 0x06,
  adts: 0x0f,
  h264: 0x1b,
  h265: 0x24,
  ac3: 0x81,
  eac3: 0x87,
  g711a: 0x90,
  g711u: 0x91,
} as const;

/** Descriptor tags (13818-1 table 2-45; EN 300 468 table 12). */
const DESCRIPTOR_TAG = { registration: 0x05, ac3: 0x6a, eac3: 0x7a, extension: 0x7f } as const;

/** descriptor_tag_extension of the Opus audio descriptor: the first that users may take. */
const OPUS_EXTENSION = 0x80;

/** Most channels that the descriptor says by their count alone. */
const OPUS_CHANNELS_MAX = 8;

/** The lowest rate of MPEG-1 audio; MPEG-2 and 2.5 have half and a quarter, in Hz. */
const MPEG1_AUDIO_HZ_MIN = 32_000;

/** G.711 has no descriptor, so receivers take what telephones use. */
const G711_HZ = 8_000;

const NOTHING = new Uint8Array(0);

/** What a programme map says of a stream. */
export interface StreamForm {
  readonly streamType: number;
  readonly streamId: number;
  readonly descriptors: Uint8Array;
  /**
   * A number that differs between any two forms of one PID, 1 to 31. Versions of the programme map
   * are made of them, so that who writes one need not know the last.
   */
  readonly ordinal: number;
}

/** The form of a track, or in one sentence why MPEG-TS does not carry it. */
export function streamFormOf(track: Track): StreamForm | string {
  const { codec, index } = track;
  const video = STREAM_ID.video + index;
  const audio = STREAM_ID.audio + index;
  switch (codec) {
    case "h264":
      return form(STREAM_TYPE.h264, video, 1);
    case "h265":
      return form(STREAM_TYPE.h265, video, 2, registration("HEVC"));
    case "aac":
      return aacFault(track) ?? form(STREAM_TYPE.adts, audio, 3);
    case "mp3":
      return track.sampleRate >= MPEG1_AUDIO_HZ_MIN
        ? form(STREAM_TYPE.mpeg1Audio, audio, 4)
        : form(STREAM_TYPE.mpeg2Audio, audio, 5);
    case "ac3":
      return form(STREAM_TYPE.ac3, STREAM_ID.privateStream1, 6, registration("AC-3"));
    case "eac3":
      return form(STREAM_TYPE.eac3, STREAM_ID.privateStream1, 7, registration("EAC3"));
    case "g711a":
    case "g711u":
      if (track.sampleRate !== G711_HZ || track.channels !== 1) {
        return "MPEG-TS carries G.711 at 8 kHz with one channel only";
      }
      return codec === "g711a"
        ? form(STREAM_TYPE.g711a, audio, 8)
        : form(STREAM_TYPE.g711u, audio, 9);
    case "opus":
      return opusForm(track);
    default:
      return `MPEG-TS does not carry ${codec.toUpperCase()}`;
  }
}

/** What a stream of somebody's programme map carries; `undefined` when it is not known here. */
export function codecOfStream(
  stream: ProgramStream,
): { readonly codec: Codec; readonly opusChannels?: number } | undefined {
  switch (stream.streamType) {
    case STREAM_TYPE.mpeg1Audio:
    case STREAM_TYPE.mpeg2Audio:
      return { codec: "mp3" };
    case STREAM_TYPE.adts:
      return { codec: "aac" };
    case STREAM_TYPE.h264:
      return { codec: "h264" };
    case STREAM_TYPE.h265:
      return { codec: "h265" };
    case STREAM_TYPE.ac3:
      return { codec: "ac3" };
    case STREAM_TYPE.eac3:
      return { codec: "eac3" };
    case STREAM_TYPE.g711a:
      return { codec: "g711a" };
    case STREAM_TYPE.g711u:
      return { codec: "g711u" };
    case STREAM_TYPE.privateData:
      return codecOfDescriptors(stream.descriptors);
    default:
      return undefined;
  }
}

/** Private data is what its descriptors say. */
function codecOfDescriptors(descriptors: Uint8Array) {
  let codec: Codec | undefined;
  let opusChannels: number | undefined;
  forEachDescriptor(descriptors, (tag, content) => {
    if (tag === DESCRIPTOR_TAG.ac3) codec = "ac3";
    else if (tag === DESCRIPTOR_TAG.eac3) codec = "eac3";
    else if (tag === DESCRIPTOR_TAG.registration) codec ??= REGISTERED[identifier(content)];
    else if (tag === DESCRIPTOR_TAG.extension && content[0] === OPUS_EXTENSION) {
      opusChannels = content[1];
    }
  });
  if (codec !== "opus") return codec === undefined ? undefined : { codec };
  const known = opusChannels !== undefined && opusChannels >= 1 &&
    opusChannels <= OPUS_CHANNELS_MAX;
  // 0 is two mono channels, the rest of the codes are maps of their own.
  return known ? { codec, opusChannels } : undefined;
}

const REGISTERED: Readonly<Record<string, Codec | undefined>> = {
  "Opus": "opus",
  "AC-3": "ac3",
  "EAC3": "eac3",
  "HEVC": "h265",
};

function aacFault(track: AudioTrack): string | undefined {
  const { objectType, coreSampleRate, channelConfiguration } = parseAudioSpecificConfig(
    track.config,
  );
  if (objectType < 1 || objectType > 4) {
    return `MPEG-TS carries AAC of object types 1 to 4 only, and this is ${objectType}`;
  }
  if (channelConfiguration < 1 || channelConfiguration > 7) {
    return "MPEG-TS does not carry AAC with a channel layout of its own";
  }
  // The headers of ADTS name the rate by its place in the table of usual ones.
  if (AAC_SAMPLE_RATES.includes(coreSampleRate)) return undefined;
  return `MPEG-TS does not carry AAC at ${coreSampleRate} Hz`;
}

function opusForm(track: AudioTrack): StreamForm | string {
  const { config, channels } = track;
  const family = config.length === 0 ? 0 : parseOpusHead(config).mappingFamily;
  if (family > 1 || channels > OPUS_CHANNELS_MAX) {
    return "MPEG-TS carries Opus in mapping families 0 and 1 only";
  }
  const descriptors = Uint8Array.of(
    ...registration("Opus"),
    ...[DESCRIPTOR_TAG.extension, 2, OPUS_EXTENSION, channels],
  );
  return form(STREAM_TYPE.privateData, STREAM_ID.privateStream1, 9 + channels, descriptors);
}

function form(
  streamType: number,
  streamId: number,
  ordinal: number,
  descriptors: Uint8Array = NOTHING,
): StreamForm {
  return { streamType, streamId, descriptors, ordinal };
}

function registration(name: string): Uint8Array {
  return Uint8Array.of(DESCRIPTOR_TAG.registration, 4, ...new TextEncoder().encode(name));
}

function identifier(content: Uint8Array): string {
  return String.fromCharCode(...content.subarray(0, 4));
}
