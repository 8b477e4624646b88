/**
 * The bare loop as a server of the benchmark.
 *
 * @module
 */
import type { BareLoopOptions } from "./bare_loop.ts";
import { startScript } from "./load_process.ts";

export interface BareLoop extends AsyncDisposable {
  readonly pid: number;
  /** `host:port` */
  readonly address: string;
}

/** Starts it on the server's core. */
export async function startBareLoop(options: BareLoopOptions): Promise<BareLoop> {
  const { ready, process } = await startScript<{ address: string }>("bare_loop.ts", options);
  return {
    pid: process.pid,
    address: ready.address,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
