/**
 * Decoder configurations as other programs wrote them, with what ffprobe 5.1 reports of each.
 *
 * @module
 */
import type { VideoCodec } from "../../protocols/media/track.ts";

/** One video configuration and what it must be read as. */
export interface VideoVector {
  readonly name: string;
  readonly origin: string;
  readonly codec: VideoCodec;
  readonly config: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number; // by its parameter sets alone
  readonly level: number;
  readonly chromaFormat: number;
  readonly bitDepth: number;
  readonly reorder: number; // ffprobe's has_b_frames
  readonly sampleAspectRatio: readonly [number, number];
  readonly codecString: string;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
}

/** Every one holds parameter sets. */
export const VIDEO_VECTORS: readonly VideoVector[] = [
  {
    name: "x264 high with B-frames, cropped size",
    origin: "ffmpeg 5.1.9, testsrc=size=636x358:rate=30000/1001, libx264 -pix_fmt yuv420p",
    codec: "h264",
    config: bytesOf(`
      0164001effe100196764001eacd940a02fee6c04400000fa40003a9803c58b658001000668ebe3cb
      22c0fdf8f800
    `),
    width: 636,
    height: 358,
    frameRate: 30_000 / 1001,
    level: 30,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.64001e",
  },
  {
    name: "x264 baseline",
    origin:
      "ffmpeg 5.1.9, testsrc=size=320x240:rate=25, libx264 -profile:v baseline -pix_fmt yuv420p",
    codec: "h264",
    config: bytesOf(`
      0142c00dffe100186742c00dd90141fb011000000300100000030320f142a48001000568cb83cb20
    `),
    width: 320,
    height: 240,
    frameRate: 25,
    level: 13,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.42c00d",
  },
  {
    name: "x264 main, one B-frame",
    origin:
      "ffmpeg 5.1.9, testsrc=size=1280x720:rate=50, libx264 -profile:v main -bf 1 -pix_fmt yuv420p",
    codec: "h264",
    config: bytesOf(`
      014d4020ffe10018674d4020f200a00b760220000003002000000c81e306224001000568ebe3cb20
    `),
    width: 1280,
    height: 720,
    frameRate: 50,
    level: 32,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 1,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.4d4020",
  },
  {
    name: "x264 high 10",
    origin: "ffmpeg 5.1.9, testsrc=size=1920x1080:rate=60, libx264 -pix_fmt yuv420p10le",
    codec: "h264",
    config: bytesOf(`
      016e002affe1001b676e002aa6cd940780227e5c0440000003004000001e03c60c658001000668eb
      e3cb22c0fdfafa00
    `),
    width: 1920,
    height: 1080,
    frameRate: 60,
    level: 42,
    chromaFormat: 1,
    bitDepth: 10,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.6e002a",
  },
  {
    name: "x264 high 4:2:2, interlaced",
    origin:
      "ffmpeg 5.1.9, testsrc=size=1920x1080:rate=25, libx264 -pix_fmt yuv422p -flags +ilme+ildct -x264-params tff=1",
    codec: "h264",
    config: bytesOf(`
      017a0028ffe1001b677a0028bcd94078044fcb808800000300080000030190f8b16cb001000668fb
      a3cb22c0fef8f800
    `),
    width: 1920,
    height: 1080,
    frameRate: 25,
    level: 40,
    chromaFormat: 2,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.7a0028",
  },
  {
    name: "x264 high 4:4:4",
    origin: "ffmpeg 5.1.9, testsrc=size=322x241:rate=15, libx264 -pix_fmt yuv444p",
    codec: "h264",
    config: bytesOf(`
      01f4000cffe1001c67f4000c919b282a10f1f0860220000003002000000303c1e28532c001000668
      ebe3c44844fff8f800
    `),
    width: 322,
    height: 241,
    frameRate: 15,
    level: 12,
    chromaFormat: 3,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.f4000c",
  },
  {
    name: "x264 with PAL anamorphic samples and HRD",
    origin:
      "ffmpeg 5.1.9, testsrc=size=720x576:rate=25, libx264 -pix_fmt yuv420p -vf setsar=64/45 -x264-params nal-hrd=cbr:vbv-maxrate=500:vbv-bufsize=500:bitrate=500",
    codec: "h264",
    config: bytesOf(`
      0164001effe100276764001eacd940b4126ffc010000b440000003004000000c9808007a10001e84
      e4c30078b16cb001000568ebecb22cfdf8f800
    `),
    width: 720,
    height: 576,
    frameRate: 25,
    level: 30,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [64, 45],
    codecString: "avc1.64001e",
  },
  {
    name: "x264 monochrome",
    origin: "ffmpeg 5.1.9, testsrc=size=160x120:rate=10, libx264 -pix_fmt gray",
    codec: "h264",
    config: bytesOf(`
      0164000affe1001a6764000af3650a11f89c05b2000003000200000300281e244b2c01000668ebe3
      cb22c0fcf8f800
    `),
    width: 160,
    height: 120,
    frameRate: 10,
    level: 10,
    chromaFormat: 0,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.64000a",
  },
  {
    name: "x265 main with B-frames, cropped size",
    origin: "ffmpeg 5.1.9, testsrc=size=636x358:rate=30000/1001, libx265 -pix_fmt yuv420p",
    codec: "h265",
    config: bytesOf(`
      0101600000009000000000003ff000fcfdf8f800000f03a00001001840010c01ffff016000000300
      90000003000003003f959809a10001002942010101600000030090000003000003003fa005020169
      dd65959a4932bc05a02000007d20000ea601a2000100074401c172b46240
    `),
    width: 636,
    height: 358,
    frameRate: 30_000 / 1001,
    level: 63,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "hvc1.1.6.L63.90",
  },
  {
    name: "x265 main 10, no B-frames",
    origin: "ffmpeg 5.1.9, testsrc=size=1280x720:rate=50, libx265 -pix_fmt yuv420p10le -bf 0",
    codec: "h265",
    config: bytesOf(`
      01022000000090000000000078f000fcfdfafa00000f03a00001001840010c01ffff022000000300
      900000030000030078928090a10001002b420101022000000300900000030000030078a00280802d
      136592a4932bc05a020000030002000003006410a2000100074401c172b46240
    `),
    width: 1280,
    height: 720,
    frameRate: 50,
    level: 120,
    chromaFormat: 1,
    bitDepth: 10,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "hvc1.2.4.L120.90",
  },
  {
    name: "x265 main 4:4:4 12, default scaling lists",
    origin:
      "ffmpeg 5.1.9, testsrc=size=322x242:rate=24, libx265 -pix_fmt yuv444p12le scaling-list=default",
    codec: "h265",
    config: bytesOf(`
      0104080000009808000000003cf000fcfffcfc00000f03a00001001740010c01ffff040800000300
      980800000300003c959809a10001002c420101040800000300980800000300003c90014901f39e72
      94b2b349272bc05a020000030002000003003010a2000100084401c172860c4624
    `),
    width: 322,
    height: 242,
    frameRate: 24,
    level: 60,
    chromaFormat: 3,
    bitDepth: 12,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "hvc1.4.10.L60.98.8",
  },
  {
    name: "x265 with temporal layers, anamorphic, HRD",
    origin:
      "ffmpeg 5.1.9, testsrc=size=720x576:rate=25, libx265 -pix_fmt yuv420p -vf setsar=64/45 temporal-layers=3:vbv-maxrate=500:vbv-bufsize=500:hrd=1:bitrate=400:b-adapt=0",
    codec: "h265",
    config: bytesOf(`
      0101600000009000000000005af000fcfdf8f800000f04a00001001840010c01ffff016000000300
      90000003000003005a959809a10001003942010101600000030090000003000003005aa005a20090
      596566924cafff0040002d6808000003000800000300cb0064b2f000f420003d0910a20001000744
      01c172b4624027000100064e0181010f80
    `),
    width: 720,
    height: 576,
    frameRate: 25,
    level: 90,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [64, 45],
    codecString: "hvc1.1.6.L90.90",
  },
  {
    name: "libaom main",
    origin:
      "ffmpeg 5.1.9, testsrc=size=636x358:rate=30000/1001, libaom-av1 -cpu-used 8 -pix_fmt yuv420p",
    codec: "av1",
    config: bytesOf(`
      81010c000a0b0000000cc4f76536be4010
    `),
    width: 636,
    height: 358,
    frameRate: 0,
    level: 1,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "av01.0.01M.08",
  },
  {
    name: "libaom high 4:4:4 10 bit",
    origin:
      "ffmpeg 5.1.9, testsrc=size=640x360:rate=25, libaom-av1 -cpu-used 8 -pix_fmt yuv444p10le",
    codec: "av1",
    config: bytesOf(`
      812140000a0b2000000cc4ff6736be5080
    `),
    width: 640,
    height: 360,
    frameRate: 0,
    level: 1,
    chromaFormat: 3,
    bitDepth: 10,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "av01.1.01M.10",
  },
  {
    name: "libaom professional 4:2:2",
    origin:
      "ffmpeg 5.1.9, testsrc=size=320x180:rate=25, libaom-av1 -cpu-used 8 -pix_fmt yuv422p12le",
    codec: "av1",
    config: bytesOf(`
      814068000a0b400000043cfeccdaf96220
    `),
    width: 320,
    height: 180,
    frameRate: 0,
    level: 0,
    chromaFormat: 2,
    bitDepth: 12,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "av01.2.00M.12",
  },
  {
    name: "SVT-AV1",
    origin:
      "ffmpeg 5.1.9, testsrc=size=1280x720:rate=25, libsvtav1 -preset 10 -pix_fmt yuv420p10le",
    codec: "av1",
    config: bytesOf(`
      81054c000a0b0000002d4cffb3c02f8404
    `),
    width: 1280,
    height: 720,
    frameRate: 0,
    level: 5,
    chromaFormat: 1,
    bitDepth: 10,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "av01.0.05M.10",
  },
  {
    name: "x265 with its own scaling lists",
    origin: "ffmpeg 5.1.9, testsrc=size=352x288:rate=30, libx265 scaling-list=FILE",
    codec: "h265",
    config: bytesOf(`
      0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff016000000300
      90000003000003003c959809a10001010142010101600000030090000003000003003ca00b080485
      96566924f84041c71ce1439ce1439c71c411111420101e1e1e3c160f1e3c1d0f1e3c7890210f1e3c
      7987810878f1e3c283c7810878f1e3c283c7810878f1e61e3c0843c7891e3c0843c2e3c78108128f
      1e1e1e1022222849840787878f0583c78f0743c78f1e240843c78f1e61e0421e3c78f0a0f1e0421e
      3c78f0a0f1e0421e3c79878f0210f1e2478f0210f0b8f1e04204a3c787878408888a126101e1e1e3
      c160f1e3c1d0f1e3c7890210f1e3c7987810878f1e3c283c7810878f1e3c283c7810878f1e61e3c0
      843c7891e3c0843c2e3c78108128f1e1e1e1025780b4040000030004000003007820a20001000744
      01c172b46240
    `),
    width: 352,
    height: 288,
    frameRate: 30,
    level: 60,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "hvc1.1.6.L60.90",
  },
  {
    name: "x265 of GStreamer",
    origin: "GStreamer 1.22, videotestsrc 354x290, x265enc ! h265parse ! mp4mux",
    codec: "h265",
    config: bytesOf(`
      0104080000009808000000003ff000fcfffcfc00000f03200001001740010c01ffff040800000300
      980800000300003f9598092100010033420101040800000300980800000300003f9001690094e79c
      a52cacd24995ffe00020002d418181810000030001000003001e0822000100074401c172b46240
    `),
    width: 354,
    height: 290,
    frameRate: 30,
    level: 63,
    chromaFormat: 3,
    bitDepth: 12,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "hvc1.4.10.L63.98.8",
  },
  {
    name: "x264 with scaling lists",
    origin: "ffmpeg 5.1.9, testsrc=size=352x288:rate=30, libx264 cqm=jvt",
    codec: "h264",
    config: bytesOf(`
      0164000dffe100196764000dacd9416096c044000003000400000300f03c50a65801000768ebe3cb
      3002c0fdf8f800
    `),
    width: 352,
    height: 288,
    frameRate: 30,
    level: 13,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.64000d",
  },
  {
    name: "x264 with intra refresh and no IDR but the first",
    origin: "ffmpeg 5.1.9, testsrc=size=352x288:rate=30, libx264 intra-refresh=1",
    codec: "h264",
    config: bytesOf(`
      0164000dffe100196764000dac56405825b0110000030001000003003c0f14299601000568ef8f2c
      8bfdf8f800
    `),
    width: 352,
    height: 288,
    frameRate: 30,
    level: 13,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.64000d",
  },
  {
    name: "x264 interlaced of faked fields",
    origin: "ffmpeg 5.1.9, testsrc=size=352x288:rate=30, libx264 interlaced=1:fake-interlaced=1",
    codec: "h264",
    config: bytesOf(`
      01640015ffe1001967640015acd941612d8088000003000800000301e0f8a14cb001000668fba3cb
      22c0fdf8f800
    `),
    width: 352,
    height: 288,
    frameRate: 30,
    level: 21,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 2,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.640015",
  },
  {
    name: "OpenH264",
    origin: "GStreamer 1.22, videotestsrc 352x288, openh264enc ! h264parse ! flvmux",
    codec: "h264",
    config: bytesOf(`
      0142c00dffe1000e6742c00d8c8d40b04a403c2211a801000468ce3c80
    `),
    width: 352,
    height: 288,
    frameRate: 0,
    level: 13,
    chromaFormat: 1,
    bitDepth: 8,
    reorder: 0,
    sampleAspectRatio: [1, 1],
    codecString: "avc1.42c00d",
  },
];

