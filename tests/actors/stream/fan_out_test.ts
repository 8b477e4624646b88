// Goal: viewers in step get the same bytes without being asked; whoever falls behind, is told
//   something or wants something else loses nothing and comes back into step.
// Method: outlets over sockets that the test operates by hand, on a stream of numbered frames;
//   then random histories in which every byte that a socket took is checked.
import { Outlet } from "../../../actors/edge/outlet.ts";
import { Flusher } from "../../../actors/stream/flusher.ts";
import { Lanes } from "../../../actors/stream/lanes.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { StreamCore } from "../../../actors/stream/stream_core.ts";
import { Viewer } from "../../../actors/stream/viewer.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { HandSocket } from "../../support/hand_socket.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import {
  frameNumbers,
  TEST_CLASS,
  trackRecord,
  VIDEO,
  videoFrame,
} from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

/** Opening and preface of the test format. */
const HEAD_BYTES = "OPENP.".length;

function newStream() {
  const ports = new VirtualPorts();
  const failed = (_stream: StreamCore, error: unknown) => {
    throw error;
  };
  const flusher = new Flusher<StreamCore>({ ...ports, window: 20, latenessMs: () => 0, failed });
  const core = new StreamCore({ app: "live", name: "a" }, {
    budget: new MediaBudget(1 << 30),
    flusher,
    windowUs: 5_000_000,
  });
  core.append(trackRecord(0, VIDEO));
  feed(core, 5, 1_000);
  return { core, flusher, lanes: new Lanes() };
}

/** Frames of 100 bytes, 10 ms apart, the first one and each `gop`th a key frame; then a flush. */
function feed(core: StreamCore, count: number, gop: number) {
  const end = core.log.nextSeq + count;
  for (let seq = core.log.nextSeq; seq < end; seq++) {
    const keyframe = (seq - 1) % gop === 0;
    // The log settles with one kind of track when its time is over.
    core.append(videoFrame(seq, { dtsUs: seq * 500_000, keyframe }));
  }
  core.flush();
}

/** A viewer's connection; how often its viewer was asked is counted. */
function join({ core, lanes }: { core: StreamCore; lanes: Lanes }) {
  const socket = new HandSocket();
  const seen: string[] = [];
  const outlet = new Outlet(socket, {
    viewerOver: () => seen.push("over"),
    outletFailed: (reason) => seen.push(reason),
  }, lanes);
  const viewer = new Viewer(core, TEST_CLASS, { joined: () => {}, wake: () => outlet.pump() });
  outlet.viewers.push(viewer);
  outlet.pump();
  return { socket, outlet, viewer, seen };
}

/** Takes whatever is written until nothing is. */
async function takeAll(...sockets: HandSocket[]) {
  while (sockets.some((socket) => socket.writing)) {
    for (const socket of sockets) if (socket.writing) await socket.take();
  }
}

function numbers({ socket }: { socket: HandSocket }): number[] {
  return frameNumbers(socket.taken.subarray(HEAD_BYTES));
}

function counting(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("FanOut.flush() gives all in step the very same bytes, and wakes nobody", async () => {
  const stream = newStream();
  const [one, two] = [join(stream), join(stream)];
  await takeAll(one.socket, two.socket);
  assertEquals(stream.core.viewers, []);
  feed(stream.core, 3, 1_000);
  assert(one.socket.writes.at(-1) === two.socket.writes.at(-1));
  await takeAll(one.socket, two.socket);
  assertEquals([numbers(one), numbers(two)], [counting(1, 8), counting(1, 8)]);
  assertEquals(one.outlet.bytesOut, one.socket.taken.length);
  assertEquals(stream.lanes.out, 2 * one.socket.taken.length);
});

Deno.test("FanOut.flush() leaves out who has not taken the last write", async () => {
  const stream = newStream();
  const [slow, quick] = [join(stream), join(stream)];
  await takeAll(slow.socket, quick.socket);
  for (let i = 0; i < 3; i++) {
    feed(stream.core, 2, 1_000);
    await takeAll(quick.socket);
  }
  assertEquals([stream.core.viewers, slow.viewer.unsentBytes], [[slow.viewer], 4 * 105]);
  await takeAll(slow.socket);
  assertEquals([numbers(slow), numbers(quick)], [counting(1, 11), counting(1, 11)]);
  assertEquals(stream.core.viewers, []);
});

Deno.test("Lanes.write() goes on where the socket stopped", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  feed(stream.core, 2, 1_000);
  await viewer.socket.take(7);
  assert(viewer.outlet.busy);
  feed(stream.core, 2, 1_000);
  await takeAll(viewer.socket);
  assertEquals(numbers(viewer), counting(1, 9));
});

Deno.test("Outlet.send() takes a viewer out of step and lets it come back", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  viewer.outlet.send(new TextEncoder().encode("pong"));
  assertEquals(viewer.socket.written.at(-1), "pong");
  feed(stream.core, 2, 1_000);
  await takeAll(viewer.socket);
  assertEquals(frameNumbers(viewer.socket.writes.at(-1)!), [6, 7]);
  assertEquals(stream.core.viewers, []);
});

