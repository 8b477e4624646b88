// Goal: a SETUP finds its medium however a client puts base, control and query together.
// Method: what players make of them, and nonsense.
import { assert, assertEquals } from "../../support/assert.ts";
import {
  mediaOfSetup,
  parseRtspUri,
  resolveControl,
  splitControl,
  targetOf,
} from "../../../protocols/rtsp/uri.ts";

Deno.test("parseRtspUri() takes a URL apart", () => {
  assertEquals(parseRtspUri("rtsp://u:p@[::1]:554/a/b?c=d"), {
    secure: false,
    host: "[::1]",
    port: 554,
    userInfo: "u:p",
    target: "/a/b?c=d",
  });
  assertEquals(parseRtspUri("RTSPS://host")?.secure, true);
  assertEquals(parseRtspUri("rtsp://host?x")?.target, "?x");
  for (
    const text of ["", "*", "/a", "http://h/a", "rtsp:///a", "rtsp://h:0/", "rtsp://h:70000/a"]
  ) {
    assertEquals(parseRtspUri(text), undefined, text);
  }
});

Deno.test("targetOf() takes a mere path too", () => {
  assertEquals(["/a/b?c", "rtsp://h/a", "*", "a"].map(targetOf), [
    "/a/b?c",
    "/a",
    undefined,
    undefined,
  ]);
});

Deno.test("splitControl() finds ours behind the path and behind the query", () => {
  for (const target of ["/a/trackID=12", "/a/trackID=12/"]) {
    assertEquals(splitControl(target), { target: "/a", media: 12 });
  }
  assertEquals(splitControl("/a/trackID=1?b=c"), { target: "/a?b=c", media: 1 });
  assertEquals(splitControl("/a?b=c/trackID=1"), { target: "/a?b=c", media: 1 });
  for (const target of ["/a", "/a/trackID=", "/a/trackID=1x", "/a/trackID=1234", "/trackID=a"]) {
    assertEquals(splitControl(target), { target, media: undefined });
  }
});

Deno.test("resolveControl() appends, replaces or keeps", () => {
  const cases: [base: string, control: string | undefined, expected: string][] = [
    ["rtsp://h/a/", "t=1", "rtsp://h/a/t=1"],
    ["rtsp://h/a", "t=1", "rtsp://h/a/t=1"],
    ["rtsp://h/a?q", "t=1", "rtsp://h/a?q/t=1"],
    ["rtsp://h/a?q", "?ctype=video", "rtsp://h/a?ctype=video"],
    ["rtsp://h/a", "/b", "rtsp://h/b"],
    ["rtsp://h/a", "rtsp://x/y", "rtsp://x/y"],
    ["rtsp://h/a", "*", "rtsp://h/a"],
    ["rtsp://h/a", undefined, "rtsp://h/a"],
  ];
  for (const [base, control, expected] of cases) {
    assertEquals(resolveControl(base, control), expected);
  }
});

Deno.test("mediaOfSetup() finds a publisher's medium", () => {
  const base = "rtsp://h/app/name?token=t";
  const two = ["streamid=0", "streamid=1"];
  for (
    const uri of [
      "rtsp://h/app/name?token=t/streamid=1",
      "rtsp://h/app/name/streamid=1?token=t",
      "rtsp://other:99/app/name/streamid=1",
      "rtsp://h/app/name/streamid=1/",
    ]
  ) assertEquals(mediaOfSetup(uri, base, two), 1, uri);
  assertEquals(mediaOfSetup(base, base, two), "aggregate");
  assertEquals(mediaOfSetup("rtsp://h/else", base, two), undefined);
  assertEquals(mediaOfSetup(base, base, [undefined]), 0);
  assertEquals(mediaOfSetup(base, base, ["*"]), 0);
  assertEquals(mediaOfSetup("rtsp://h/x/v", base, ["rtsp://h/x/v", "rtsp://h/x/a"]), 0);
  assertEquals(
    mediaOfSetup("rtsp://h/a?ctype=audio", base, ["?ctype=video", "?ctype=audio"]),
    undefined,
  );
});

Deno.test("splitControl() takes no time over nonsense", () => {
  const startedMs = performance.now();
  for (const unit of ["/", "/trackID=", "?", "/trackID=1"]) splitControl(unit.repeat(16_000) + "x");
  assert(performance.now() - startedMs < 1_000);
});
