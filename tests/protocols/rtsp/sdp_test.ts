// Goal: descriptions of real cameras, encoders and servers are understood, sloppy ones too.
// Method: descriptions recorded from programs and in the style of cameras, with what they mean.
import { assert, assertEquals } from "../../support/assert.ts";
import { rtspVector } from "../../support/rtsp_sessions.ts";
import { RtspMessageReader } from "../../../protocols/rtsp/message_reader.ts";
import {
  parseSdp,
  type RtpFormat,
  SDP_MEDIA_MAX,
  type SdpSession,
} from "../../../protocols/rtsp/sdp.ts";

/** The first body of a recorded side. */
function recordedSdp(name: string, side: "client" | "server"): string {
  let text = "";
  const reader = new RtspMessageReader({
    message: ({ body }) => void (text ||= new TextDecoder().decode(body)),
    interleaved: () => {},
  });
  reader.feed(rtspVector(name, side));
  return text;
}

/** What matters of a description, one line a medium. */
function summaryOf({ control, media }: SdpSession): string[] {
  const format = ({ payloadType, encoding, clockHz, channels }: RtpFormat) =>
    `${payloadType} ${encoding}/${clockHz}/${channels}`;
  return [
    `control ${control}`,
    ...media.map(({ kind, formats, control }) =>
      `${kind} ${formats.map(format).join(", ")} @ ${control}`
    ),
  ];
}

const RECORDED: { name: string; side: "client" | "server"; summary: string[] }[] = [
  {
    name: "ffmpeg_5.1_publish_tcp",
    side: "client",
    summary: [
      "control undefined",
      "video 96 H264/90000/1 @ streamid=0",
      "audio 97 MPEG4-GENERIC/44100/1 @ streamid=1",
    ],
  },
  {
    name: "gstreamer_1.22_publish_udp",
    side: "client",
    summary: ["control undefined", "video 96 H264/90000/1 @ stream=0"],
  },
  {
    name: "gstreamer_1.22_play_tcp",
    side: "server",
    summary: [
      "control *",
      "video 96 H264/90000/1 @ stream=0",
      "audio 97 MPEG4-GENERIC/44100/1 @ stream=1",
    ],
  },
  {
    name: "vlc_3.0_play_udp",
    side: "server",
    summary: [
      "control rtsp://127.0.0.1:18560/live/av",
      "audio 96 MPEG4-GENERIC/44100/1 @ rtsp://127.0.0.1:18560/live/av/trackID=0",
      "video 96 H264/90000/1 @ rtsp://127.0.0.1:18560/live/av/trackID=1",
    ],
  },
];

for (const { name, side, summary } of RECORDED) {
  Deno.test(`parseSdp() reads the description of ${name}`, () => {
    const text = recordedSdp(name, side);
    assertEquals(summaryOf(parseSdp(text)), summary);
    // Alike with a byte order mark, with bare line feeds, and with carriage returns alone.
    assertEquals(summaryOf(parseSdp(`\uFEFF${text}`)), summary);
    assertEquals(summaryOf(parseSdp(text.replaceAll("\r\n", "\n"))), summary);
    assertEquals(summaryOf(parseSdp(text.replaceAll("\r\n", "\r"))), summary);
    for (let size = 0; size < text.length; size += 3) parseSdp(text.slice(0, size));
  });
}

Deno.test("parseSdp() keeps format parameters by lower-case name, values as sent", () => {
  const { media: [audio, video] } = parseSdp(recordedSdp("vlc_3.0_play_udp", "server"));
  assertEquals(audio.formats[0].parameters.get("sizelength"), "13");
  assertEquals(audio.formats[0].parameters.get("config"), "1208");
  const sets = "Z2QACqzZRCbARAAAAwAEAAADAMg8SJZY,aOvgTSyL";
  assertEquals(video.formats[0].parameters.get("sprop-parameter-sets"), sets);
  assertEquals(video.direction, "recvonly"); // Said for the whole session.
});

