/**
 * Sample entries of audio: "mp4a" (AAC, MP3), "Opus", "fLaC", "ac-3", "ec-3", "alaw", "ulaw".
 *
 * Sources: ISO/IEC 14496-12:2015, sections 8.5.2 (SampleEntry) and 12.2.3 (AudioSampleEntry);
 * Encapsulation of Opus in ISOBMFF, section 4.3; Encapsulation of FLAC in ISOBMFF, section 3.3;
 * ETSI TS 102 366, annex F (AC-3); QuickTime File Format, "Sound Media" (G.711).
 *
 * @module
 */
import { parseFlacStreamInfo, STREAMINFO_BYTES } from "../codecs/flac.ts";
import { OPUS_SAMPLE_RATE, type OpusHead, parseOpusHead } from "../codecs/opus.ts";
import type { AudioTrack } from "../media/track.ts";
import { box, fullBox, u16, u32, u8 } from "./box_writer.ts";
import { OBJECT_TYPE_INDICATION, writeEsds } from "./esds.ts";

/** data_reference_index of the one data reference; 6 reserved bytes in front (8.5.2). */
const ENTRY_HEAD = u16(0, 0, 0, 1);

/** Bits of a decoded sample, where nobody knows better (12.2.3.2). */
const SAMPLE_BITS = 16;

/** Largest whole sample rate of the entry's 16.16 field. */
const ENTRY_RATE_MAX = 0xffff;

/** Block header of a STREAMINFO that is the last metadata block (RFC 9639, 8.1). */
const LAST_STREAMINFO = 0x80;

/** Writes the entry of a track that `mp4Supports` accepts. */
export function writeAudioSampleEntry(track: AudioTrack): Uint8Array {
  switch (track.codec) {
    case "aac":
      return entry(track, "mp4a", writeEsds(OBJECT_TYPE_INDICATION.mpeg4Audio, track.config));
    case "mp3":
      return entry(track, "mp4a", writeEsds(mp3ObjectType(track), undefined));
    case "opus":
      return entry(track, "Opus", writeOpusSpecificBox(opusHeadOf(track)));
    case "flac":
      return entry(track, "fLaC", writeFlacSpecificBox(track.config));
    case "ac3":
      return entry(track, "ac-3", box("dac3", track.config));
    case "eac3":
      return entry(track, "ec-3", box("dec3", track.config));
    case "g711a":
      return entry(track, "alaw");
    case "g711u":
      return entry(track, "ulaw");
    case "g726":
      throw new TypeError("Cannot write sample entry: MP4 does not carry G.726");
  }
}

function entry(track: AudioTrack, type: string, ...configuration: Uint8Array[]): Uint8Array {
  const bits = track.codec === "flac"
    ? parseFlacStreamInfo(track.config).bitsPerSample
    : SAMPLE_BITS;
  return box(
    type,
    ENTRY_HEAD,
    u32(0, 0), // reserved; the version 0 of QuickTime
    u16(track.channels, bits, 0, 0), // channelcount, samplesize, pre_defined, reserved
    u32(entryRate(track.sampleRate) * 0x10000),
    ...configuration,
  );
}

/** The rate, or the largest regular division of it that fits (FLAC-in-ISOBMFF, 3.3.1). */
function entryRate(sampleRate: number): number {
  let rate = sampleRate;
  while (rate > ENTRY_RATE_MAX) rate = Math.floor(rate / 2);
  return rate;
}

function mp3ObjectType(track: AudioTrack): number {
  // The rates below 32 kHz exist in MPEG-2 audio only.
  return track.sampleRate < 32_000
    ? OBJECT_TYPE_INDICATION.mpeg2Audio
    : OBJECT_TYPE_INDICATION.mpeg1Audio;
}

function opusHeadOf(track: AudioTrack): OpusHead {
  if (track.config.length > 0) return parseOpusHead(track.config);
  return {
    version: 1,
    channels: track.channels,
    preSkip: 0,
    inputSampleRate: OPUS_SAMPLE_RATE,
    outputGain: 0,
    mappingFamily: 0,
  };
}

/** "dOps": OpusHead without magic, big-endian, version 0 (Opus-in-ISOBMFF, 4.3.2). */
function writeOpusSpecificBox(head: OpusHead): Uint8Array {
  const { mapping } = head;
  return box(
    "dOps",
    u8(0, head.channels),
    u16(head.preSkip),
    u32(head.inputSampleRate),
    u16(head.outputGain),
    u8(head.mappingFamily),
    ...mapping === undefined ? [] : [u8(mapping.streams, mapping.coupledStreams), mapping.channels],
  );
}

/** "dfLa": STREAMINFO alone, with its block header (FLAC-in-ISOBMFF, 3.3.2). */
function writeFlacSpecificBox(config: Uint8Array): Uint8Array {
  const header = u8(LAST_STREAMINFO, 0, 0, STREAMINFO_BYTES);
  return fullBox("dfLa", 0, 0, header, streamInfoOf(config));
}

/** STREAMINFO itself; carriers leave block header and "fLaC" marker in front of it. */
function streamInfoOf(config: Uint8Array): Uint8Array {
  const marked = config[0] === 0x66 && config[1] === 0x4c;
  const start = marked ? 8 : config.length === STREAMINFO_BYTES + 4 ? 4 : 0;
  return config.subarray(start, start + STREAMINFO_BYTES);
}
