/**
 * The simulation's network: who reaches whom, where several faults may lie over each other.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import { VirtualNetwork } from "../support/virtual_network.ts";
import type { SimTime } from "./sim_time.ts";

/** Usual time one way, in milliseconds. */
const WAY_MS = 0.4;

export class SimNetwork {
  readonly network: VirtualNetwork;
  /** All hosts. */
  readonly names: readonly string[];
  /** How many faults hold each direction, as "from to". */
  readonly #holds = new Map<string, number>();
  readonly #slowMs = new Map<string, number>();

  constructor(time: SimTime, random: Random, names: readonly string[]) {
    this.names = names;
    this.network = new VirtualNetwork({
      ...{ clock: time.clock, timers: time.timers },
      delayMs: (from, to) =>
        WAY_MS * (0.5 + random.next()) + (this.#slowMs.get(`${from} ${to}`) ?? 0),
    });
  }

  /** One more fault holds a direction. */
  hold(from: string, to: string): void {
    const key = `${from} ${to}`;
    const count = this.#holds.get(key) ?? 0;
    this.#holds.set(key, count + 1);
    if (count === 0) this.network.hold(from, to);
  }

  /** One fault less does. */
  release(from: string, to: string): void {
    const key = `${from} ${to}`;
    const count = this.#holds.get(key) ?? 0;
    if (count === 0) return;
    this.#holds.set(key, count - 1);
    if (count === 1) this.network.release(from, to);
  }

  /** Whether nothing gets from one to the other. */
  isHeld(from: string, to: string): boolean {
    return (this.#holds.get(`${from} ${to}`) ?? 0) > 0;
  }

  /** Added both ways between two nodes, in milliseconds. */
  slow(a: string, b: string, delayMs: number): void {
    this.#slowMs.set(`${a} ${b}`, delayMs);
    this.#slowMs.set(`${b} ${a}`, delayMs);
  }

  /** Everything works again; what was held arrives. */
  calm(): void {
    this.#slowMs.clear();
    for (const [key, count] of this.#holds) {
      if (count === 0) continue;
      const [from, to] = key.split(" ");
      this.#holds.set(key, 0);
      this.network.release(from, to);
    }
  }
}