const CAMERAS: { what: string; sdp: string; summary: string[] }[] = [
  {
    what: "a camera with a metadata track and a private one",
    sdp: `v=0
o=- 1109162014219182 0 IN IP4 0.0.0.0
s=HIK Media Server V3.1.3
i=HIK Media Server Session Description : standard
c=IN IP4 0.0.0.0
t=0 0
a=control:*
b=AS:1034
a=range:npt=now-
m=video 0 RTP/AVP 96
i=Video Media
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=4D0014;packetization-mode=0
a=control:trackID=video
b=AS:1024
m=audio 0 RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=control:trackID=audio
m=application 0 RTP/AVP 107
a=control:trackID=metadata
a=rtpmap:107 vnd.onvif.metadata/90000
a=Media_header:MEDIAINFO=494D4B48010100000400000100000000
m=private 0 TCP 9
a=control:trackID=private`,
    summary: [
      "control *",
      "video 96 H264/90000/1 @ trackID=video",
      "audio 8 PCMA/8000/1 @ trackID=audio",
      "application 107 VND.ONVIF.METADATA/90000/1 @ trackID=metadata",
      "private  @ trackID=private",
    ],
  },
  {
    what: "wrong and missing clocks, no names for static types, several sounds, no control",
    sdp: `m=video 0 RTP/AVP 96
a=rtpmap:96 h265/0
m=audio 0 RTP/AVP 0
m=audio 0 RTP/AVP 8 101
a=rtpmap:8 PCMA
a=rtpmap:101 telephone-event/8000
m=audio 0 RTP/AVP 97
a=rtpmap:97 G726-32/8000/1
m=audio 0 RTP/AVP 14`,
    summary: [
      "control undefined",
      "video 96 H265/90000/1 @ undefined",
      "audio 0 PCMU/8000/1 @ undefined",
      "audio 8 PCMA/8000/1, 101 TELEPHONE-EVENT/8000/1 @ undefined",
      "audio 97 G726-32/8000/1 @ undefined",
      "audio 14 MPA/90000/1 @ undefined",
    ],
  },
  {
    what: "spaces everywhere, lines without sense, a second map",
    sdp: ` v=0\nnonsense\n= \na\n m = audio\nm=audio  0  RTP/AVP  97 \n a=rtpmap:97  opus/48000/2
a=rtpmap:98 PCMU/8000\na=fmtp:97 sprop-stereo=1 ; useinbandfec = 1;;=;\na=control: a b `,
    summary: ["control undefined", "audio 97 OPUS/48000/2 @ a b"],
  },
  {
    what: "MPEG-TS, and a payload type that is none",
    sdp: "m=video 0 RTP/AVP 33\na=control:track1\nm=video 0 RTP/AVP 128 -1 999 *",
    summary: ["control undefined", "video 33 MP2T/90000/1 @ track1", "video  @ undefined"],
  },
  { what: "nothing", sdp: "", summary: ["control undefined"] },
];

for (const { what, sdp, summary } of CAMERAS) {
  Deno.test(`parseSdp() reads ${what}`, () => {
    assertEquals(summaryOf(parseSdp(sdp)), summary);
    assertEquals(summaryOf(parseSdp(sdp.replaceAll("\n", "\r\n"))), summary);
  });
}

Deno.test("parseSdp() bounds media, formats and parameters, and takes no time over nonsense", () => {
  assertEquals(parseSdp("m=video 0 RTP/AVP 96\n".repeat(5_000)).media.length, SDP_MEDIA_MAX);
  const many = Array.from({ length: 127 }, (_, i) => i).join(" ");
  assertEquals(parseSdp(`m=video 0 RTP/AVP ${many}`).media[0].formats.length, 32);
  const parameters = Array.from({ length: 1_000 }, (_, i) => `p${i}=1`).join(";");
  const format = parseSdp(`m=video 0 RTP/AVP 96\na=fmtp:96 ${parameters}`).media[0].formats[0];
  assertEquals(format.parameters.size, 64);
  const startedMs = performance.now();
  for (const unit of [" ", "a=", "=", "/", ";", "a=rtpmap:96 ", "m=", ":"]) {
    parseSdp(`m=video 0 RTP/AVP 96\na=fmtp:96 ${unit.repeat(60_000)}x`);
    parseSdp(`a=${unit.repeat(60_000)}`);
  }
  assert(performance.now() - startedMs < 2_000, "some pattern takes quadratic time");
});
