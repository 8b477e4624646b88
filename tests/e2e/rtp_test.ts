// Goal: GStreamer and ffmpeg get out of our packets what went in, byte for byte.
// Method: frames of captured files through the page encoder; the packets in a file for GStreamer's
// depayloaders, over loopback UDP with an SDP for ffmpeg.
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { writeG726Config } from "../../protocols/codecs/g726.ts";
import { audioTrack } from "../../protocols/codecs/track_config.ts";
import { forEachAnnexBNalUnit, forEachNalUnit } from "../../protocols/media/nal.ts";
import type { Frame } from "../../protocols/media/record.ts";
import { type Track, trackId } from "../../protocols/media/track.ts";
import { forEachInterleaved } from "../../protocols/rtp/interleaved.ts";
import { PACKET_BYTES_MAX, RtpPageEncoder } from "../../protocols/rtp/page_encoder.ts";
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { MP4_FACTS, mp4Media } from "../support/mp4_vectors.ts";
import { REPOSITORY } from "../support/paths.ts";
import { freePort } from "../support/ports.ts";
import { Child, delay, eventually, runTool } from "../support/processes.ts";
import { rtpPagesOf, rtpPageTracks } from "../support/rtp_pages.ts";
import { RTP_FORMATS, rtpFile } from "../support/rtp_vectors.ts";

const TIMEOUT_MS = 60_000;

/** What is sent, GStreamer's caps of it without the clock, and how it gets at the payload. */
interface Case {
  readonly name: string;
  readonly file: string;
  readonly at: number;
  readonly caps: string;
  readonly depay: readonly string[];
}

const AAC_CAPS = "media=audio,clock-rate=44100,encoding-name=MPEG4-GENERIC,mode=AAC-hbr," +
  "sizelength=(string)13,indexlength=(string)3,indexdeltalength=(string)3," +
  "config=(string)120856E500";

const CASES: readonly Case[] = [
  {
    ...{ name: "H.264", file: "h264_aac.mp4", at: 0 },
    caps: "media=video,clock-rate=90000,encoding-name=H264",
    depay: ["rtph264depay", "!", "video/x-h264,stream-format=byte-stream"],
  },
  {
    ...{ name: "H.265", file: "h265.mp4", at: 0 },
    caps: "media=video,clock-rate=90000,encoding-name=H265",
    depay: ["rtph265depay", "!", "video/x-h265,stream-format=byte-stream"],
  },
  {
    ...{ name: "AAC", file: "h264_aac.mp4", at: 1, caps: AAC_CAPS },
    depay: ["rtpmp4gdepay"],
  },
  {
    ...{ name: "Opus", file: "opus.mp4", at: 0 },
    caps: "media=audio,clock-rate=48000,encoding-name=OPUS",
    depay: ["rtpopusdepay"],
  },
  {
    ...{ name: "MP3", file: "mp3.mp4", at: 0 },
    caps: "media=audio,clock-rate=90000,encoding-name=MPA",
    depay: ["rtpmpadepay"],
  },
  {
    ...{ name: "A-law", file: "alaw.mov", at: 0 },
    caps: "media=audio,clock-rate=8000,encoding-name=PCMA",
    depay: ["rtppcmadepay"],
  },
];

/** The packets of one track, as they travel. */
function packetsOf(
  track: Track,
  frames: readonly Frame[],
  packetBytesMax?: number,
): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const own = frames.filter((frame) => trackId(frame.track) === trackId(track));
  forEachInterleaved(rtpPagesOf([track], own, packetBytesMax), (channel, packet) => {
    if (channel === 0) packets.push(packet);
  });
  return packets;
}

