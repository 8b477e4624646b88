/**
 * Fuzz targets of bits, NAL units and codecs: no input may do anything but be read or be refused
 * with a ProtocolError, and what is read must be sane.
 *
 * @module
 */
import { assert, assertEquals } from "../support/assert.ts";
import { AUDIO_VECTORS, VIDEO_VECTORS } from "../vectors/codec_configs.ts";
import { ProtocolError } from "../../protocols/errors.ts";
import {
  annexBToLengthPrefixed4,
  forEachAnnexBNalUnit,
  toLengthPrefixed4,
  unescapeNalUnit,
  validateNalUnits,
} from "../../protocols/media/nal.ts";
import { type AudioCodec, type Track, type VideoCodec } from "../../protocols/media/track.ts";
import { adtsAudioSpecificConfig, parseAdtsHeader } from "../../protocols/codecs/adts.ts";
import { forEachObu, isAv1Keyframe } from "../../protocols/codecs/av1.ts";
import {
  avcConfigOf,
  isH264Keyframe,
  parseAvcDecoderConfigurationRecord,
  parseSps,
  writeAvcDecoderConfigurationRecord,
} from "../../protocols/codecs/h264.ts";
import {
  H265_NAL_TYPE,
  hevcConfigOf,
  hevcUnits,
  isH265Keyframe,
  parseHevcDecoderConfigurationRecord,
  parseHevcSps,
  writeHevcDecoderConfigurationRecord,
} from "../../protocols/codecs/h265.ts";
import { parseMp3FrameHeader } from "../../protocols/codecs/mp3.ts";
import { parseOpusHead, writeOpusHead } from "../../protocols/codecs/opus.ts";
import {
  audioTrack,
  codecString,
  nalLengthBytes,
  videoTrack,
} from "../../protocols/codecs/track_config.ts";

/** One parser under fuzz: `run` throws only when the parser has a defect. */
export interface CodecFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

// The first frames of small clips by ffmpeg 5.1.9: H.264 (byte stream, then MP4), H.265, AV1.
const BYTE_STREAM = Uint8Array.fromHex(
  "000000010910000000016742c00ada25b0110000030001000003001400000168ce0fc8000001658884",
);
const H264_UNIT = Uint8Array.fromHex("0000000209100000000468ce0fc80000000b6588843a2628000902c9e0");
const H265_UNIT = Uint8Array.fromHex("0000000f2801af1180f49266fffc3371740380");
const AV1_UNIT = Uint8Array.fromHex("0a0a00000002afff9b5f2008320e10009680000200000000ebc68ef0");

export const CODEC_FUZZ_TARGETS: CodecFuzzTarget[] = [
  ...(["h264", "h265", "av1", "vp9"] as const).map(videoTarget),
  ...(["aac", "opus", "flac"] as const).map(audioTarget),
  target("h264 record and back", configsOf("h264"), (input) => {
    const record = parseAvcDecoderConfigurationRecord(input);
    const written = writeAvcDecoderConfigurationRecord(record);
    assertEquals(parseAvcDecoderConfigurationRecord(written), record);
    avcConfigOf(record.sps, record.pps);
  }),
  target("h265 record and back", configsOf("h265"), (input) => {
    const record = parseHevcDecoderConfigurationRecord(input);
    const written = writeHevcDecoderConfigurationRecord(record);
    assertEquals(parseHevcDecoderConfigurationRecord(written), record);
    const [vps, sps, pps] = [H265_NAL_TYPE.vps, H265_NAL_TYPE.sps, H265_NAL_TYPE.pps]
      .map((type) => hevcUnits(record, type));
    hevcConfigOf({ vps, sps, pps });
  }),
  target("h264 SPS", spsOf("h264"), (input) => {
    const info = parseSps(input);
    assert(info.maxReorderFrames >= 0 && info.maxReorderFrames <= 16);
  }),
  target("h265 SPS", spsOf("h265"), (input) => {
    const info = parseHevcSps(input);
    assert(info.maxReorderFrames >= 0 && info.maxReorderFrames <= 16);
  }),
  target("OpusHead and back", configsOf("opus"), (input) => {
    const head = parseOpusHead(input);
    assertEquals(parseOpusHead(writeOpusHead(head)), head);
  }),
  target("ADTS header", [Uint8Array.fromHex("fff150802b7ffc")], (input) => {
    const header = parseAdtsHeader(input);
    if (header === undefined) return;
    assert(header.frameBytes >= header.headerBytes && header.frameBytes < 8192);
    audioTrack("aac", 0, adtsAudioSpecificConfig(header));
  }),
  target("MPEG audio header", [Uint8Array.fromHex("fffb9064")], (input) => {
    const header = parseMp3FrameHeader(input);
    if (header === undefined) return;
    assert(Number.isInteger(header.frameBytes) && header.frameBytes < 8192);
  }),
  target("length-prefixed NAL units", [H264_UNIT, H265_UNIT], runPrefixed),
  target("byte stream", [BYTE_STREAM], runByteStream),
  target("OBUs", [AV1_UNIT], (input) => {
    let bytes = 0;
    isAv1Keyframe(input);
    forEachObu(input, (_type, _payload, obu) => bytes += obu.length);
    assertEquals(bytes, input.length);
  }),
];

