// Goal: one name for one stream, whatever the protocol and wherever the client split its URL.
// Method: tables of URLs as real clients split them, then every hostile element by both ways in.
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import {
  APP_NONE,
  pathOfStream,
  STREAM_NAME_BYTES_MAX,
  STREAM_QUERY_LENGTH_MAX,
  STREAM_QUERY_PARAMETERS_MAX,
  streamNameFromPath,
  streamNameFromRtmp,
  type StreamNameResult,
} from "../../../protocols/media/stream_name.ts";

/** "APP|NAME|query", or the reason. */
function shown(result: StreamNameResult): string {
  return result.ok ? `${result.app}|${result.name}|${result.query}` : result.reason;
}

const SPLITS: {
  name: string;
  tcUrl: string | undefined;
  app: string | undefined;
  streamName: string;
  expected: string;
}[] = [
  {
    name: "APP and NAME as ffmpeg and OBS send them",
    tcUrl: "rtmp://127.0.0.1:21941/live",
    app: "live",
    streamName: "cam",
    expected: "live|cam|",
  },
  {
    name: "a query in the stream name (ffmpeg 5.1, rtmp://host/live/cam?user=u)",
    tcUrl: "rtmp://127.0.0.1:21941/live",
    app: "live",
    streamName: "cam?user=u",
    expected: "live|cam|user=u",
  },
  {
    name: "two elements in tcUrl (ffmpeg 5.1, rtmp://host/live/a/b/c%20d?token=a/b)",
    tcUrl: "rtmp://127.0.0.1:21941/live/a",
    app: "live/a",
    streamName: "b/c%20d?token=a/b",
    expected: "live|a/b/c d|token=a%2Fb",
  },
  {
    name: "a query in the middle (ffmpeg 5.1, rtmp://host/live?key=abc/cam)",
    tcUrl: "rtmp://127.0.0.1:21941/live?key=abc",
    app: "live?key=abc",
    streamName: "cam",
    expected: "live|cam|key=abc",
  },
  {
    name: "an empty stream name (ffmpeg 5.1, rtmp://host/x.flv)",
    tcUrl: "rtmp://127.0.0.1:21941/x.flv",
    app: "x.flv",
    streamName: "",
    expected: "-|x.flv|",
  },
  {
    name: "the whole path in tcUrl",
    tcUrl: "rtmp://host/live/cam",
    app: "live/cam",
    streamName: "",
    expected: "live|cam|",
  },
  {
    name: "no app and a tcUrl without path",
    tcUrl: "rtmp://host:1935/",
    app: undefined,
    streamName: "cam",
    expected: "-|cam|",
  },
  {
    name: "a tcUrl without even a slash",
    tcUrl: "rtmp://host",
    app: "live",
    streamName: "cam",
    expected: "live|cam|",
  },
  {
    name: "no tcUrl, an app",
    tcUrl: undefined,
    app: "live?a=1",
    streamName: "x/y",
    expected: "live|x/y|a=1",
  },
  {
    name: "neither tcUrl nor app",
    tcUrl: undefined,
    app: undefined,
    streamName: "a/b",
    expected: "a|b|",
  },
  {
    name: "neither, and a name of one element",
    tcUrl: undefined,
    app: undefined,
    streamName: "b",
    expected: "-|b|",
  },
  {
    name: "queries in all three, merged, the stream name's first",
    tcUrl: "rtmp://host/live?a=1&b=2",
    app: "live?a=1&c=3",
    streamName: "cam?a=9",
    expected: "live|cam|a=9&a=1&b=2&c=3",
  },
  {
    name: "repeated and trailing slashes",
    tcUrl: "rtmp://host//live//",
    app: "live/",
    streamName: "//a///b/",
    expected: "live|a/b|",
  },
  {
    name: "an IPv6 authority with user info",
    tcUrl: "rtmp://u:p@[::1]:1935/live",
    app: "live",
    streamName: "cam",
    expected: "live|cam|",
  },
  {
    name: "the prefix that ffmpeg 5.1 puts before .mp4",
    tcUrl: "rtmp://host/live",
    app: "live",
    streamName: "mp4:x.mp4?k=1",
    expected: "live|x.mp4|k=1",
  },
  {
    name: "a colon that is part of the name",
    tcUrl: "rtmp://host/live",
    app: "live",
    streamName: "mp4:x",
    expected: "live|mp4:x|",
  },
];

for (const { name, tcUrl, app, streamName, expected } of SPLITS) {
  Deno.test(`streamNameFromRtmp() takes ${name}`, () => {
    assertEquals(shown(streamNameFromRtmp(tcUrl, app, streamName)), expected);
  });
}

