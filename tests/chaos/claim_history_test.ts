// Goal: the history of claims tells what no register with compare-and-set would have done.
// Method: histories by hand, each with one thing wrong.
import { assertEquals } from "../support/assert.ts";
import { type Write, wrongWrites } from "./claim_history.ts";

const KEY = "hw:headwater:s:{live%2Fx}:own";

function write(epoch: number, holder: string, expected?: number): Write {
  return { atMs: epoch, key: KEY, epoch, holder, expected };
}

Deno.test("wrongWrites() finds nothing wrong with claims over claims, and the same told again", () => {
  const writes = [write(5, "a 1", 0), write(5, "a 1"), write(9, "b 2", 5), write(10, "a 3")];
  assertEquals(wrongWrites(writes), []);
});

Deno.test("wrongWrites() tells what a register would not have done", () => {
  const fault = (...writes: Write[]) => wrongWrites(writes).map((text) => text.slice(KEY.length));
  assertEquals(fault(write(5, "a 1", 0), write(4, "b 2")), [": epoch 4 of b 2 after 5"]);
  assertEquals(fault(write(5, "a 1", 0), write(5, "b 2")), [": epoch 5 of b 2 was that of a 1"]);
  assertEquals(fault(write(5, "a 1", 0), write(7, "b 2", 4)), [
    ": b 2 claimed over 4, and there was 5",
  ]);
});
