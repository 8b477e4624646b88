// Goal: playlists say exactly what the specifications want said.
// Method: whole texts written out by hand; the strict reader next door runs over every source.
import { mediaPlaylist } from "../../../protocols/hls/media_playlist.ts";
import { multivariantPlaylist } from "../../../protocols/hls/multivariant_playlist.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { segmenterFrom, StreamWriter } from "../../support/hls_streams.ts";
import { attributes, readPlaylist } from "../../support/m3u8.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";

/** Two frames a part, four parts a segment. */
const SETTINGS = { segmentUs: 800_000, partUs: 200_000, windowSegments: 3 };

function begin(toUs: number): StreamWriter {
  const options = { gop: 4, intervalUs: () => 100_000, audio: null };
  return new StreamWriter(SETTINGS).start(0).track(VIDEO).video(0, toUs, options);
}

const hashOf = (text: string) => /init-([0-9a-f]{16})\.mp4/.exec(text)![1];

Deno.test("mediaPlaylist() lists parts, the one to come, and nothing of what is gone", () => {
  const text = mediaPlaylist(segmenterFrom(begin(1.3e6).records), {
    container: "fmp4",
    query: "k=v",
  })!;
  const expected = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6,HOLD-BACK=3,PART-HOLD-BACK=0.630000
#EXT-X-PART-INF:PART-TARGET=0.210000
#EXT-X-MEDIA-SEQUENCE:3534451200
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init-${hashOf(text)}.mp4?k=v"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=0.200000,URI="1-3534451200.0.m4s?k=v",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.200000,URI="1-3534451200.1.m4s?k=v"
#EXT-X-PART:DURATION=0.200000,URI="1-3534451200.2.m4s?k=v",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.200000,URI="1-3534451200.3.m4s?k=v"
#EXTINF:0.800000,
1-3534451200.m4s?k=v
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.800Z
#EXT-X-PART:DURATION=0.200000,URI="1-3534451201.0.m4s?k=v",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.200000,URI="1-3534451201.1.m4s?k=v"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1-3534451201.2.m4s?k=v"
`;
  assertEquals(text, expected);
});

Deno.test("mediaPlaylist() of MPEG-TS is plain HLS, with blocking reload and an end", () => {
  const segmenter = segmenterFrom(begin(1.3e6).records);
  segmenter.end();
  const expected = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=3
#EXT-X-MEDIA-SEQUENCE:3534451200
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:0.800000,
1-3534451200.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.800Z
#EXTINF:0.500000,
1-3534451201.ts
#EXT-X-ENDLIST
`;
  assertEquals(mediaPlaylist(segmenter, { container: "ts" }), expected);
});

Deno.test("mediaPlaylist() has nothing to say before there is something to load", () => {
  for (const toUs of [0, 0.1e6]) {
    const segmenter = segmenterFrom(begin(toUs).records);
    assertEquals(mediaPlaylist(segmenter, { container: "fmp4" }), undefined);
    assertEquals(multivariantPlaylist(segmenter, { name: "a", container: "fmp4" }), undefined);
  }
  const first = segmenterFrom(begin(0.4e6).records);
  assert(mediaPlaylist(first, { container: "fmp4" }) !== undefined);
  assert(multivariantPlaylist(first, { name: "a", container: "fmp4" }) !== undefined);
  assertEquals(mediaPlaylist(first, { container: "ts" }), undefined);
  assertEquals(multivariantPlaylist(first, { name: "a", container: "ts" }), undefined);
});

Deno.test("mediaPlaylist() counts discontinuities as they leave the window", () => {
  const writer = begin(2e6);
  const options = { gop: 4, intervalUs: () => 100_000, audio: null };
  const seen: unknown[] = [];
  const segmenter = segmenterFrom(writer.records);
  for (let from = 10e6; from < 10.7e6 + 4e6; from += 0.8e6) {
    const before = writer.records.length;
    if (from === 10e6) writer.start(from).track(VIDEO);
    writer.video(from, from + 0.8e6, options);
    for (const record of writer.records.slice(before)) segmenter.push(record);
    const text = mediaPlaylist(segmenter, { container: "ts" })!;
    const { segments } = readPlaylist(text);
    seen.push([
      /SEQUENCE:(\d)\n/.exec(text)![1],
      text.split("DISCONTINUITY\n").length - 1,
      ...segments.map(({ discontinuities }) => discontinuities),
    ]);
  }
  assertEquals(seen.slice(1, 5), [
    ["0", 1, 0, 0, 1],
    ["0", 1, 0, 1, 1],
    ["0", 1, 1, 1, 1],
    ["1", 0, 1, 1, 1],
  ]);
});

Deno.test("mediaPlaylist() leaves out what a delta update may leave out", () => {
  const settings = { ...SETTINGS, windowSegments: 20 };
  const writer = new StreamWriter(settings).start(0).track(VIDEO);
  const options = { gop: 4, intervalUs: () => 100_000, audio: null };
  const segmenter = segmenterFrom(writer.video(0, 20e6, options).records);
  const whole = readPlaylist(mediaPlaylist(segmenter, { container: "fmp4" })!);
  const delta = readPlaylist(mediaPlaylist(segmenter, { container: "fmp4", skip: true })!);
  assertEquals(delta.version, 9);
  assertEquals(whole.segments.length, 21);
  // 6 s of media stay behind the skipped ones: seven segments and the open one's parts.
  assertEquals(delta.skipped, 13);
  assertEquals(delta.segments, whole.segments.slice(13));
  const after = delta.segments.reduce(
    (sum, { seconds, parts }) =>
      sum + (seconds ?? parts.reduce((all, part) => all + part.seconds, 0)),
    0,
  );
  assert(after >= 6 && after < 6 + 0.8 + 0.2, `${after} s`);
  const ts = mediaPlaylist(segmenter, { container: "ts", skip: true })!;
  assertEquals(readPlaylist(ts).skipped, 0);
});

