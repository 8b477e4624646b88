/**
 * Fuzz targets of HLS: names and query strings of requests may be anything.
 *
 * @module
 */
import { parseDeliveryDirectives } from "../../protocols/hls/blocking.ts";
import { parseHlsName, writeHlsName } from "../../protocols/hls/uri.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** One parser under fuzz: `run` throws only when the parser has a defect. */
export interface HlsFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

const encode = (text: string) => new TextEncoder().encode(text);

export const HLS_FUZZ_TARGETS: HlsFuzzTarget[] = [
  {
    name: "a name within a stream",
    seeds: ["index.m3u8", "ts.m3u8", "init-0123456789abcdef.mp4", "1-2.m4s", "1-2.3.m4s", "1-2.ts"]
      .map(encode),
    run: runName,
  },
  {
    name: "delivery directives",
    seeds: ["_HLS_msn=12&_HLS_part=3&_HLS_skip=YES", "_HLS_msn=9007199254740991", "_HLS_part=0"]
      .map(encode),
    run: runDirectives,
  },
];

/** What is read is written back the same: no resource has two names. */
function runName(input: Uint8Array): void {
  const text = new TextDecoder().decode(input);
  const name = parseHlsName(text);
  if (name !== undefined) assertEquals(writeHlsName(name), text);
}

function runDirectives(input: Uint8Array): void {
  const result = parseDeliveryDirectives(new URLSearchParams(new TextDecoder().decode(input)));
  if (!result.ok) return assert(result.reason.length < 100);
  const { segment, part } = result.directives;
  for (const value of [segment, part]) {
    assert(value === undefined || (Number.isSafeInteger(value) && value >= 0));
  }
  assert(part === undefined || segment !== undefined);
}
