// Goal: one write at a time, replies before media, and a peer that does not read is let go.
// Method: an outlet over a socket that the test operates by hand.
import { Outlet, type OutletEvents } from "../../../actors/edge/outlet.ts";
import { OutletSweep } from "../../../actors/edge/outlet_sweep.ts";
import { Lanes } from "../../../actors/stream/lanes.ts";
import type { Viewer } from "../../../actors/stream/viewer.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { HandSocket } from "../../support/hand_socket.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function newOutlet() {
  const seen: string[] = [];
  const events: OutletEvents = {
    viewerOver: () => seen.push("over"),
    outletFailed: (reason) => seen.push(reason),
  };
  const lanes = new Lanes();
  const socket = new HandSocket();
  return { outlet: new Outlet(socket, events, lanes), socket, seen, lanes };
}

/** A viewer that hands out the given texts and is then over. */
function fakeViewer(...texts: string[]) {
  const parts = texts.map((text) => new TextEncoder().encode(text));
  const fake = {
    stalled: false,
    next: (): Uint8Array | undefined => parts.shift(),
    get over() {
      return parts.length === 0;
    },
    enterStep: () => false,
    takeOffered: () => 0,
    unsentBytes: 0,
    core: { ended: false },
    stall: () => fake.stalled = true,
  };
  return fake as unknown as Viewer & typeof fake;
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("Outlet.pump() has one write outstanding at most", async () => {
  const { outlet, socket, seen, lanes } = newOutlet();
  outlet.viewers.push(fakeViewer("a", "bb"));
  outlet.pump();
  outlet.pump();
  assertEquals(socket.written, ["a"]);
  await socket.take();
  assertEquals(socket.written, ["a", "bb"]);
  await socket.take();
  assertEquals([seen, outlet.bytesOut, lanes.out], [["over"], 3, 3]);
});

Deno.test("Outlet.send() puts replies between messages, ahead of media", async () => {
  const { outlet, socket } = newOutlet();
  outlet.viewers.push(fakeViewer("a", "b"));
  outlet.pump();
  outlet.send(bytes("x"));
  outlet.send(bytes("y"));
  await socket.take();
  await socket.take();
  assertEquals(socket.written, ["a", "xyb"]);
});

Deno.test("Outlet.pump() sends what a viewer says as it joins before its media", () => {
  const { outlet, socket } = newOutlet();
  const viewer = fakeViewer("media");
  const next = viewer.next.bind(viewer);
  viewer.next = () => {
    outlet.send(bytes("head "));
    return next();
  };
  outlet.viewers.push(viewer);
  outlet.pump();
  assertEquals(socket.written, ["head media"]);
});

Deno.test("Outlet.pump() serves its viewers in turn", async () => {
  const { outlet, socket } = newOutlet();
  outlet.viewers.push(fakeViewer("1", "2"), fakeViewer("a", "b"));
  for (let i = 0; i < 4; i++) i === 0 ? outlet.pump() : await socket.take();
  assertEquals(socket.written.toSorted(), ["1", "2", "a", "b"]);
  assert(socket.written[0] !== "1" || socket.written[1] !== "2");
});

Deno.test("Outlet.closeWhenSent() sends what it was given, and no more media", async () => {
  const { outlet, socket } = newOutlet();
  outlet.viewers.push(fakeViewer("a", "b"));
  outlet.pump();
  outlet.send(bytes("bye"));
  outlet.closeWhenSent();
  assertEquals(socket.closed, 0);
  await socket.take();
  await socket.take();
  assertEquals([socket.written, socket.closed], [["a", "bye"], 1]);
});

Deno.test("Outlet.send() lets go of a peer that leaves replies unread", () => {
  const { outlet, socket, seen } = newOutlet();
  outlet.send(bytes("stuck"));
  for (let i = 0; i < 300; i++) outlet.send(new Uint8Array(1024));
  assertEquals(seen, ["peer left 263168 bytes of replies unread"]);
  assertEquals(socket.closed, 1);
});

Deno.test("OutletSweep marks a viewer late and closes it after the timeout", async () => {
  const ports = new VirtualPorts();
  const sweep = new OutletSweep({ ...ports, timeoutMs: 10_000 });
  const [stuck, idle, slow] = [newOutlet(), newOutlet(), newOutlet()];
  for (const { outlet } of [stuck, idle, slow]) sweep.add(outlet);
  const viewer = fakeViewer("a", "b", "c");
  stuck.outlet.viewers.push(viewer);
  stuck.outlet.pump();
  slow.outlet.viewers.push(fakeViewer("a".repeat(25_000), "b"));
  slow.outlet.pump();
  for (let second = 0; second < 3; second++) {
    ports.advanceSync(1_000);
    await slow.socket.take(2_000);
  }
  assert(viewer.stalled);
  for (let second = 0; second < 7; second++) {
    assertEquals(stuck.socket.closed, 0);
    ports.advanceSync(1_000);
    await slow.socket.take(2_000);
  }
  assertEquals([stuck.socket.closed, idle.socket.closed, slow.socket.closed], [1, 0, 0]);
  assertEquals([stuck.seen, sweep.timedOut], [
    ["peer took 0 bytes in 10000 ms, less than 10240"],
    1,
  ]);
  sweep.stop();
});

/** Seconds until a viewer is closed that takes `took` a second of `offered`; 60 if it is not. */
function secondsOf(
  { offered = 0, took, unsent = 0, ended = false, rest = () => false }: {
    offered?: number;
    /** A number, or what it is at a second. */
    took: number | ((second: number) => number);
    unsent?: number;
    ended?: boolean;
    /** Whether it has all there is at a second. */
    rest?: (second: number) => boolean;
  },
): number {
  const ports = new VirtualPorts();
  const closed: string[] = [];
  const sweep = new OutletSweep({
    ...ports,
    timeoutMs: 5_000,
    closed: () => closed.push("closed"),
  });
  const { outlet, socket, seen } = newOutlet();
  const viewer = Object.assign(fakeViewer("a"), {
    takeOffered: () => offered,
    unsentBytes: unsent,
    core: { ended },
  });
  viewer.next = () => bytes("x");
  outlet.viewers.push(viewer);
  outlet.pump();
  Object.defineProperty(outlet, "busy", { get: () => !rest(second) });
  Object.defineProperty(outlet, "bytesOut", { get: () => tookBytes });
  sweep.add(outlet);
  let tookBytes = 0;
  let second = 0;
  for (; second < 60 && socket.closed === 0; second++) {
    tookBytes += typeof took === "number" ? took : took(second);
    ports.advanceSync(1_000);
  }
  assertEquals([closed.length, seen.length, sweep.timedOut], Array(3).fill(socket.closed));
  sweep.stop();
  return second;
}

Deno.test("OutletSweep closes a viewer that is always behind and takes less than an eighth", () => {
  assertEquals(secondsOf({ offered: 80_000, took: 8_000 }), 6);
  // What the kernel took at first might be what it still takes, for three timeouts at most.
  assertEquals(secondsOf({ offered: 80_000, took: 9_900 }), 16);
  assertEquals(secondsOf({ offered: 80_000, took: 10_100 }), 60);
});

Deno.test("OutletSweep keeps a viewer that catches up now and then, however little it takes", () => {
  const rest = (second: number) => second % 5 === 4;
  assertEquals(secondsOf({ offered: 80_000, took: 10, rest }), 60);
});

Deno.test("OutletSweep closes one that takes next to nothing of a stream that sends nothing", () => {
  assertEquals(secondsOf({ took: 800 }), 6);
  assertEquals(secondsOf({ took: 1_000 }), 16);
  assertEquals(secondsOf({ took: 1_100 }), 60);
});

Deno.test("OutletSweep wants an eighth of what a stream left that has ended", () => {
  const left = { unsent: 800_000, ended: true };
  assertEquals(secondsOf({ ...left, took: 6_000 }), 6);
  assertEquals(secondsOf({ ...left, took: 20_100 }), 60);
});

Deno.test("OutletSweep waits for one that the kernel answers for, three timeouts at most", () => {
  // A quarter of its stream's pace, seen every eleven seconds only.
  const burst = (second: number) => second % 11 === 0 ? 220_000 : 0;
  assertEquals(secondsOf({ offered: 80_000, took: burst }), 60);
  const once = (second: number) => second === 0 ? 220_000 : 0;
  assertEquals(secondsOf({ offered: 80_000, took: once }), 16);
  assertEquals(secondsOf({ offered: 400_000, took: once }), 6);
});