function target(
  name: string,
  seeds: Uint8Array[],
  action: (input: Uint8Array) => void,
): CodecFuzzTarget {
  return {
    name,
    seeds,
    run(input) {
      const before = input.slice();
      try {
        action(input);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        assert(error.offset >= 0 && error.offset <= input.length, `offset ${error.offset}`);
      }
      assertEquals(input, before, "the parser wrote into its input");
    },
  };
}

function videoTarget(codec: VideoCodec): CodecFuzzTarget {
  const seeds = codec === "vp9"
    ? [Uint8Array.fromHex("0014820202020000"), Uint8Array.fromHex("010000000214a2020202000000")]
    : configsOf(codec);
  return target(`${codec} track`, seeds, (input) => {
    const track = videoTrack(codec, 0, input);
    assert(track.width >= 0 && track.width <= 65_536 && Number.isInteger(track.width));
    assert(track.height >= 0 && track.height <= 65_536 && Number.isInteger(track.height));
    assert(track.frameRate >= 0 && track.frameRate <= 1_000);
    assertEquals(nalLengthBytes(codec, track.config), 4);
    checkName(track);
  });
}

function audioTarget(codec: AudioCodec): CodecFuzzTarget {
  return target(`${codec} track`, configsOf(codec), (input) => {
    const track = audioTrack(codec, 0, input);
    assert(track.sampleRate > 0 && track.sampleRate < 2 ** 24);
    assert(track.channels > 0 && track.channels <= 255);
    checkName(track);
  });
}

function checkName(track: Track): void {
  assert(/^[A-Za-z0-9.-]{3,40}$/.test(codecString(track)), codecString(track));
}

function configsOf(codec: string): Uint8Array[] {
  return [...VIDEO_VECTORS, ...AUDIO_VECTORS]
    .filter((vector) => vector.codec === codec)
    .map((vector) => vector.config);
}

function spsOf(codec: "h264" | "h265"): Uint8Array[] {
  return configsOf(codec).map((config) =>
    codec === "h264"
      ? parseAvcDecoderConfigurationRecord(config).sps[0]
      : hevcUnits(parseHevcDecoderConfigurationRecord(config), H265_NAL_TYPE.sps)[0]
  );
}

function runPrefixed(input: Uint8Array): void {
  for (const lengthBytes of [1, 2, 3]) {
    try {
      const converted = toLengthPrefixed4(input, lengthBytes);
      validateNalUnits(converted);
      assert(converted.length <= input.length * 2.5);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
  assert(toLengthPrefixed4(input, 4) === input);
  isH264Keyframe(input);
  isH265Keyframe(input);
}

function runByteStream(input: Uint8Array): void {
  const converted = annexBToLengthPrefixed4(input);
  validateNalUnits(converted);
  forEachAnnexBNalUnit(input, (nal) => {
    assert(nal.length > 0 && nal[nal.length - 1] !== 0);
    assert(unescapeNalUnit(nal).length <= nal.length);
  });
}