/** What a depayloader of GStreamer makes of packets. */
async function depayloaded(
  packets: readonly Uint8Array[],
  caps: string,
  depay: readonly string[],
): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    const framed = packets.map((packet) =>
      concatBytes(Uint8Array.of(packet.length >>> 8, packet.length), packet)
    );
    await Deno.writeFile(`${folder}/in`, concatBytes(...framed));
    const source = ["filesrc", `location=${folder}/in`, "!", `application/x-rtp-stream,${caps}`];
    const sink = ["filesink", `location=${folder}/out`];
    await runTool(
      "gst-launch-1.0",
      ["-q", ...source, "!", "rtpstreamdepay", "!", ...depay, "!", ...sink],
      { timeoutMs: TIMEOUT_MS },
    );
    return await Deno.readFile(`${folder}/out`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** NAL units of slices and SEI: parameter sets go before key frames, and are not in our frames. */
function mediaUnits(codec: string, each: (visit: (nal: Uint8Array) => void) => void): string[] {
  const units: string[] = [];
  each((nal) => {
    const type = codec === "h264" ? nal[0] & 0x1f : nal[0] >>> 1;
    const isSet = codec === "h264" ? type >= 7 && type <= 9 : type >= 32 && type <= 35;
    if (!isSet) units.push(nal.toHex());
  });
  return units;
}

const NEEDS = { needs: ["gstreamer"] } as const;

/** Each case in packets of the usual size, and in such that every larger unit is cut. */
const SIZED = [
  ...CASES.map((one) => ({ ...one, packetBytesMax: PACKET_BYTES_MAX })),
  ...CASES.filter(({ name }) => name !== "Opus").map((one) => ({ ...one, packetBytesMax: 112 })),
];

for (const { name, file, at, caps, depay, packetBytesMax } of SIZED) {
  const what = `our ${name} in packets of ${packetBytesMax} bytes`;
  Deno.test(endToEnd(`GStreamer depayloads ${what} to the byte`, NEEDS, async () => {
    const { tracks, frames } = mp4Media(file);
    const track = tracks[at];
    const packets = packetsOf(track, frames, packetBytesMax);
    const got = await depayloaded(packets, `${caps},payload=96`, depay);
    const sent = frames.filter((frame) => trackId(frame.track) === trackId(track));
    assertEquals(sent.length, MP4_FACTS[file][at].frames);
    if (track.kind === "audio") return assertEquals(got, concatBytes(...sent.map((f) => f.data)));
    const units = mediaUnits(track.codec, (visit) => forEachAnnexBNalUnit(got, visit));
    const wanted = mediaUnits(track.codec, (visit) => {
      for (const { data } of sent) forEachNalUnit(data, 4, visit);
    });
    assertEquals(units, wanted);
  }));
}

Deno.test(endToEnd("GStreamer depayloads our G.726 to the byte", NEEDS, async () => {
  // GStreamer keeps the packing of AAL2, and swaps where the name on the wire says the other.
  const wanted = rtpFile("gst_g726_32.raw");
  const data = wanted.map((byte) => byte << 4 | byte >>> 4);
  const track = audioTrack("g726", 0, writeG726Config({ codeBits: 4, packing: "rfc3551" }));
  const times = { dtsUs: 0, ptsUs: 0, keyframe: true };
  const frame: Frame = { kind: "frame", seq: 0, track, ...times, data };
  const caps = "media=audio,clock-rate=8000,encoding-name=G726-32,payload=96";
  const depay = ["rtpg726depay", "force-aal2=false"];
  assertEquals(await depayloaded(packetsOf(track, [frame]), caps, depay), wanted);
}));

Deno.test(endToEnd("ffmpeg plays our packets over UDP to their goodbye", {
  needs: ["ffmpeg"],
}, async () => {
  const { tracks, frames } = mp4Media("h264_aac.mp4");
  const folder = await Deno.makeTempDir();
  const ports = freeUdpPorts(4);
  try {
    await Deno.writeTextFile(`${folder}/in.sdp`, sdpOf(ports));
    await using player = new Child("ffmpeg", [
      ...["-hide_banner", "-nostdin", "-v", "error", "-protocol_whitelist", "file,rtp,udp"],
      ...["-i", `${folder}/in.sdp`, "-map", "0:v", "-f", "framemd5", `${folder}/video`],
      ...["-map", "0:a", "-c", "copy", "-f", "md5", `${folder}/audio`],
    ], { timeoutMs: TIMEOUT_MS });
    await eventually("ffmpeg's ports", () => ports.every(isBound));
    await sendPaced(frames, tracks, ports);
    assertEquals((await player.ended).code, 0);
    const source = `${REPOSITORY}/tests/vectors/mp4_small/h264_aac.mp4`;
    const decoded = await runTool("ffmpeg", ["-i", source, "-map", "0:v", "-f", "framemd5", "-"], {
      timeoutMs: TIMEOUT_MS,
    });
    const video = await Deno.readTextFile(`${folder}/video`);
    assertEquals(digestsOf(video), digestsOf(decoded));
    const audio = await Deno.readTextFile(`${folder}/audio`);
    assertEquals(audio.trim(), `MD5=${MP4_FACTS["h264_aac.mp4"][1].md5}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}));

/** Sends a stream about as fast as it plays, reports first, goodbye last. */
async function sendPaced(
  frames: readonly Frame[],
  tracks: readonly Track[],
  ports: readonly number[],
): Promise<void> {
  const options = { tracks: rtpPageTracks(tracks), cname: "test", wallOffsetUs: 1.7e15 };
  const encoder = new RtpPageEncoder(options);
  const socket = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const send = async (pages: Uint8Array) => {
    const packets: [number, Uint8Array][] = [];
    forEachInterleaved(pages, (channel, packet) => packets.push([ports[channel], packet]));
    for (const [port, packet] of packets) {
      await socket.send(packet, { hostname: "127.0.0.1", port, transport: "udp" });
    }
  };
  try {
    const inOrder = frames.toSorted((a, b) => a.dtsUs - b.dtsUs);
    await send(encoder.preface({ tracks, data: [] }, inOrder[0].dtsUs));
    for (const frame of inOrder) {
      const pages = new Uint8Array(encoder.sizeOf(frame));
      encoder.write(frame, pages, 0);
      await send(pages);
      await delay(10); // Both tracks have some 45 frames a second.
    }
    await send(encoder.closing());
  } finally {
    socket.close();
  }
}

function sdpOf([video, , audio]: readonly number[]): string {
  const aac = [...RTP_FORMATS.aac.parameters].map(([name, value]) => `${name}=${value}`).join(";");
  return [
    ...["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"],
    ...[`m=video ${video} RTP/AVP 96`, "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1"],
    ...[`m=audio ${audio} RTP/AVP 97`, "a=rtpmap:97 MPEG4-GENERIC/44100/1", `a=fmtp:97 ${aac}`],
    "",
  ].join("\r\n");
}

/** Digests of frames, without their times. */
function digestsOf(framemd5: string): string[] {
  return framemd5.split("\n").filter((line) => /^\d/.test(line))
    .map((line) => line.split(",").at(-1)!.trim());
}

/** Ports in a row, the first even, that were free a moment ago. */
function freeUdpPorts(count: number): number[] {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = freePort() & ~1;
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (first + count < 65_536 && !ports.some(isBound)) return ports;
  }
  throw new Error(`Cannot find ${count} free ports in a row`);
}

/** Whether somebody has bound a UDP port, over either family. */
function isBound(port: number): boolean {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  return ["udp", "udp6"].some((name) => Deno.readTextFileSync(`/proc/net/${name}`).includes(hex));
}
