/**
 * Networks that are cut in two: what is on the side of most goes on, what is on the other one
 * steps back, and when both are one again there is one owner.
 *
 * @module
 */
import { delay, eventually } from "../support/processes.ts";
import { type Fault, onStage } from "./faults.ts";
import type { Ground } from "./ground.ts";
import { REDIS } from "./network.ts";
import { nodesAt } from "./redis_faults.ts";
import { type RunResult, streamAt } from "./scene.ts";

/** How long each cut lasts, in milliseconds. */
export interface CutTimes {
  readonly redisMs: number;
  readonly linkMs: number;
  readonly splitMs: number;
}

/** Those of the table. */
const TIMES: CutTimes = { redisMs: 8_000, linkMs: 2_000, splitMs: 30_000 };

/** One owner is agreed upon by then after the network is whole, in milliseconds. */
const AGREED_MS_MAX = 5_000;

/** Longest that a node takes to be back where it was, in milliseconds. */
const BACK_MS_MAX = 15_000;

/** How long is watched after what is over at once, in milliseconds. */
const WATCH_MS = 1_500;

const MOST = ["a", "b", "c"] as const;
const FEW = ["d", "e"] as const;

/** All cuts, which need network namespaces. */
export function partitionFaults({ redisMs, linkMs, splitMs }: CutTimes = TIMES): Fault[] {
  return [
    {
      name: "redis-cut",
      what: `owner cut from Redis only, for ${redisMs / 1_000} s`,
      nodes: MOST,
      cables: true,
      bounds: { p50Ms: 1_500, p99Ms: 1_500 },
      run: (ground, path) => cutFromRedis(ground, path, redisMs),
    },
    {
      name: "link-cut",
      what: `link between owner and one edge cut for ${linkMs / 1_000} s`,
      nodes: MOST,
      cables: true,
      bounds: { p50Ms: 1_000, p99Ms: 1_000 },
      run: (ground, path) => cutLink(ground, path, linkMs),
    },
    {
      name: "split",
      what: `two of five nodes, the owner one, cut off for ${splitMs / 1_000} s`,
      nodes: [...MOST, ...FEW],
      cables: true,
      bounds: { p50Ms: 1_500, p99Ms: 1_500 },
      run: (ground, path) => split(ground, path, splitMs),
    },
  ];
}

export const PARTITION_FAULTS = partitionFaults();

/** The owner's own viewers are among those who may not notice much. */
async function cutFromRedis(ground: Ground, path: string, forMs: number): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: MOST };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.separate([REDIS], ["c"]));
    try {
      await scene.takenOver();
      await delay(forMs);
    } finally {
      await ground.unite([REDIS], ["c"]);
    }
    await ground.whole();
    await agreed(ground, path, MOST);
    await delay(WATCH_MS);
    scene.settle();
    await scene.caughtUp();
    if (scene.encoder.reconnects > 0) scene.fault("the encoder was disconnected");
  });
}

async function cutLink(ground: Ground, path: string, forMs: number): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: MOST };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.separate(["b"], ["c"]));
    await delay(forMs).finally(() => ground.unite(["b"], ["c"]));
    await delay(WATCH_MS);
    await ground.whole();
    scene.settle();
    await scene.caughtUp();
    const owner = (await streamAt(ground.up[0], path))?.owner;
    if (owner !== "c") scene.fault(`${owner} took the stream over`);
  });
}

async function split(ground: Ground, path: string, forMs: number): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "d", viewersAt: MOST.slice(1) };
  const victims = { victimsAt: FEW, victimsMayLose: true };
  return await onStage({ ...roles, ...victims }, async (scene) => {
    const before = await incarnations(ground, FEW);
    await scene.strike(() => {
      ground.setAside(FEW);
      return ground.separate([REDIS, ...MOST], FEW);
    });
    try {
      await scene.takenOver();
      await delay(forMs);
      scene.settle();
    } finally {
      await ground.unite([REDIS, ...MOST], FEW);
    }
    await ground.whole();
    await agreed(ground, path, [...MOST, ...FEW]);
    await scene.victimsCaughtUp(BACK_MS_MAX);
    ground.takeBack(FEW);
    await ground.whole();
    await scene.caughtUp();
    const after = await incarnations(ground, FEW);
    if (after.some((incarnation, at) => incarnation <= before[at])) {
      scene.fault("a node that was expelled came back as the one it was");
    }
  });
}

/** Waits until all nodes say the same of who owns a stream. */
async function agreed(ground: Ground, path: string, names: readonly string[]): Promise<void> {
  await eventually(`one owner of ${path}`, async () => {
    const infos = await Promise.all(names.map((name) => streamAt(ground.node(name), path)));
    const said = new Set(infos.map((info) => `${info?.owner} ${info?.epoch} ${info?.state}`));
    return said.size === 1 && infos[0]?.state === "live" && infos[0].owner !== "";
  }, AGREED_MS_MAX);
}

async function incarnations(ground: Ground, names: readonly string[]): Promise<number[]> {
  const { items } = await nodesAt(ground.up[0]);
  return names.map((name) => items.find((item) => item.name === name)?.incarnation ?? 0);
}