Deno.test("streamNameFromPath() takes what plain paths and odd characters mean", () => {
  const table: [path: string, expected: string][] = [
    ["/live/cam", "live|cam|"],
    ["/live/cam/", "live|cam|"],
    ["//live///a//b", "live|a/b|"],
    ["/cam", "-|cam|"],
    ["/-/cam", "-|cam|"],
    ["/api", "-|api|"], // Reserved as APP only.
    ["/live/api", "live|api|"],
    ["/live/cam?user=u&pass=p%20q", "live|cam|user=u&pass=p+q"],
    ["/live/test.sdp", "live|test.sdp|"],
    ["/live/%E4%B8%AD%E6%96%87", "live|中文|"],
    ["/live/中文", "live|中文|"],
    ["/live/a%2Bb+c", "live|a+b+c|"],
    ["/live/100%", "live|100%|"], // Invalid escapes are text.
    ["/live/%zz%41", "live|%zzA|"],
    ["/live/%FF", "live|%FF|"],
    ["/live/%252f", "live|%2f|"], // Decoded once, not twice.
    ["/live/...", "live|...|"],
    ["/live/.hidden", "live|.hidden|"],
    ["/live/$(rm)*?[a]", "live|$(rm)*|%5Ba%5D="],
    ["/live/a\\b'\"", "live|a\\b'\"|"],
    ["/__proto__/constructor", "__proto__|constructor|"],
  ];
  for (const [path, expected] of table) {
    assertEquals(shown(streamNameFromPath(path)), expected, path);
    const [app, name] = expected.split("|");
    assertEquals(shown(streamNameFromPath(pathOfStream({ app, name }))), `${app}|${name}|`);
  }
});

const HOSTILE: [path: string, reason: RegExp][] = [
  ["/api/x", /"api" is reserved/],
  ["/metrics/x", /"metrics" is reserved/],
  ["/healthz/x", /"healthz" is reserved/],
  ["/readyz/x", /"readyz" is reserved/],
  ["/vod/x", /"vod" is reserved/],
  ["/assets/x", /"assets" is reserved/],
  ["/%61pi/x", /"api" is reserved/],
  ["/live/..", /path element is "\.\."/],
  ["/live/../../etc/passwd", /path element is "\.\."/],
  ["/live/%2e%2e/x", /path element is "\.\."/],
  ["/./x", /path element is "\."/],
  ["/live/a%2fb", /encoded slash/],
  ["/live/%2F", /encoded slash/],
  ["/live/a%00b", /control character/],
  ["/live/a\0b", /control character/],
  ["/live/a%0d%0aSet-Cookie", /control character/],
  ["/live/a%7f", /control character/],
  ["/live/a\u0085", /control character/],
  ["/live/\ud800", /not well-formed/],
  ["", /is empty/],
  ["/", /is empty/],
  ["///", /is empty/],
  ["/?user=u", /is empty/],
];

Deno.test("streamNameFromPath() refuses hostile paths in one sentence", () => {
  for (const [path, reason] of HOSTILE) {
    const result = streamNameFromPath(path);
    assert(!result.ok, path);
    assertMatch(result.reason, reason, path);
    assertMatch(result.reason, /^Cannot use stream name: [^.\n\0]*[^\n\0]*[^.]$/, path);
  }
});

Deno.test("streamNameFromRtmp() refuses the same, wherever the split is", () => {
  for (const [path, reason] of HOSTILE) {
    const cuts = path.includes("?") ? [0] : [0, path.indexOf("/", 1), path.length];
    for (const cut of cuts) {
      if (cut < 0) continue;
      const result = streamNameFromRtmp(`rtmp://h${path.slice(0, cut)}`, "", path.slice(cut));
      assert(!result.ok, path);
      assertMatch(result.reason, reason, path);
    }
  }
});

Deno.test("streamNameFromPath() counts bytes, not characters, and includes APP", () => {
  const longest = "n".repeat(STREAM_NAME_BYTES_MAX - "live/".length);
  assertEquals(shown(streamNameFromPath(`/live/${longest}`)), `live|${longest}|`);
  assertMatch(shown(streamNameFromPath(`/live/${longest}n`)), /longer than 512 bytes/);
  // 400 characters of three bytes each.
  assertMatch(shown(streamNameFromPath(`/live/${"中".repeat(400)}`)), /longer than 512 bytes/);
  assertEquals(streamNameFromPath(`/live/${"中".repeat(169)}`).ok, true);
  assertEquals(streamNameFromPath(`/live/${"%E4%B8%AD".repeat(169)}`).ok, true);
  assertMatch(shown(streamNameFromPath("/a".repeat(1e6))), /longer than 512 bytes/);
  // APP "-" counts too: it is part of the name everywhere else.
  const alone = "n".repeat(STREAM_NAME_BYTES_MAX - APP_NONE.length - 1);
  assertEquals(streamNameFromPath(`/${alone}`).ok, true);
  assertEquals(streamNameFromPath(`/${alone}n`).ok, false);
});

Deno.test("streamNameFromPath() bounds the query", () => {
  const token = "t".repeat(STREAM_QUERY_LENGTH_MAX - "token=".length);
  assertEquals(streamNameFromPath(`/live/cam?token=${token}`).ok, true);
  assertMatch(shown(streamNameFromPath(`/live/cam?token=${token}t`)), /query is longer than/);
  const many = (count: number) =>
    "/live/cam?" + Array.from({ length: count }, (_, i) => `p${i}=`).join("&");
  assertEquals(streamNameFromPath(many(STREAM_QUERY_PARAMETERS_MAX)).ok, true);
  assertMatch(shown(streamNameFromPath(many(STREAM_QUERY_PARAMETERS_MAX + 1))), /more than 64/);
});
