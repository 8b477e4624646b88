// Goal: a walk over many sockets gives the event loop back in between; nothing is lost by that.
// Method: lanes over sockets that count their writes, and turns that the test takes by hand.
import { Lanes } from "../../../actors/stream/lanes.ts";
import { assertEquals } from "../../support/assert.ts";

/** As many as the module says. */
const WRITES_A_TURN = 100;

const PAGE = Uint8Array.of(1, 2, 3);

/** Many lanes, whose numbers are noted as their sockets are written to. */
function manyLanes(count: number) {
  const turns: (() => void)[] = [];
  const lanes = new Lanes((turn) => turns.push(turn));
  const written: number[] = [];
  const done: number[] = [];
  for (let i = 0; i < count; i++) {
    const socket = {
      write(bytes: Uint8Array) {
        written.push(i);
        return Promise.resolve(bytes.length);
      },
    };
    const lane = lanes.open(socket, {
      wrote: () => void done.push(i),
      fail: () => {},
      leaveStep: () => lanes.leaveStep(i),
    });
    assertEquals(lane, i);
  }
  const turn = async () => {
    for (const next of turns.splice(0)) next();
    await Promise.resolve();
  };
  return { lanes, written, done, turn };
}

Deno.test("Lanes.writeInStep() begins so many writes in a turn, the others in the next ones", async () => {
  const { lanes, written, done, turn } = manyLanes(250);
  const all = Array.from({ length: 250 }, (_, i) => i);
  for (const lane of all) lanes.enterStep(lane);
  lanes.writeInStep(all, PAGE);
  assertEquals(written.length, WRITES_A_TURN);
  assertEquals(all.every((lane) => lanes.writing(lane)), true);
  await turn();
  assertEquals(written.length, 2 * WRITES_A_TURN);
  await turn();
  assertEquals(written, all.toReversed());
  assertEquals(all.some((lane) => lanes.writing(lane)), false);
  assertEquals([lanes.out, done], [250 * PAGE.length, []]);
});

Deno.test("Lanes.write() keeps the order of those that wait, and counts anew in each turn", async () => {
  const { lanes, written, done, turn } = manyLanes(130);
  for (let lane = 0; lane < 120; lane++) lanes.write(lane, PAGE);
  await turn();
  for (let lane = 120; lane < 130; lane++) lanes.write(lane, PAGE);
  await turn();
  const all = Array.from({ length: 130 }, (_, i) => i);
  assertEquals([written, done], [all, all]);
});

Deno.test("Lanes.close() of one that waits for its turn gives it back unwritten", async () => {
  const { lanes, written, done, turn } = manyLanes(103);
  for (let lane = 0; lane < 103; lane++) lanes.write(lane, PAGE);
  lanes.close(101);
  await turn();
  assertEquals([written.length, done.length], [102, 102]);
  assertEquals(written.includes(101), false);
  const owner = { wrote: () => {}, fail: () => {}, leaveStep: () => {} };
  assertEquals(lanes.open({ write: () => Promise.resolve(0) }, owner), 101);
});

Deno.test("Lanes forgets those that had their turn, also when there are always more", async () => {
  const { lanes, written, turn } = manyLanes(400);
  let most = 0;
  for (let round = 0; round < 50; round++) {
    for (let lane = 0; lane < 400; lane++) if (!lanes.writing(lane)) lanes.write(lane, PAGE);
    most = Math.max(most, lanes.queued);
    await turn();
  }
  assertEquals(written.length > 4_000, true);
  assertEquals(most <= 2 * 400, true);
});
