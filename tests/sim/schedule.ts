/**
 * What befalls the nodes of a simulation, and when: a function of the seed alone.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import { randomInteger } from "../support/random.ts";

/** Something that happens to a node, a pair of nodes, the directory or a stream. */
export type Action =
  | { readonly kind: "start"; readonly node: string }
  /** Its process is gone, and its peers' sockets learn of it. */
  | { readonly kind: "kill"; readonly node: string }
  /** The host is gone: nothing comes from it any more, not even an end. */
  | { readonly kind: "vanish"; readonly node: string }
  | { readonly kind: "pause"; readonly node: string; readonly forMs: number }
  | { readonly kind: "part"; readonly node: string; readonly peer: string; readonly forMs: number }
  /** Nothing gets from the node to its peer. */
  | {
    readonly kind: "half-open";
    readonly node: string;
    readonly peer: string;
    readonly forMs: number;
  }
  | { readonly kind: "reset"; readonly node: string; readonly peer: string }
  | {
    readonly kind: "slow";
    readonly node: string;
    readonly peer: string;
    readonly delayMs: number;
    readonly forMs: number;
  }
  | { readonly kind: "directory-cut"; readonly node: string; readonly forMs: number }
  | {
    readonly kind: "directory-slow";
    readonly node: string;
    readonly delayMs: number;
    readonly forMs: number;
  }
  | { readonly kind: "directory-lossy"; readonly share: number; readonly forMs: number }
  | { readonly kind: "directory-stall"; readonly forMs: number }
  /** It takes its time for everybody. */
  | { readonly kind: "directory-crawl"; readonly delayMs: number; readonly forMs: number }
  /** Nobody reaches it; it comes back with its data or without. */
  | { readonly kind: "directory-away"; readonly wiped: boolean; readonly forMs: number }
  /** The same, and a replica comes back: it lacks the last writes, and has a clock of its own. */
  | {
    readonly kind: "failover";
    readonly lostMs: number;
    readonly clockMs: number;
    readonly forMs: number;
  }
  /** Some nodes and the rest do not hear each other; the directory is on one side, or nowhere. */
  | {
    readonly kind: "split";
    readonly nodes: readonly string[];
    readonly directory: "theirs" | "others" | "nobody";
    readonly forMs: number;
  }
  /** A virtual machine stood still; its clock did not. */
  | { readonly kind: "clock-jump"; readonly node: string; readonly byMs: number }
  | { readonly kind: "wall-jump"; readonly node: string; readonly byMs: number }
  | { readonly kind: "directory-wipe" }
  /** Its owner is cut off until it has lost it, then the directory forgets that. */
  | { readonly kind: "usurp"; readonly stream: string; readonly forMs: number }
  | { readonly kind: "move"; readonly stream: string; readonly node: string }
  | { readonly kind: "drain"; readonly node: string }
  /** The publisher connects anew, to another node; with or without goodbye. */
  | { readonly kind: "republish"; readonly stream: string; readonly lost: boolean }
  | { readonly kind: "zap"; readonly viewer: number };

export interface Appointment {
  readonly atMs: number;
  readonly action: Action;
}

