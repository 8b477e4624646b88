/**
 * From a sample entry to a {@link Track}.
 *
 * Sources: ISO/IEC 14496-12:2015, sections 8.5.2, 12.1.3 and 12.2.3; the codecs' own bindings as in
 * `video_sample_entry.ts` and `audio_sample_entry.ts`; QuickTime File Format, "Sound Sample
 * Description (Version 1)".
 *
 * @module
 */
import { STREAMINFO_BYTES } from "../codecs/flac.ts";
import { type OpusHead, writeOpusHead } from "../codecs/opus.ts";
import { type AudioHint, audioTrack, nalLengthBytes, videoTrack } from "../codecs/track_config.ts";
import { NAL_LENGTH_BYTES } from "../media/nal.ts";
import type { AudioCodec, AudioTrack, Track, VideoCodec } from "../media/track.ts";
import { type Box, BoxFields, findBox, malformed } from "./box_reader.ts";
import { OBJECT_TYPE_INDICATION, readEsds } from "./esds.ts";

/** Content of VisualSampleEntry and AudioSampleEntry in front of the boxes within, in bytes. */
const VIDEO_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;

/** Where in the content width and QuickTime's version stand. */
const VIDEO_SIZE_OFFSET = 24;
const AUDIO_VERSION_OFFSET = 8;

/** What version 1 of QuickTime adds to an audio entry, in bytes. */
const QUICKTIME_1_BYTES = 16;

/** Version and flags; the header of a FLAC metadata block. */
const FULL_BOX_BYTES = 4;
const FLAC_BLOCK_HEADER_BYTES = 4;

const NO_CONFIG = new Uint8Array(0);

interface VideoForm {
  readonly codec: VideoCodec;
  readonly configuration: string;
  readonly skipBytes: number; // in front of the configuration
}

/** "avc3" and "hev1" keep parameter sets in the frames too; ours may in any case. */
const VIDEO_FORMS: Readonly<Record<string, VideoForm>> = {
  avc1: { codec: "h264", configuration: "avcC", skipBytes: 0 },
  avc3: { codec: "h264", configuration: "avcC", skipBytes: 0 },
  hvc1: { codec: "h265", configuration: "hvcC", skipBytes: 0 },
  hev1: { codec: "h265", configuration: "hvcC", skipBytes: 0 },
  av01: { codec: "av1", configuration: "av1C", skipBytes: 0 },
  vp09: { codec: "vp9", configuration: "vpcC", skipBytes: FULL_BOX_BYTES },
};

/** Audio that has no configuration. */
const PLAIN_AUDIO: Readonly<Record<string, AudioCodec>> = {
  "alaw": "g711a",
  "ulaw": "g711u",
  ".mp3": "mp3",
};

/** By objectTypeIndication. */
const MP4A_CODECS: Readonly<Record<number, AudioCodec>> = {
  [OBJECT_TYPE_INDICATION.mpeg4Audio]: "aac",
  [OBJECT_TYPE_INDICATION.mpeg2AacMain]: "aac",
  [OBJECT_TYPE_INDICATION.mpeg2AacLc]: "aac",
  [OBJECT_TYPE_INDICATION.mpeg2AacSsr]: "aac",
  [OBJECT_TYPE_INDICATION.mpeg2Audio]: "mp3",
  [OBJECT_TYPE_INDICATION.mpeg1Audio]: "mp3",
};

/** Where an entry's track belongs and what its NAL units are prefixed by. */
export interface SampleEntry {
  readonly track: Track;
  /** Bytes of the length in front of each NAL unit, 1 to 4; 4 for other codecs. */
  readonly lengthBytes: number;
}

/**
 * Reads an entry of "stsd".
 *
 * @param index Number of the track among those of its kind.
 * @returns The track; `undefined` when its codec is not carried. Its configuration is a view of
 * `bytes` where MP4 has it in the form of our tracks.
 * @throws {ProtocolError} The entry or its configuration cannot be read.
 */
export function parseSampleEntry(
  bytes: Uint8Array,
  entry: Box,
  index: number,
): SampleEntry | undefined {
  const form = VIDEO_FORMS[entry.type];
  if (form !== undefined) return parseVideo(bytes, entry, form, index);
  const track = parseAudio(bytes, entry, index);
  if (track === undefined) return undefined;
  if (track.sampleRate === 0 || track.channels === 0) {
    throw malformed(`${entry.type} of no sample rate or channels`, "12.2.3", entry.start);
  }
  return { track, lengthBytes: NAL_LENGTH_BYTES };
}

