/**
 * Ends a process whose main thread does not come back: the thread writes down what it is about to
 * run, this one looks at it from outside. Nothing else can end a loop that never ends.
 *
 * @module
 */

/** What the main thread tells at the start. */
export interface WatchdogOptions {
  /** Rises with each input that is begun; 0 while none runs. */
  readonly begun: SharedArrayBuffer;
  /** Longest that one input may run, in milliseconds. */
  readonly hangMs: number;
}

/** How often it looks, in milliseconds. */
const LOOK_MS = 500;

self.addEventListener("message", (event) => {
  const { begun, hangMs } = (event as MessageEvent<WatchdogOptions>).data;
  const counter = new Int32Array(begun);
  let last = 0;
  let sinceMs = 0;
  setInterval(() => {
    const now = Atomics.load(counter, 0);
    const nowMs = performance.now();
    if (now !== last || now === 0) {
      last = now;
      sinceMs = nowMs;
    } else if (nowMs - sinceMs > hangMs) {
      // The other thread can neither print nor exit, so this one does both for it.
      const line = `HANG ${Atomics.load(counter, 1)} ${Atomics.load(counter, 2)}\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(line));
      Deno.kill(Deno.pid, "SIGKILL");
    }
  }, LOOK_MS);
});
