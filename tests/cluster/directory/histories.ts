/**
 * Random histories of a directory, given to two implementations step by step: their answers must
 * be the same but for the moments in them.
 *
 * Epochs, incarnations and views are moments in microseconds, so they differ. Each history names
 * them in the order in which they turn up (the third one is "#2") and later steps refer to them by
 * name: as long as the answers agree, so do the names.
 *
 * @module
 */
import type { Random } from "../../../actors/runtime/ports.ts";
import type { Directory, OwnedKey } from "../../../cluster/directory/directory.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { NO_DEADLINE_US } from "./contract_claims.ts";
import { GRACE_MS, LONG_LEASE_MS, memberOf, NO_LOAD, type World } from "./world.ts";

/** Steps of one history. */
export const HISTORY_STEPS = 150;

/** Smaller numbers than this are no moments. */
const LEAST_MOMENT = 1e14;

/** An epoch ahead of every clock. */
const FAR_EPOCH = 5_000_000_000_000_000;

const NODES = ["a", "b", "c{}|:", "d*"];
const KEYS: readonly OwnedKey[] = [
  { kind: "s", key: "live/one" },
  { kind: "s", key: "live/{two}" },
  { kind: "d", key: "live/one" },
  { kind: "j", key: "live/one:own" },
];

/** One implementation's side of a history. */
interface Side {
  readonly world: World;
  readonly directory: Directory;
  /** Moments by name: the n-th to turn up is "#n". */
  readonly moments: number[];
}

/** A step: what it does, with moments as indexes into those known. */
interface Step {
  readonly text: string;
  run(side: Side): Promise<unknown>;
}

/**
 * Runs one history against both worlds.
 *
 * @returns What differs, in words, with the steps that led there; `undefined` when nothing does.
 */
export async function firstDifference(
  seed: number,
  one: World,
  other: World,
): Promise<string | undefined> {
  const random = seededRandom(seed);
  const sides = [one, other].map((world): Side => ({
    world,
    directory: world.open(),
    moments: [],
  }));
  const steps: string[] = [];
  for (let number = 0; number < HISTORY_STEPS; number++) {
    const step = randomStep(random, sides[0].moments.length);
    steps.push(step.text);
    const answers: string[] = [];
    for (const side of sides) {
      await side.world.tick?.();
      answers.push(named(await step.run(side), side.moments));
    }
    if (answers[0] === answers[1]) continue;
    const history = steps.slice(-12).join("\n  ");
    return `seed ${seed}, step ${number}\n  ${history}\n${answers[0]}\n${answers[1]}`;
  }
  return undefined;
}

/** A value as text: moments by name, maps and fields in the order of their names. */
function named(value: unknown, moments: number[]): string {
  return JSON.stringify(value, (key, inner) => {
    if (key === "nowUs") return typeof inner === "number" ? "now" : inner;
    if (inner instanceof Map) return [...inner].toSorted(([a], [b]) => a < b ? -1 : 1);
    if (typeof inner === "number" && inner >= LEAST_MOMENT) return nameOf(inner, moments);
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => a < b ? -1 : 1));
  }) ?? "nothing";
}

function nameOf(moment: number, moments: number[]): string {
  if (moment === FAR_EPOCH) return "far";
  if (!moments.includes(moment)) moments.push(moment);
  return `#${moments.indexOf(moment)}`;
}

function randomStep(random: Random, known: number): Step {
  const pick = <T>(from: readonly T[]) => from[randomInteger(random, from.length)];
  const chance = (percent: number) => randomInteger(random, 100) < percent;
  const roll = randomInteger(random, 100);
  if (roll < 55) return memberStep(random, known, roll);
  const key = pick(KEYS);
  const shown = `${key.kind} ${key.key}`;
  if (roll < 75) return claimStep(random, known, key);
  if (roll < 82) {
    const epoch = momentAt(random, known, chance(20) ? 1 : 0, FAR_EPOCH);
    const [node, incarnation] = [pick(NODES), 7];
    return {
      text: `reassert ${shown} ${node} ${epoch.text}`,
      run: (side) => side.directory.reassert(key, { epoch: epoch.of(side), node, incarnation }),
    };
  }
  if (roll < 90) {
    const epoch = momentAt(random, known, 0, FAR_EPOCH);
    return {
      text: `release ${shown} ${epoch.text}`,
      run: (side) => side.directory.release(key, epoch.of(side)),
    };
  }
  if (roll < 94) {
    const epoch = momentAt(random, known, 0, 5);
    const rest = { generation: 1, nextSeq: roll, newestDtsUs: -1, segment: 2, discontinuities: 3 };
    return {
      text: `timeline ${key.key} ${epoch.text}`,
      async run({ directory, moments }) {
        const timeline = { epoch: epoch.of({ moments }), ...rest };
        await directory.writeTimeline(key.key, timeline);
        return await directory.readTimeline(key.key);
      },
    };
  }
  if (roll < 98) {
    return { text: "lookup", run: ({ directory }) => directory.lookup(KEYS) };
  }
  if (chance(70)) {
    const secret = pick(["x", "y"]);
    return { text: "secret", run: ({ directory }) => directory.sharedSecret(secret) };
  }
  return { text: "wipe", run: ({ world }) => world.wipe() };
}

