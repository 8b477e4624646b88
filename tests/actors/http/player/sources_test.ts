// Goal: the page asks for the right address, offers what the browser can play, and says what is
// wrong in one sentence.
import { assert, assertEquals, assertMatch } from "../../../support/assert.ts";
import {
  faultSentence,
  isWorthRetrying,
  latencyText,
  mediaUrl,
  playableWays,
  retryMs,
} from "../../../../actors/http/player/browser/sources.js";

const ALL = ["ll-hls", "http-flv", "ws-flv"];

Deno.test("playableWays() offers what the browser can play", () => {
  const ways = (mse: boolean, nativeHls: boolean) => playableWays(ALL, { mse, nativeHls });
  assertEquals(ways(true, false), ["ll-hls", "http-flv", "ws-flv"]);
  assertEquals(ways(true, true), ["ll-hls", "http-flv", "ws-flv", "native-hls"]);
  assertEquals(ways(false, true), ["native-hls"]);
  assertEquals(ways(false, false), []);
});

Deno.test("playableWays() keeps to what the node offers", () => {
  const browser = { mse: true, nativeHls: true };
  assertEquals(playableWays(["ws-flv", "http-flv"], browser), ["ws-flv", "http-flv"]);
  assertEquals(playableWays(["constructor", "", "ll-hls"], browser), ["ll-hls", "native-hls"]);
});

Deno.test("mediaUrl() takes the query along and the page's security", () => {
  const location = { origin: "https://h:8443", search: "?token=a%26b" };
  assertEquals(mediaUrl("http-flv", "/l/c", location), "https://h:8443/l/c.flv?token=a%26b");
  assertEquals(mediaUrl("ws-flv", "/l/c", location), "wss://h:8443/l/c.flv?token=a%26b");
  assertEquals(mediaUrl("ll-hls", "/l/c", { ...location, search: "" }), "https://h:8443/l/c.m3u8");
  assertEquals(mediaUrl("ws-flv", "/l/c", { origin: "http://h", search: "" }), "ws://h/l/c.flv");
});

Deno.test("faultSentence() says each fault in one sentence", () => {
  const faults = [
    ...[401, 403, 404, 500, 503].map((status) => ({ kind: "status" as const, status })),
    ...(["network", "codec", "media", "ended"] as const).map((kind) => ({ kind })),
  ];
  const sentences = faults.map((fault) => faultSentence(fault, "live/cam"));
  for (const sentence of sentences) assertMatch(sentence, /^(?:[A-Z]|live\/cam )[^.]*\.$/);
  assertEquals(new Set(sentences).size, faults.length - 1, "401 and 403 are alike");
  assert(faultSentence({ kind: "status", status: 500 }, "x").includes("500"));
});

Deno.test("isWorthRetrying() gives up where nothing would change", () => {
  assertEquals(isWorthRetrying({ kind: "codec" }), false);
  assertEquals(isWorthRetrying({ kind: "status", status: 403 }), false);
  assertEquals(isWorthRetrying({ kind: "status", status: 404 }), true);
  assertEquals(isWorthRetrying({ kind: "ended" }), true);
});

Deno.test("retryMs() waits longer each time, up to 8 s", () => {
  assertEquals([0, 1, 2, 3, 4, 100].map(retryMs), [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

Deno.test("latencyText() is short and never negative", () => {
  assertEquals([undefined, NaN, -0.2, 0.44, 9.94, 9.96, 31.4].map(latencyText), [
    ...["–", "–", "0.0 s", "0.4 s", "9.9 s", "10 s", "31 s"],
  ]);
});
