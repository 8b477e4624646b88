// Goal: a limit is a limit, and a busy machine is seen.
// Method: limits far on either side of what any machine can be.
import { assert, assertMatch, assertThrows } from "./assert.ts";
import { assertWithin, contention } from "./contention.ts";

Deno.test("contention() is at least one and at most twenty", () => {
  const factor = contention();
  assert(factor >= 1 && factor <= 20, `${factor}`);
});

Deno.test("assertWithin() refuses what no contention explains", () => {
  assertWithin(100, 100, "a thing");
  const { message } = assertThrows(() => assertWithin(100, 2_001, "a thing"));
  assertMatch(message, /^a thing took 2001 ms: at most 100 ms on a quiet machine, \d+ ms on this/);
});
