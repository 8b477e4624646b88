// Goal: a client that is asked to reconnect is told the same stream on another server, and its
// credentials stay with it.
// Method: a table of URLs as clients send them.
import { assertEquals } from "../../support/assert.ts";
import { reconnectUrl } from "../../../protocols/rtmp/reconnect_url.ts";

const CASES: readonly (readonly [string | undefined, string | undefined])[] = [
  ["rtmp://a.example/live", "rtmp://b:1935/live"],
  ["rtmp://a.example:1935/live/sub", "rtmp://b:1935/live/sub"],
  ["RTMP://[::1]:1935/live", "RTMP://b:1935/live"],
  ["rtmp://user:p%40ss@a.example/live?token=1/2", "rtmp://user:p%40ss@b:1935/live?token=1/2"],
  ["rtmp://a.example?user=u@x", "rtmp://b:1935?user=u@x"],
  ["rtmp://a.example", "rtmp://b:1935"],
  ["rtmps://a.example/live", undefined],
  ["rtmpt://a.example/live", undefined],
  ["/live", undefined],
  ["", undefined],
  [undefined, undefined],
];

Deno.test("reconnectUrl() changes the server and nothing else", () => {
  for (const [tcUrl, expected] of CASES) {
    assertEquals(reconnectUrl(tcUrl, "b:1935"), expected, tcUrl);
  }
});

Deno.test("reconnectUrl() leaves a client in TLS that came so", () => {
  const cases = [
    ["rtmps://a.example/live", "rtmps://b:1936/live"],
    ["RTMPS://u:p@[::1]:443/live?token=1", "RTMPS://u:p@b:1936/live?token=1"],
    ["rtmp://a.example/live", undefined],
    ["rtmpts://a.example/live", undefined],
  ];
  for (const [tcUrl, expected] of cases) {
    assertEquals(reconnectUrl(tcUrl, "b:1936", true), expected, tcUrl);
  }
});
