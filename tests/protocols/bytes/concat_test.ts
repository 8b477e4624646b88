// Goal: parts come out in order, whatever views they are.
import { assertEquals } from "../../support/assert.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";

Deno.test("concatBytes() joins views in order and copies them", () => {
  const source = Uint8Array.of(1, 2, 3, 4);
  const joined = concatBytes(source.subarray(2), new Uint8Array(), source.subarray(0, 1));
  source.fill(9);
  assertEquals(joined, Uint8Array.of(3, 4, 1));
});

Deno.test("concatBytes() of nothing is empty", () => {
  assertEquals(concatBytes(), new Uint8Array());
});
