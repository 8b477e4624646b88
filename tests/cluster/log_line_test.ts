// Goal: one event is one bounded line, in both forms, whatever a peer put into its fields.
import { assert, assertEquals } from "../support/assert.ts";
import type { LogFields } from "../../actors/runtime/ports.ts";
import { logLine } from "../../cluster/log_line.ts";

const WALL_MS = Date.UTC(2026, 10, 21, 1, 2, 3, 4);
const TIME = "2026-11-21T01:02:03.004Z";

function textOf(fields: LogFields, message = "viewer left"): string {
  return logLine({ wallMs: WALL_MS, level: "info", message, fields }, "text");
}

function jsonOf(fields: LogFields, message = "viewer left"): Record<string, unknown> {
  return JSON.parse(logLine({ wallMs: WALL_MS, level: "warn", message, fields }, "json"));
}

Deno.test("logLine() writes text for people", () => {
  assertEquals(textOf({}), `${TIME} INFO  viewer left`);
  assertEquals(
    textOf({ stream: "live/cam", viewers: 3, late: true, from: "a b", quoted: 'a"b', none: null }),
    `${TIME} INFO  viewer left stream=live/cam viewers=3 late=true from="a b" ` +
      `quoted="a\\"b" none=null`,
  );
});

Deno.test("logLine() writes an object for machines", () => {
  const line = logLine({ wallMs: WALL_MS, level: "error", message: "m", fields: { a: 1 } }, "json");
  assertEquals(line, `{"time":"${TIME}","level":"error","message":"m","a":1}`);
});

Deno.test("logLine() keeps its own names when a field has one of them", () => {
  const { time, level, message, level_ } = jsonOf({ level: "mine" });
  assertEquals([time, level, message, level_], [TIME, "warn", "viewer left", "mine"]);
});

Deno.test("logLine() writes every kind of value", () => {
  const fields = {
    nested: { url: "http://u:p@h/", list: [1, "token=x"], deep: { a: { b: { c: { d: 1 } } } } },
    bytes: new Uint8Array(7),
    big: 12n,
    nan: NaN,
    url: new URL("http://u:p@h/"),
    absent: undefined,
    refusal: new DOMException("gone", "AbortError"),
  };
  const { time: _time, level: _level, message: _message, ...rest } = jsonOf(fields);
  assertEquals(rest, {
    nested: {
      url: "http://***@h/",
      list: [1, "token=***"],
      deep: { a: { b: { c: "..." } } },
    },
    bytes: "<7 bytes>",
    big: "12",
    nan: "NaN",
    url: "http://***@h/",
    refusal: "AbortError: gone",
  });
});

Deno.test("logLine() gives the stack of a fault of our own, on the same line", () => {
  const line = textOf({ error: new TypeError("no such thing") });
  assert(line.includes("TypeError: no such thing\\n    at "));
  assert(!line.includes("\n"));
});

Deno.test("logLine() masks strings, fields named after credentials, and the message", () => {
  assertEquals(
    textOf({ url: "rtmp://h/a?token=b", password: "hunter2", key: "live/cam", apiToken: "" }),
    `${TIME} INFO  viewer left url="rtmp://h/a?token=***" password=*** key=live/cam apiToken=""`,
  );
  assertEquals(textOf({}, "to http://u:p@h"), `${TIME} INFO  to http://***@h`);
  assertEquals(jsonOf({ password: "hunter2", list: ["?pass=x"] }).password, "***");
  assert(!JSON.stringify(jsonOf({ list: ["?pass=hunter2"] })).includes("hunter2"));
});

Deno.test("logLine() masks a credential that clipping would cut in two", () => {
  for (let length = 2000; length < 2060; length++) {
    const line = textOf({ url: `http://${"h".repeat(length)}/?token=S3CRET` });
    assert(!line.includes("S3"), `at ${length}`);
  }
  for (let length = 4050; length < 4100; length++) {
    const line = textOf({ url: `?token=${"t".repeat(length)} http://S3CRET:S3CRET@host` });
    assert(!line.includes("S3"), `at ${length}`);
  }
});

Deno.test("logLine() stays one line without control characters", () => {
  const hostile = "a\r\nb\x1b[31m\u2028\u0085\0";
  for (const format of ["text", "json"] as const) {
    const fields = { name: hostile, [`n${hostile}`]: 1, nested: { [hostile]: hostile } };
    const line = logLine({ wallMs: 0, level: "info", message: hostile, fields }, format);
    assertEquals(/[\p{Cc}]/u.test(line), false, line);
  }
});

Deno.test("logLine() is bounded", () => {
  const long = "x".repeat(100_000);
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, long]));
  for (const format of ["text", "json"] as const) {
    const line = logLine({ wallMs: 0, level: "info", message: long, fields: wide }, format);
    assert(line.length < 40 * 2100, `${line.length} characters`);
  }
  const list = jsonOf({ list: new Array(1000).fill(1) }).list;
  assert(Array.isArray(list) && list.length === 32);
});
