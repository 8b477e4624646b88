// Goal: frames go out when the window says so, and "auto" chooses it by load.
// Method: a virtual clock and a stream that notes when it is flushed.
import { AUTO_WINDOW_MS_MAX, autoWindowMs, Flusher } from "../../../actors/stream/flusher.ts";
import type { StreamCore } from "../../../actors/stream/stream_core.ts";
import { assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function newFlusher(window: number | "auto") {
  const ports = new VirtualPorts();
  const flushedAtMs: number[] = [];
  const failures: unknown[] = [];
  const stream = {
    dirty: false,
    flush(this: StreamCore) {
      this.dirty = false;
      flushedAtMs.push(ports.nowMs);
    },
  } as unknown as StreamCore;
  const lateness = { ms: 0 };
  const flusher = new Flusher({
    ...ports,
    window,
    latenessMs: () => lateness.ms,
    failed: (_stream, error) => failures.push(error),
  });
  return { ports, flusher, stream, flushedAtMs, failures, lateness };
}

Deno.test("autoWindowMs() is zero when idle and grows to its maximum", () => {
  assertEquals(autoWindowMs(0, 0, 0), 0);
  assertEquals(autoWindowMs(39, 0, 5), 0);
  assertEquals(autoWindowMs(0, 9, 0), 0);
  assertEquals(autoWindowMs(1000, 0, 0), 50);
  assertEquals(autoWindowMs(0, 200, 0), 40);
  assertEquals(autoWindowMs(10_000, 0, 0), AUTO_WINDOW_MS_MAX);
  assertEquals(autoWindowMs(0, 0, 20), 80);
});

Deno.test("Flusher.settle() sends at once without a window", () => {
  const { flusher, stream, flushedAtMs, ports } = newFlusher(0);
  flusher.mark(stream);
  assertEquals([flushedAtMs.length, ports.pendingCount], [0, 0]);
  flusher.settle();
  flusher.settle();
  assertEquals(flushedAtMs, [0]);
});

Deno.test("Flusher.mark() gathers for a window, but not after a quiet time", () => {
  const { flusher, stream, flushedAtMs, ports } = newFlusher(100);
  ports.advanceSync(1000);
  flusher.mark(stream);
  ports.advanceSync(0);
  assertEquals(flushedAtMs, [1000]);
  for (let i = 0; i < 30; i++) { // A frame every 10 ms.
    ports.advanceSync(10);
    flusher.mark(stream);
    flusher.settle();
  }
  assertEquals(flushedAtMs, [1000, 1100, 1200, 1300]);
});

Deno.test("Flusher.flush() reports a stream that fails and serves the others", () => {
  const { flusher, stream, flushedAtMs, failures } = newFlusher(0);
  const poisoned = {
    dirty: false,
    flush() {
      throw new Error("poisoned");
    },
  } as unknown as StreamCore;
  flusher.mark(poisoned);
  flusher.mark(stream);
  flusher.settle();
  assertEquals([flushedAtMs.length, failures.length], [1, 1]);
});

Deno.test("Flusher with auto follows the number of viewers", () => {
  const { flusher, stream, ports } = newFlusher("auto");
  assertEquals(flusher.windowMs, 0);
  flusher.viewers = 1000;
  ports.advanceSync(600);
  flusher.mark(stream);
  flusher.settle();
  assertEquals(flusher.windowMs, 50);
  flusher.viewers = 0;
  ports.advanceSync(600);
  flusher.mark(stream);
  ports.advanceSync(100);
  assertEquals(flusher.windowMs, 0);
});

Deno.test("Flusher.rest() wakes when the flush is due, and what is read then goes out", () => {
  const { flusher, stream, flushedAtMs, ports } = newFlusher(100);
  const wokenAtMs: number[] = [];
  const read = () => {
    wokenAtMs.push(ports.nowMs);
    flusher.mark(stream);
    assertEquals(flusher.rest(read), true); // Rests again before the flush that it woke for.
  };
  ports.advanceSync(1000);
  flusher.rest(read);
  ports.advanceSync(250);
  assertEquals(wokenAtMs, [1000, 1100, 1200]);
  assertEquals(flushedAtMs, wokenAtMs);
});

Deno.test("Flusher.rest() refuses when the window is narrow", () => {
  for (const window of [0, 9]) {
    const { flusher, ports } = newFlusher(window);
    assertEquals(flusher.rest(() => {}), false);
    assertEquals(ports.pendingCount, 0);
  }
});

Deno.test("Flusher.rest() ends when the window closes or the flusher stops", () => {
  const { flusher, ports, stream } = newFlusher("auto");
  let woken = 0;
  flusher.viewers = 1000;
  ports.advanceSync(600);
  flusher.mark(stream);
  flusher.settle();
  flusher.viewers = 0;
  let refused = false;
  const read = () => {
    woken++;
    refused = !flusher.rest(read);
  };
  read();
  ports.advanceSync(600); // The window is looked at each half second.
  assertEquals([flusher.windowMs, woken, refused, ports.pendingCount], [0, 12, true, 0]);

  const fixed = newFlusher(100).flusher;
  fixed.rest(() => woken++);
  fixed.stop();
  assertEquals(woken, 13);
});