Deno.test("mediaPlaylist() lists parts of the last three entries only", () => {
  const segmenter = segmenterFrom(begin(9.9e6).records);
  const { segments } = readPlaylist(mediaPlaylist(segmenter, { container: "fmp4" })!);
  assertEquals(segments.map(({ parts }) => parts.length), [0, 4, 4, 1]);
  const wide = { ...SETTINGS, windowSegments: 8 };
  const writer = new StreamWriter(wide).start(0).track(VIDEO);
  const options = { gop: 4, intervalUs: () => 100_000, audio: null };
  const longer = segmenterFrom(writer.video(0, 9.9e6, options).records);
  const read = readPlaylist(mediaPlaylist(longer, { container: "fmp4" })!);
  assertEquals(read.segments.map(({ parts }) => parts.length), [0, 0, 0, 0, 0, 0, 4, 4, 1]);
});

Deno.test("mediaPlaylist() calls segments independent only while all of them are", () => {
  const writer = new StreamWriter().start(0).track(VIDEO);
  const segmenter = segmenterFrom(writer.video(0, 6e6, { gop: 250, audio: null }).records);
  const { independent, segments } = readPlaylist(mediaPlaylist(segmenter, { container: "fmp4" })!);
  assert(!independent);
  const flags = segments.flatMap(({ parts }) => parts).filter((part) => part.independent);
  assertEquals(flags.map(({ uri }) => uri), ["1-1767225600.0.m4s"]);
});

Deno.test("mediaPlaylist() names a new initialization at its first segment", () => {
  const other = { ...VIDEO, config: Uint8Array.of(5) };
  const writer = new StreamWriter().start(0).track(VIDEO).video(0, 3e6, { audio: null });
  writer.track(other).video(3e6, 6e6, { video: other, audio: null });
  const { segments } = readPlaylist(
    mediaPlaylist(segmenterFrom(writer.records), { container: "fmp4" })!,
  );
  const maps = segments.map(({ map }) => map);
  assertEquals([maps[0] === maps[1], maps[1] === maps[2], maps[2] === maps[3]], [
    true,
    false,
    true,
  ]);
  assertEquals(segments.map(({ discontinuities }) => discontinuities), [0, 0, 1, 1]);
});

Deno.test("mediaPlaylist() refuses a query that would break out of its URIs", () => {
  const segmenter = segmenterFrom(begin(1.3e6).records);
  const query = 'a"\n#EXT-X-ENDLIST';
  assertThrows(() => mediaPlaylist(segmenter, { container: "ts", query }), RangeError);
  assertThrows(() => multivariantPlaylist(segmenter, { name: "a", container: "ts", query }));
});

Deno.test("multivariantPlaylist() measures the stream", () => {
  const video = {
    ...VIDEO,
    config: Uint8Array.fromHex("0164001fffe1000467640000010003680000"),
    frameRate: 0,
  };
  const audio = { ...AUDIO, config: Uint8Array.fromHex("1190") };
  const writer = new StreamWriter().start(0).track(video, audio);
  const segmenter = segmenterFrom(writer.video(0, 9e6, { video, audio }).records);
  const text = multivariantPlaylist(segmenter, { name: "x/cam", container: "fmp4", query: "t=1" })!;
  const lines = text.split("\n");
  assertEquals([lines[0], lines[1], lines[3], lines[4]], [
    "#EXTM3U",
    "#EXT-X-VERSION:6",
    "cam.hls/index.m3u8?t=1",
    "",
  ]);
  const read = attributes(lines[2].slice("#EXT-X-STREAM-INF:".length));
  const sizes = segmenter.listed.map((segment) => segment.bytes("fmp4")!.length);
  assertEquals(sizes.length, 4);
  assertEquals(read, {
    "BANDWIDTH": String(Math.max(...sizes) * 4), // Two seconds each.
    "AVERAGE-BANDWIDTH": String(sizes.reduce((sum, size) => sum + size) / sizes.length * 4),
    "CODECS": "avc1.64001f,mp4a.40.2",
    "RESOLUTION": "64x64",
    "FRAME-RATE": "25.000",
  });
});

Deno.test("multivariantPlaylist() of audio has no picture", () => {
  const audio = { ...AUDIO, config: Uint8Array.fromHex("1190") };
  const writer = new StreamWriter(HLS_SETTINGS).start(0).track(audio);
  for (let at = 0; at < 300; at++) writer.frame(audio, at * 21_333);
  const text = multivariantPlaylist(segmenterFrom(writer.records), { name: "a", container: "ts" })!;
  assert(/^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="mp4a.40.2"$/m.test(text));
  assert(text.includes("#EXT-X-VERSION:3\n") && text.endsWith("\na.hls/ts.m3u8\n"));
});