function parseVideo(bytes: Uint8Array, entry: Box, form: VideoForm, index: number): SampleEntry {
  const fields = new BoxFields(bytes, entry);
  fields.skip(VIDEO_SIZE_OFFSET);
  const width = fields.u16();
  const height = fields.u16();
  const configuration = childContent(bytes, entry, VIDEO_ENTRY_BYTES, form.configuration);
  configuration.skip(form.skipBytes);
  const config = configuration.bytes(configuration.remaining);
  const track = videoTrack(form.codec, index, config);
  return {
    // VP9's configuration does not tell the size.
    track: track.width === 0 ? { ...track, width, height } : track,
    lengthBytes: nalLengthBytes(form.codec, config),
  };
}

function parseAudio(bytes: Uint8Array, entry: Box, index: number): AudioTrack | undefined {
  const fields = new BoxFields(bytes, entry);
  fields.skip(AUDIO_VERSION_OFFSET);
  const version = fields.u16();
  fields.skip(6); // revision, vendor
  const channels = fields.u16();
  fields.skip(6); // samplesize, pre_defined, reserved
  const hint = { channels, sampleRate: fields.u32() >>> 16 };
  const skipBytes = AUDIO_ENTRY_BYTES + (version === 1 ? QUICKTIME_1_BYTES : 0);
  const content = (type: string) => childContent(bytes, entry, skipBytes, type);

  const plain = PLAIN_AUDIO[entry.type];
  if (plain !== undefined) return audioTrack(plain, index, NO_CONFIG, hint);
  switch (entry.type) {
    case "mp4a":
      return parseMp4a(content("esds"), index, hint);
    case "Opus":
      return audioTrack("opus", index, opusHead(content("dOps")));
    case "fLaC":
      return audioTrack("flac", index, streamInfo(content("dfLa")));
    case "ac-3":
      return audioTrack("ac3", index, rest(content("dac3")), hint);
    case "ec-3":
      return audioTrack("eac3", index, rest(content("dec3")), hint);
    default:
      return undefined;
  }
}

function parseMp4a(fields: BoxFields, index: number, hint: AudioHint): AudioTrack | undefined {
  const { objectTypeIndication, specificInfo } = readEsds(fields);
  const codec = MP4A_CODECS[objectTypeIndication];
  if (codec === undefined) return undefined;
  if (codec === "mp3") return audioTrack(codec, index, NO_CONFIG, hint);
  if (specificInfo !== undefined) return audioTrack(codec, index, specificInfo, hint);
  throw malformed("AAC without DecoderSpecificInfo", "14496-14 5.6", fields.offset);
}

/** OpusHead of a "dOps" (Opus-in-ISOBMFF, 4.3.2). */
function opusHead(fields: BoxFields): Uint8Array {
  const at = fields.offset;
  const version = fields.u8();
  if (version !== 0) throw malformed(`dOps of version ${version}, not 0`, "Opus 4.3.2", at);
  const channels = fields.u8();
  const head: OpusHead = {
    version: 1,
    channels,
    preSkip: fields.u16(),
    inputSampleRate: fields.u32(),
    outputGain: fields.i16(),
    mappingFamily: fields.u8(),
  };
  if (head.mappingFamily === 0) return writeOpusHead(head);
  const mapping = {
    streams: fields.u8(),
    coupledStreams: fields.u8(),
    channels: fields.bytes(channels),
  };
  return writeOpusHead({ ...head, mapping });
}

/** STREAMINFO of a "dfLa", which is always its first block (FLAC-in-ISOBMFF, 3.3.2). */
function streamInfo(fields: BoxFields): Uint8Array {
  fields.skip(FULL_BOX_BYTES + FLAC_BLOCK_HEADER_BYTES);
  return fields.bytes(STREAMINFO_BYTES);
}

function rest(fields: BoxFields): Uint8Array {
  return fields.bytes(fields.remaining);
}

function childContent(bytes: Uint8Array, entry: Box, skipBytes: number, type: string): BoxFields {
  const child = findBox(bytes, entry, type, skipBytes);
  if (child !== undefined) return new BoxFields(bytes, child);
  throw malformed(`${entry.type} without ${type}`, "8.5.2", entry.start);
}
