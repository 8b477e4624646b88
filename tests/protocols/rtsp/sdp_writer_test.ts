// Goal: players are told of our tracks in the words that they know from other servers.
// Method: what gst-rtsp-server 1.22 and ffmpeg 5.1.9 wrote for the same parameter sets.
import { assert, assertEquals } from "../../support/assert.ts";
import { avcConfigOf, writeAvcDecoderConfigurationRecord } from "../../../protocols/codecs/h264.ts";
import type { AudioTrack, VideoTrack } from "../../../protocols/media/track.ts";
import { parseSdp } from "../../../protocols/rtsp/sdp.ts";
import { describeTracks, formatOfTrack, writeSdp } from "../../../protocols/rtsp/sdp_writer.ts";
import { demuxFlv, flvFile } from "../../support/flv_vectors.ts";

const SPS = Uint8Array.fromBase64("Z0LACoyNQhJAPCIRqA==");
const PPS = Uint8Array.fromBase64("aM48gA==");
const VIDEO: VideoTrack = {
  kind: "video",
  codec: "h264",
  index: 0,
  width: 64,
  height: 64,
  frameRate: 20,
  config: writeAvcDecoderConfigurationRecord(avcConfigOf([SPS], [PPS])),
};
const AAC: AudioTrack = {
  kind: "audio",
  codec: "aac",
  index: 0,
  sampleRate: 44100,
  channels: 1,
  config: Uint8Array.fromHex("120856e500"),
};
const G711A: AudioTrack = {
  kind: "audio",
  codec: "g711a",
  index: 1,
  sampleRate: 8000,
  channels: 1,
  config: new Uint8Array(0),
};

Deno.test("writeSdp() writes what players expect", () => {
  const sdp = writeSdp({
    sessionId: 7,
    name: "live/a\r\nb",
    address: "127.0.0.1",
    tracks: describeTracks([VIDEO, AAC, G711A]),
  });
  assertEquals(sdp.split("\r\n"), [
    "v=0",
    "o=- 7 1 IN IP4 127.0.0.1",
    "s=live/ab",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    "a=control:*",
    "a=range:npt=now-",
    "m=video 0 RTP/AVP 96",
    "a=rtpmap:96 H264/90000",
    // As gst-rtsp-server 1.22 wrote them for these parameter sets, in another order.
    "a=fmtp:96 packetization-mode=1;profile-level-id=42C00A;" +
    "sprop-parameter-sets=Z0LACoyNQhJAPCIRqA==,aM48gA==",
    "a=framerate:20",
    "a=control:trackID=0",
    "m=audio 0 RTP/AVP 97",
    "a=rtpmap:97 MPEG4-GENERIC/44100/1",
    "a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;" +
    "indexdeltalength=3;config=120856E500",
    "a=control:trackID=1",
    "m=audio 0 RTP/AVP 8",
    "a=rtpmap:8 PCMA/8000/1",
    "a=control:trackID=2",
    "",
  ]);
  const { media } = parseSdp(sdp);
  assertEquals(media.map(({ control }) => control), ["trackID=0", "trackID=1", "trackID=2"]);
});

Deno.test("formatOfTrack() knows every codec that RTP carries", () => {
  const rows = [
    "enhanced_hevc_opus",
    "enhanced_av1_flac",
    "mp3",
    "gst_mulaw_stereo",
  ]
    .flatMap((name) =>
      demuxFlv(flvFile(name)).tracks.map((track) => {
        const format = formatOfTrack(track, 99);
        const text = format === undefined
          ? "none"
          : `${format.payloadType} ${format.encoding}/${format.clockHz}/${format.channels}`;
        return `${track.codec}: ${text}; ${[...format?.parameters.keys() ?? []]}`;
      })
    );
  assertEquals([...new Set(rows)], [
    "h265: 99 H265/90000/1; sprop-vps,sprop-sps,sprop-pps",
    "opus: 99 OPUS/48000/2; sprop-stereo",
    "av1: 99 AV1/90000/1; profile,level-idx,tier",
    "flac: none; ",
    "mp3: 14 MPA/90000/1; ",
    "g711u: 99 PCMU/8000/2; ",
  ]);
});

Deno.test("describeTracks() leaves out what RTP cannot carry and keeps the others' types", () => {
  const flac = { ...AAC, codec: "flac" } as const;
  const described = describeTracks([VIDEO, flac, { ...AAC, index: 1 }]);
  assertEquals(described.map(({ format }) => format.payloadType), [96, 98]);
  assert(
    writeSdp({ sessionId: 1, name: "", address: "::1", tracks: described }).includes("s= \r\n"),
  );
});