/** One audio configuration and what it must be read as. */
export interface AudioVector {
  readonly name: string;
  readonly origin: string;
  readonly codec: "aac" | "opus" | "flac";
  readonly config: Uint8Array;
  readonly sampleRate: number;
  readonly channels: number;
  readonly codecString: string;
}

/** Rates and channels are those of ffprobe, or of mediainfo where the origin says so. */
export const AUDIO_VECTORS: readonly AudioVector[] = [
  {
    name: "stereo AAC",
    origin: "ffmpeg 5.1.9, sine, aac",
    codec: "aac",
    config: bytesOf("121056e500"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.2",
  },
  {
    name: "mono AAC of 8 kHz",
    origin: "ffmpeg 5.1.9, sine, aac",
    codec: "aac",
    config: bytesOf("158856e500"),
    sampleRate: 8_000,
    channels: 1,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC 5.1",
    origin: "ffmpeg 5.1.9, sine, aac",
    codec: "aac",
    config: bytesOf("11b056e500"),
    sampleRate: 48_000,
    channels: 6,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC 7.1",
    origin: "ffmpeg 5.1.9, sine, aac",
    codec: "aac",
    config: bytesOf("11b856e500"),
    sampleRate: 48_000,
    channels: 8,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC 2.1 by a program config element",
    origin: "ffmpeg 5.1.9, channel_layouts=2.1, aac",
    codec: "aac",
    config: bytesOf("118004c4010020000d4c61766335392e33372e31303056e500"),
    sampleRate: 48_000,
    channels: 3,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC quad by a program config element",
    origin: "ffmpeg 5.1.9, channel_layouts=quad, aac",
    codec: "aac",
    config: bytesOf("118004c4040021100d4c61766335392e33372e31303056e500"),
    sampleRate: 48_000,
    channels: 4,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC 7.0 by a program config element",
    origin: "ffmpeg 5.1.9, channel_layouts=7.0, aac",
    codec: "aac",
    config: bytesOf("118004c844002008c80d4c61766335392e33372e31303056e500"),
    sampleRate: 48_000,
    channels: 7,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC Main",
    origin: "ffmpeg 5.1.9, sine, aac profile aac_main",
    codec: "aac",
    config: bytesOf("099056e500"),
    sampleRate: 48_000,
    channels: 2,
    codecString: "mp4a.40.1",
  },
  {
    name: "two bytes of AAC",
    origin: "GStreamer 1.22, audiotestsrc, voaacenc",
    codec: "aac",
    config: bytesOf("1210"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.2",
  },
  {
    name: "AAC padded with zeros",
    origin: "14496-3 1.6.2.1 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("12100000"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.2",
  },
  {
    name: "HE-AAC announced backward compatibly",
    origin: "14496-3 1.6.5 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("131056e598"),
    sampleRate: 48_000,
    channels: 2,
    codecString: "mp4a.40.5",
  },
  {
    name: "HE-AAC announced hierarchically",
    origin: "14496-3 1.6.5 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("2b920800"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.5",
  },
  {
    name: "HE-AAC v2 announced backward compatibly",
    origin: "14496-3 1.6.5 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("138856e5a54880"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.29",
  },
  {
    name: "HE-AAC v2 announced hierarchically",
    origin: "14496-3 1.6.5 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("eb8a0800"),
    sampleRate: 44_100,
    channels: 2,
    codecString: "mp4a.40.29",
  },
  {
    name: "AAC with its rate in 24 bits",
    origin: "14496-3 1.6.2.1 by hand; mediainfo",
    codec: "aac",
    config: bytesOf("17805dc010"),
    sampleRate: 48_000,
    channels: 2,
    codecString: "mp4a.40.2",
  },
  {
    name: "stereo Opus",
    origin: "ffmpeg 5.1.9, sine, libopus",
    codec: "opus",
    config: bytesOf("4f707573486561640102380180bb0000000000"),
    sampleRate: 48_000,
    channels: 2,
    codecString: "opus",
  },
  {
    name: "mono Opus of 16 kHz",
    origin: "ffmpeg 5.1.9, sine, libopus",
    codec: "opus",
    config: bytesOf("4f7075734865616401013801803e0000000000"),
    sampleRate: 48_000,
    channels: 1,
    codecString: "opus",
  },
  {
    name: "Opus 5.1",
    origin: "ffmpeg 5.1.9, libopus -mapping_family 1",
    codec: "opus",
    config: bytesOf("4f707573486561640106380180bb00000000010402000401020305"),
    sampleRate: 48_000,
    channels: 6,
    codecString: "opus",
  },
  {
    name: "stereo FLAC",
    origin: "ffmpeg 5.1.9, sine, flac",
    codec: "flac",
    config: bytesOf("120012000000fc0005110bb802f000003840e5f051c128e84992c0cba99724092b51"),
    sampleRate: 48_000,
    channels: 2,
    codecString: "fLaC",
  },
  {
    name: "FLAC 5.1 of 24 bits",
    origin: "ffmpeg 5.1.9, sine, flac",
    codec: "flac",
    config: bytesOf("2000200000121f0025e217700b7000007080b654d6dcc422d01b9820c8f00f7018e0"),
    sampleRate: 96_000,
    channels: 6,
    codecString: "fLaC",
  },
];
