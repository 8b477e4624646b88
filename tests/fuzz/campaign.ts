/**
 * Runs mutated inputs through fuzz targets and holds each run to its bounds: no throw but the
 * allowed ones, no long run, no allocation out of proportion, no growth of the process.
 *
 * An input is named by campaign seed, target and number, and depends on nothing else.
 *
 * @module
 */
import process from "node:process";
import { FRAME_BYTES_MAX } from "../../protocols/media/record.ts";
import { seededRandom } from "../support/random.ts";
import { type Allocations, takeAllocations } from "./allocation_meter.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { mutate } from "./mutator.ts";

/**
 * Longest run of one input, in milliseconds: the slowest honest one, a session of 20,000 commands,
 * takes 250. What seems to take longer is run again and judged by the processor's time alone, for a
 * busy machine keeps us waiting.
 */
export const RUN_MS_MAX = 1_000;

/** Largest byte array that any input may lead to: a message with the largest frame, and a reserve. */
export const ARRAY_BYTES_MAX = FRAME_BYTES_MAX + 1024 * 1024;

/**
 * Most bytes of all byte arrays of one run: a session may begin and drop a few of the largest
 * messages, and some targets read an input in several ways.
 */
export const ALLOCATED_BYTES_MAX = 8 * FRAME_BYTES_MAX;

/** Most bytes the process may grow by in all, with the garbage that is not collected yet. */
export const GROWTH_BYTES_MAX = 384 * 1024 * 1024;

/** Inputs between two looks at the memory of the process. */
export const BATCH_INPUTS = 500;

/** Failures of one target after which it is left alone: more of the same tell nothing. */
const FAILURES_MAX = 3;

export interface CampaignOptions {
  readonly targets: readonly FuzzTarget[];
  /** Inputs in all, over all shards. */
  readonly inputs: number;
  readonly seed: number;
  /** This process runs each `shards`-th input, from the `shard`-th on. */
  readonly shard: number;
  readonly shards: number;
  /** Told of each input before it runs: the target's place in the list, the input's number. */
  readonly begin: (target: number, index: number) => void;
  readonly failed: (failure: Failure) => void;
}

export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  readonly reason: string;
  /** The input, as it was before the run. */
  readonly hex: string;
}

/** What was run of one target. */
export interface TargetReport {
  readonly target: string;
  readonly inputs: number;
  readonly totalMs: number;
  readonly longestMs: number;
  /** Largest byte array asked for. */
  readonly largestBytes: number;
}

/** The input that `seed`, target and `index` name. */
export function inputOf(target: FuzzTarget, seed: number, index: number): Uint8Array {
  const random = seededRandom((hashOf(target.name) ^ seed) + Math.imul(index, 0x9e3779b1));
  return mutate(target.seeds, random);
}

/** How many inputs each target gets of `inputs`: all the same, but the expensive ones less. */
export function sharesOf(targets: readonly FuzzTarget[], inputs: number): number[] {
  const whole = targets.reduce((sum, { costs }) => sum + 1 / (costs ?? 1), 0);
  const shares = targets.map(({ costs }) => Math.floor(inputs / whole / (costs ?? 1)));
  // What rounding leaves over goes to the first, so that the sum is what was asked for.
  if (shares.length > 0) shares[0] += inputs - shares.reduce((sum, share) => sum + share, 0);
  return shares;
}

/** Runs one shard of a campaign. */
export async function runCampaign(options: CampaignOptions): Promise<TargetReport[]> {
  const shares = sharesOf(options.targets, options.inputs);
  const reports: TargetReport[] = [];
  const startBytes = Deno.memoryUsage().rss;
  for (let index = 0; index < options.targets.length; index++) {
    const run = new TargetRun(options, index, startBytes);
    reports.push(await run.finish(shares[index]));
  }
  return reports;
}

/** What came of one input. */
export interface RunResult {
  /** What is wrong with it; a long run is for the caller to judge. */
  readonly fault: string | undefined;
  readonly ms: number;
  readonly allocations: Allocations;
}

/** Runs an input. */
export async function runInput(target: FuzzTarget, input: Uint8Array): Promise<RunResult> {
  takeAllocations();
  const startedMs = performance.now();
  let fault: string | undefined;
  try {
    const running = target.run(input);
    // Awaiting costs a turn of the loop; nearly all targets are done already.
    if (running !== undefined) await running;
  } catch (error) {
    fault = error instanceof Error ? error.stack ?? error.message : `threw ${String(error)}`;
  }
  const ms = performance.now() - startedMs;
  const allocations = takeAllocations();
  return { fault: fault ?? allocationFault(allocations), ms, allocations };
}

function allocationFault({ sum, largest }: Allocations): string | undefined {
  if (largest > ARRAY_BYTES_MAX) {
    return `it asked for an array of ${largest} bytes, at most ${ARRAY_BYTES_MAX} are allowed`;
  }
  if (sum <= ALLOCATED_BYTES_MAX) return undefined;
  return `it asked for ${sum} bytes in all, at most ${ALLOCATED_BYTES_MAX} are allowed`;
}

class TargetRun {
  readonly #options: CampaignOptions;
  readonly #place: number;
  readonly #target: FuzzTarget;
  readonly #startBytes: number;
  #inputs = 0;
  #failures = 0;
  #longestMs = 0;
  #largestBytes = 0;

  constructor(options: CampaignOptions, place: number, startBytes: number) {
    this.#options = options;
    this.#place = place;
    this.#target = options.targets[place];
    this.#startBytes = startBytes;
  }

  /** Runs this shard's part of `inputs`. */
  async finish(inputs: number): Promise<TargetReport> {
    const { shard, shards } = this.#options;
    const startedMs = performance.now();
    for (let index = shard; index < inputs && this.#failures < FAILURES_MAX; index += shards) {
      await this.#runOne(index);
      if (this.#inputs % BATCH_INPUTS === 0) this.#checkGrowth(index);
    }
    this.#checkGrowth(inputs);
    return {
      target: this.#target.name,
      inputs: this.#inputs,
      totalMs: performance.now() - startedMs,
      longestMs: this.#longestMs,
      largestBytes: this.#largestBytes,
    };
  }

  async #runOne(index: number): Promise<void> {
    this.#options.begin(this.#place, index);
    this.#inputs++;
    const input = inputOf(this.#target, this.#options.seed, index);
    let { fault, ms, allocations } = await runInput(this.#target, input);
    if (fault === undefined && ms > RUN_MS_MAX) {
      const before = process.cpuUsage();
      await runInput(this.#target, this.#again(index));
      const { user, system } = process.cpuUsage(before);
      ms = (user + system) / 1_000;
      if (ms > RUN_MS_MAX) fault = `it ran for ${ms.toFixed(0)} ms, at most ${RUN_MS_MAX}`;
    }
    this.#longestMs = Math.max(this.#longestMs, ms);
    this.#largestBytes = Math.max(this.#largestBytes, allocations.largest);
    if (fault !== undefined) this.#fail(index, fault);
  }

  #checkGrowth(index: number): void {
    const grownBytes = Deno.memoryUsage().rss - this.#startBytes;
    if (grownBytes <= GROWTH_BYTES_MAX) return;
    this.#fail(index, `the process grew by ${grownBytes} bytes up to here`);
  }

  #fail(index: number, reason: string): void {
    this.#failures++;
    const hex = this.#again(index).toHex();
    const { seed } = this.#options;
    this.#options.failed({ target: this.#target.name, seed, index, reason, hex });
  }

  #again(index: number): Uint8Array {
    return inputOf(this.#target, this.#options.seed, index);
  }
}

/** FNV-1a over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
