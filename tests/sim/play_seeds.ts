/**
 * Plays many seeds, on all cores.
 *
 * @module
 */
import type { SeedError, SeedOrder } from "./seed_player.ts";
import type { SimResult } from "./simulation.ts";

export interface PlaySeedsOptions extends Omit<SeedOrder, "seed"> {
  /** The first, and how many. */
  readonly from: number;
  readonly seeds: number;
  /** Threads. */
  readonly threads?: number;
  /** Called for each as it is over, in no order. */
  readonly played: (result: SimResult) => void;
}

/** Plays the seeds. @throws {Error} The simulation itself fails. */
export async function playSeeds(options: PlaySeedsOptions): Promise<void> {
  const { from, seeds, threads = navigator.hardwareConcurrency, played, ...common } = options;
  let next = from;
  const players = Math.max(1, Math.min(threads, seeds));
  await Promise.all(Array.from({ length: players }, async () => {
    const player = new Worker(new URL("seed_player.ts", import.meta.url), { type: "module" });
    try {
      while (next < from + seeds) {
        const result = await play(player, { ...common, seed: next++ });
        if ("error" in result) throw new Error(`Cannot play seed ${result.seed}: ${result.error}`);
        played(result);
      }
    } finally {
      player.terminate();
    }
  }));
}

function play(player: Worker, order: SeedOrder): Promise<SimResult | SeedError> {
  return new Promise((resolve) => {
    player.onmessage = ({ data }) => resolve(data);
    player.onerror = (event) => {
      event.preventDefault();
      resolve({ seed: order.seed, error: event.message });
    };
    player.postMessage(order);
  });
}
