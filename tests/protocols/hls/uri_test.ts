// Goal: every resource has one name, and names are read as they are written.
// Method: pairs in both directions, what must be refused, and seeded mutations of names.
import { type HlsName, mediaPlaylistUri } from "../../../protocols/hls/uri.ts";
import { parseHlsName, URI_QUERY_LENGTH_MAX, writeHlsName } from "../../../protocols/hls/uri.ts";
import { HLS_FUZZ_TARGETS } from "../../fuzz/hls.ts";
import { assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const NAMES: [string, HlsName][] = [
  ["index.m3u8", { kind: "playlist", container: "fmp4" }],
  ["ts.m3u8", { kind: "playlist", container: "ts" }],
  ["init-0123456789abcdef.mp4", { kind: "init", hash: "0123456789abcdef" }],
  ["3-1767225600.m4s", { kind: "segment", generation: 3, segment: 1767225600, container: "fmp4" }],
  ["3-0.ts", { kind: "segment", generation: 3, segment: 0, container: "ts" }],
  ["1-9007199254740991.12.m4s", {
    kind: "part",
    generation: 1,
    segment: Number.MAX_SAFE_INTEGER,
    part: 12,
  }],
];

const REFUSED = [
  ...["", "Index.m3u8", "index.m3u8?a=b", "/index.m3u8", "init-0123456789ABCDEF.mp4"],
  ...[
    "init-0123456789abcde.mp4",
    "init-0123456789abcdef.mp4/",
    "01-2.m4s",
    "1-02.m4s",
    "1-2.00.m4s",
  ],
  ...["1-2.3.ts", "1-2.mp4", "-1-2.m4s", "1-9007199254740992.m4s", "1-2.9007199254740993.m4s"],
  ...["1-2.m4s\n", "1.5-2.m4s", "1e3-2.m4s", "../1-2.m4s", "9999999999999999-2.m4s"],
];

for (const [text, name] of NAMES) {
  Deno.test(`parseHlsName() and writeHlsName() agree on ${text}`, () => {
    assertEquals(parseHlsName(text), name);
    assertEquals(writeHlsName(name), text);
    assertEquals(writeHlsName(name, "token=a%2Fb&x=1"), `${text}?token=a%2Fb&x=1`);
  });
}

Deno.test("parseHlsName() knows no other name", () => {
  assertEquals(REFUSED.filter((text) => parseHlsName(text) !== undefined), []);
});

Deno.test("writeHlsName() refuses what is no number, digest or query", () => {
  const segment = { kind: "segment", generation: 1, container: "ts" } as const;
  for (const number of [-1, 1.5, NaN, 2 ** 53]) {
    assertThrows(() => writeHlsName({ ...segment, segment: number }), RangeError);
  }
  assertThrows(() => writeHlsName({ kind: "init", hash: "../../etc/passwd" }), RangeError);
  const long = "a".repeat(URI_QUERY_LENGTH_MAX + 1);
  for (const query of ['a="', "a\nb", "a b", "a#b", "\u00e4", long]) {
    const error = assertThrows(() => writeHlsName(NAMES[0][1], query), RangeError);
    assertMatch(error.message, /^Cannot write URI: query of \d+ characters/);
  }
});

Deno.test("mediaPlaylistUri() stands beside the multivariant playlist of any name", () => {
  assertEquals(mediaPlaylistUri("cam", "fmp4"), "cam.hls/index.m3u8");
  assertEquals(mediaPlaylistUri("hall/cam 1", "ts", "k=v"), "cam%201.hls/ts.m3u8?k=v");
  assertEquals(mediaPlaylistUri('a"?#b', "fmp4"), "a%22%3F%23b.hls/index.m3u8");
});

for (const { name, seeds, run } of HLS_FUZZ_TARGETS) {
  Deno.test(`fuzz: ${name} is read or refused`, () => {
    const random = seededRandom(20_261_121);
    for (let round = 0; round < 20_000; round++) {
      const input = seeds[randomInteger(random, seeds.length)].slice();
      for (let edits = randomInteger(random, 4); edits > 0; edits--) {
        const printable = 0x20 + randomInteger(random, 0x60);
        input[randomInteger(random, input.length)] = printable;
      }
      run(input.subarray(0, input.length - randomInteger(random, 2)));
    }
  });
}