Deno.test("Viewer.pause() in step stops the bytes; resume() starts at a key frame", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  viewer.viewer.pause();
  feed(stream.core, 6, 10);
  assert(!viewer.socket.writing);
  viewer.viewer.resume();
  await takeAll(viewer.socket);
  assertEquals(numbers(viewer), [...counting(1, 5), 11]);
});

Deno.test("Viewer.stall() in step makes it jump once it takes again", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  feed(stream.core, 1, 1_000);
  viewer.viewer.stall();
  feed(stream.core, 8, 10);
  await takeAll(viewer.socket);
  assertEquals([numbers(viewer), viewer.viewer.jumps], [[...counting(1, 6), 11, 12, 13, 14], 1]);
});

Deno.test("StreamCore.end() tells viewers in step", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  stream.core.end();
  await takeAll(viewer.socket);
  assertEquals([viewer.socket.written.at(-1), viewer.seen], ["END", ["over"]]);
});

Deno.test("StreamCore.fail() ends viewers in step", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  stream.core.fail();
  assertEquals(viewer.seen, ["over"]);
});

Deno.test("Outlet.close() in step frees the lane; a late answer reaches nobody", async () => {
  const stream = newStream();
  const first = join(stream);
  await takeAll(first.socket);
  feed(stream.core, 1, 1_000);
  const { bytesOut } = first.outlet;
  first.outlet.close();
  first.viewer.close();
  const second = join(stream);
  await first.socket.take();
  await takeAll(second.socket);
  const third = join(stream); // On the lane of the first.
  assertEquals([first.outlet.bytesOut, third.outlet.bytesOut], [bytesOut, 0]);
  await takeAll(third.socket);
  assertEquals([numbers(second), numbers(third)], [counting(1, 6), counting(1, 6)]);
});

Deno.test("Outlet.close() in step frees the lane before its viewer has left", async () => {
  const stream = newStream();
  const first = join(stream);
  await takeAll(first.socket);
  first.outlet.close();
  const second = join(stream); // On the same lane.
  await takeAll(second.socket);
  feed(stream.core, 2, 1_000);
  first.viewer.close();
  await takeAll(second.socket);
  assertEquals([numbers(first), numbers(second)], [counting(1, 5), counting(1, 7)]);
});

Deno.test("Outlet tells of a socket that failed in step", async () => {
  const stream = newStream();
  const viewer = join(stream);
  await takeAll(viewer.socket);
  feed(stream.core, 1, 1_000);
  await viewer.socket.fail(new Error("reset"));
  assertEquals([viewer.seen, viewer.socket.closed, viewer.outlet.busy], [["reset"], 1, false]);
  feed(stream.core, 1, 1_000);
  assertEquals(viewer.socket.writes.length, 3); // Head, pictures, and the one that failed.
});

/** Each frame is the one after it, or a key frame that was jumped to. */
function assertWhole(numbers: readonly number[], gop: number, label: string) {
  for (let i = 1; i < numbers.length; i++) {
    const jumped = numbers[i] > numbers[i - 1] && (numbers[i] - 1) % gop === 0;
    assert(numbers[i] === numbers[i - 1] + 1 || jumped, `${label}: ${numbers}`);
  }
}

async function randomHistory(seed: number) {
  const random = seededRandom(seed);
  const stream = newStream();
  const gop = 2 + randomInteger(random, 12);
  const viewers: ReturnType<typeof join>[] = [];
  for (let step = 0; step < 120; step++) {
    if (viewers.length < 70 && random.next() < 0.5) viewers.push(join(stream));
    if (random.next() < 0.6) feed(stream.core, 1 + randomInteger(random, 4), gop);
    for (const viewer of viewers) {
      const { socket } = viewer;
      if (socket.writing && random.next() < 0.8) {
        const { length } = socket.writes.at(-1)!;
        await socket.take(random.next() < 0.7 ? length : randomInteger(random, length) + 1);
      }
      if (random.next() < 0.02) viewer.viewer.stall();
    }
    if (viewers.length > 0 && random.next() < 0.1) {
      const [gone] = viewers.splice(randomInteger(random, viewers.length), 1);
      gone.viewer.close();
      gone.outlet.close();
      if (gone.socket.writing) await gone.socket.take(1);
    }
  }
  await takeAll(...viewers.map(({ socket }) => socket));
  const newest = stream.core.log.nextSeq - 1;
  for (const [i, viewer] of viewers.entries()) {
    assertWhole(numbers(viewer), gop, `seed ${seed}, viewer ${i}`);
    assertEquals(numbers(viewer).at(-1), newest, `seed ${seed}, viewer ${i}`);
    viewer.viewer.close();
  }
  assertEquals([stream.core.viewers.length, stream.flusher.viewers], [0, 0]);
  assert(!stream.core.watched, `seed ${seed}: nobody watches any more`);
}

Deno.test("FanOut loses nothing in random histories", async () => {
  for (let seed = 1; seed <= 40; seed++) await randomHistory(seed);
});
