/**
 * Everything that happened to the records of ownership in one Redis, in the order in which it
 * happened, and whether it was what a register with compare-and-set allows.
 *
 * @module
 */
import type { Redis } from "ioredis";

/** Where the epoch, the node and the incarnation are among the arguments of a script's HSET. */
const FIELDS = ["epoch", "node", "inc"] as const;

/** Place of the expected epoch among the arguments of the script that claims. */
const EXPECTED_AT = 6;

/** Most writes that are kept; ten minutes of a hundred streams have a tenth. */
const WRITES_MAX = 100_000;

/** One write of an owner into a record. */
export interface Write {
  readonly atMs: number;
  readonly key: string;
  readonly epoch: number;
  readonly holder: string;
  /** The epoch that was to be there before; `undefined` where it was not a claim. */
  readonly expected: number | undefined;
}

export class ClaimHistory {
  readonly writes: Write[] = [];
  /** Claims, whether or not they won. */
  readonly attempts: Omit<Write, "epoch">[] = [];
  #expected = new Map<string, number>();
  #monitor: Redis | undefined;

  /** Watches a server, from now on. */
  static async follow(server: Redis): Promise<ClaimHistory> {
    const history = new ClaimHistory();
    const monitor = history.#monitor = await server.monitor();
    monitor.on("monitor", (time: string, args: string[], source: string) => {
      history.#command(Number(time) * 1_000, args, source);
    });
    return history;
  }

  stop(): void {
    this.#monitor?.disconnect();
  }

  #command(atMs: number, args: readonly string[], source: string): void {
    const [command, key] = args;
    if (/^eval(sha)?$/i.test(command) && args[3]?.endsWith(":own") && args.length === 9) {
      const [, , , key, node, incarnation] = args;
      const expected = Number(args[EXPECTED_AT]);
      this.#expected.set(key, expected);
      this.attempts.push({ atMs, key, holder: `${node} ${incarnation}`, expected });
      return;
    }
    if (source !== "lua" || !/^hset$/i.test(command) || !key.endsWith(":own")) return;
    const value = (field: string) => args[args.indexOf(field) + 1];
    if (FIELDS.some((field) => !args.includes(field)) || this.writes.length >= WRITES_MAX) return;
    const claimed = args.includes("tok");
    this.writes.push({
      ...{ atMs, key, epoch: Number(value("epoch")) },
      holder: `${value("node")} ${value("inc")}`,
      expected: claimed ? this.#expected.get(key) : undefined,
    });
  }
}

/** What no register would have done; the first of each record. */
export function wrongWrites(writes: readonly Write[]): string[] {
  const last = new Map<string, Write>();
  const wrong = new Map<string, string>();
  for (const write of writes) {
    const before = last.get(write.key);
    const fault = before === undefined ? undefined : faultOf(before, write);
    if (fault !== undefined && !wrong.has(write.key)) wrong.set(write.key, fault);
    last.set(write.key, write);
  }
  return [...wrong].map(([key, fault]) => `${key}: ${fault}`);
}

function faultOf(before: Write, { epoch, holder, expected }: Write): string | undefined {
  if (epoch < before.epoch) return `epoch ${epoch} of ${holder} after ${before.epoch}`;
  if (epoch === before.epoch && holder !== before.holder) {
    return `epoch ${epoch} of ${holder} was that of ${before.holder}`;
  }
  if (expected !== undefined && expected !== before.epoch) {
    return `${holder} claimed over ${expected}, and there was ${before.epoch}`;
  }
  return undefined;
}
