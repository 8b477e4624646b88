// Goal: a reader finds all bytes, in order, whatever they came through, and no writer runs ahead.
// Method: pushes and reads of different sizes against each other.
import { BegunInput, PushedInput } from "../../../actors/edge/rtsp_input.ts";
import { assertEquals } from "../../support/assert.ts";

async function readOf(input: PushedInput | BegunInput, bytes: number): Promise<number[] | null> {
  const buffer = new Uint8Array(bytes);
  const read = await input.read(buffer);
  return read === null ? null : [...buffer.subarray(0, read)];
}

Deno.test("BegunInput.read() gives the first bytes, then those of the socket", async () => {
  const conn = { read: (buffer: Uint8Array) => Promise.resolve(buffer.fill(9).length) };
  const input = new BegunInput(Uint8Array.of(1, 2, 3), conn);
  assertEquals([await readOf(input, 2), await readOf(input, 2), await readOf(input, 2)], [
    [1, 2],
    [3],
    [9, 9],
  ]);
});

Deno.test("PushedInput.push() waits until all was read, one writer after another", async () => {
  const input = new PushedInput();
  const done: string[] = [];
  const first = input.push(Uint8Array.of(1, 2, 3)).then(() => done.push("first"));
  const second = input.push(Uint8Array.of(4)).then(() => done.push("second"));
  assertEquals(await readOf(input, 2), [1, 2]);
  assertEquals(done, []);
  assertEquals(await readOf(input, 2), [3]);
  await first;
  assertEquals(await readOf(input, 2), [4]);
  await second;
  assertEquals(done, ["first", "second"]);
});

Deno.test("PushedInput.end() lets nobody wait", async () => {
  const input = new PushedInput();
  const read = readOf(input, 1);
  input.end();
  assertEquals(await read, null);
  const full = new PushedInput();
  const pushed = full.push(Uint8Array.of(1));
  full.end();
  await pushed;
});