export interface ScheduleOptions {
  readonly random: Random;
  readonly nodes: readonly string[];
  readonly streams: readonly string[];
  readonly viewers: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Mean distance of actions, in milliseconds. */
const GAP_MS = 900;

/** Wipes and stalls end this long before the others: nodes then wait for each other longest. */
const DIRECTORY_QUIET_MS = 7_000;

/** How often each happens, relatively. */
const WEIGHTS: Readonly<Record<Action["kind"], number>> = {
  "start": 14,
  "kill": 6,
  "vanish": 3,
  "pause": 8,
  "part": 6,
  "half-open": 4,
  "reset": 6,
  "slow": 4,
  "directory-cut": 8,
  "directory-slow": 4,
  "directory-lossy": 5,
  "directory-stall": 3,
  "directory-wipe": 3,
  "directory-crawl": 3,
  "directory-away": 3,
  "failover": 3,
  "split": 6,
  "clock-jump": 3,
  "wall-jump": 3,
  "usurp": 3,
  "move": 10,
  "drain": 2,
  "republish": 6,
  "zap": 6,
};

/** What keeps nodes waiting after it is over. */
const LONG: ReadonlySet<Action["kind"]> = new Set([
  ...["directory-wipe", "directory-stall", "directory-away", "failover", "usurp"] as const,
]);

const KINDS = Object.keys(WEIGHTS) as Action["kind"][];

/** Makes the schedule, in order of time. */
export function makeSchedule(options: ScheduleOptions): Appointment[] {
  const { random, fromMs, untilMs } = options;
  const schedule: Appointment[] = [];
  for (let atMs = fromMs; atMs < untilMs; atMs += 2 * GAP_MS * random.next()) {
    const kind = pickKind(random);
    const late = untilMs - atMs < DIRECTORY_QUIET_MS;
    if (late && LONG.has(kind)) continue;
    schedule.push({ atMs: Math.round(atMs), action: makeAction(kind, options) });
  }
  return schedule;
}

/** In words, for whoever reads why a seed failed. */
export function scheduleText(schedule: readonly Appointment[]): string {
  return schedule.map(({ atMs, action: { kind, ...rest } }) =>
    `${String(atMs).padStart(7)} ${kind} ${Object.values(rest).join(" ")}`
  ).join("\n");
}

function pickKind(random: Random): Action["kind"] {
  const total = KINDS.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  let left = random.next() * total;
  for (const kind of KINDS) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return "zap";
}

function makeAction(kind: Action["kind"], options: ScheduleOptions): Action {
  const { random, nodes, streams, viewers } = options;
  const node = pick(random, nodes);
  const peer = pick(random, nodes.filter((other) => other !== node));
  const stream = pick(random, streams);
  const spanMs = (mostMs: number) => Math.round(100 + mostMs * random.next() ** 2);
  switch (kind) {
    case "start":
    case "kill":
    case "vanish":
    case "drain":
      return { kind, node };
    case "pause":
      return { kind, node, forMs: spanMs(9_000) };
    case "part":
    case "half-open":
      return { kind, node, peer, forMs: spanMs(6_000) };
    case "reset":
      return { kind, node, peer };
    case "slow":
      return { kind, node, peer, delayMs: spanMs(250), forMs: spanMs(6_000) };
    case "directory-cut":
      return { kind, node, forMs: spanMs(8_000) };
    case "directory-slow":
      return { kind, node, delayMs: spanMs(200), forMs: spanMs(6_000) };
    case "directory-lossy":
      return { kind, share: 0.05 + 0.3 * random.next(), forMs: spanMs(8_000) };
    case "directory-stall":
      return { kind, forMs: spanMs(5_000) };
    case "directory-crawl":
      return { kind, delayMs: spanMs(180), forMs: spanMs(6_000) };
    case "directory-away":
      return { kind, wiped: random.next() < 0.5, forMs: spanMs(12_000) };
    case "failover":
      return {
        ...{ kind, lostMs: Math.round(1_500 * random.next()) },
        ...{ clockMs: Math.round(400 * random.next() - 200) },
        forMs: 1_000 + spanMs(4_000),
      };
    case "split":
      return makeSplit(options, spanMs(15_000));
    case "clock-jump":
      return { kind, node, byMs: spanMs(8_000) };
    case "wall-jump":
      return { kind, node, byMs: Math.round(20_000 * (random.next() - 0.5)) };
    case "directory-wipe":
      return { kind };
    case "usurp":
      return { kind, stream, forMs: Math.round(3_500 + 1_500 * random.next()) };
    case "move":
      return { kind, stream, node };
    case "republish":
      return { kind, stream, lost: random.next() < 0.6 };
    case "zap":
      return { kind, viewer: randomInteger(random, viewers) };
  }
}

/** From one node to all but one on a side. */
function makeSplit({ random, nodes }: ScheduleOptions, forMs: number): Action {
  const share = 0.1 + 0.5 * random.next();
  const side = nodes.filter(() => random.next() < share);
  const directory = pick(random, ["theirs", "others", "others", "nobody"] as const);
  const some = side.length === 0 || side.length === nodes.length ? [pick(random, nodes)] : side;
  return { kind: "split", nodes: some, directory, forMs };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[randomInteger(random, from.length)];
}