function memberStep(random: Random, known: number, roll: number): Step {
  const pick = <T>(from: readonly T[]) => from[randomInteger(random, from.length)];
  const node = pick(NODES);
  const state = pick(["up", "draining"] as const);
  const incarnation = momentAt(random, known, 0, 5);
  const shown = `${node} ${incarnation.text}`;
  if (roll < 8) return joinStep(node, state, { text: "new", of: () => 0 });
  if (roll < 14) return joinStep(node, state, incarnation);
  if (roll < 22) {
    const load = { ...NO_LOAD, streams: roll };
    return {
      text: `renew ${shown}`,
      run: (side) => {
        const at = { node, incarnation: incarnation.of(side), leaseMs: LONG_LEASE_MS };
        return side.directory.renew({ ...at, load, watched: NODES });
      },
    };
  }
  if (roll < 25) return { text: "members", run: ({ directory }) => directory.members() };
  if (roll < 30) {
    return {
      text: `dead? ${shown}`,
      run: (side) => side.directory.isDead(node, incarnation.of(side)),
    };
  }
  if (roll < 34) {
    return {
      text: `state ${shown} ${state}`,
      run: (side) => side.directory.setState(node, incarnation.of(side), state),
    };
  }
  if (roll < 46) return suspectStep(random, node, incarnation);
  if (roll < 48) {
    return {
      text: `leave ${shown}`,
      run: (side) => side.directory.leave(node, incarnation.of(side)),
    };
  }
  if (roll < 51) return { text: `drop ${node}`, run: ({ world }) => world.dropLease(node) };
  if (roll < 53) return { text: "go blind", run: ({ world }) => world.goBlind() };
  return { text: "regain sight", run: ({ world }) => world.regainSight() };
}

function joinStep(node: string, state: "up" | "draining", incarnation: Moment): Step {
  return {
    text: `join ${node} ${incarnation.text}`,
    run(side) {
      const member = memberOf(node, { incarnation: incarnation.of(side), state });
      return side.directory.join(member, LONG_LEASE_MS);
    },
  };
}

function suspectStep(random: Random, node: string, incarnation: Moment): Step {
  const rest = {
    voter: NODES[randomInteger(random, NODES.length)],
    votesNeeded: 1 + randomInteger(random, 3),
    windowMs: LONG_LEASE_MS,
    strong: randomInteger(random, 8) === 0,
    graceMs: randomInteger(random, 2) * GRACE_MS,
  };
  return {
    text: `suspect ${node} ${incarnation.text} ${JSON.stringify(rest)}`,
    run: (side) => side.directory.suspect({ node, incarnation: incarnation.of(side), ...rest }),
  };
}

function claimStep(random: Random, known: number, key: OwnedKey): Step {
  const expected = momentAt(random, known, 0, FAR_EPOCH);
  const free = randomInteger(random, 3) === 0;
  const request = {
    node: NODES[randomInteger(random, NODES.length)],
    incarnation: 7,
    deadlineUs: randomInteger(random, 10) === 0 ? LEAST_MOMENT : NO_DEADLINE_US,
    token: `t${randomInteger(random, 6)}`,
  };
  return {
    text: `claim ${key.kind} ${key.key} ${free ? 0 : expected.text} ${JSON.stringify(request)}`,
    run: (side) =>
      side.directory.claim(key, { ...request, expectedEpoch: free ? 0 : expected.of(side) }),
  };
}

/** A moment that is known by now, in each history its own. */
interface Moment {
  readonly text: string;
  of(side: { readonly moments: readonly number[] }): number;
}

/** One of the newest moments, a little later if `more`, or `otherwise` when none is known. */
function momentAt(random: Random, known: number, more: number, otherwise: number): Moment {
  const back = Math.floor(random.next() ** 2 * Math.min(known, 30));
  const index = known - 1 - back;
  if (index < 0 || randomInteger(random, 40) === 0) {
    return { text: `${otherwise}`, of: () => otherwise };
  }
  return { text: `#${index}+${more}`, of: ({ moments }) => moments[index] + more };
}
