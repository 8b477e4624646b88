/**
 * What faults leave behind: everything that a mesh holds when no stream runs, before and after.
 *
 * @module
 */
import type { TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import type { Ground } from "./ground.ts";

/** Longest that what was used lingers, in milliseconds: twice ten seconds, and a sweep. */
const LINGER_MS_MAX = 40_000;

/** Files and sockets that may be more than before: a link that is being dialled, a log. */
const HANDLES_MORE_MAX = 4;

/** Timers that may be more than before: an ask under way, a link that is about to be tried again. */
const TIMERS_MORE_MAX = 4;

/** Memory after a whole series, as a share of that before. */
export const MEMORY_SHARE_MAX = 1.1;

/** Keys that stay as long as the mesh does. */
const LASTING = ["members", "dead", "view", "pulse", "load", "ev", "secret"];

/** What one node holds. */
interface Holding {
  readonly handles: number;
  readonly actors: number;
  readonly timers: number;
  readonly memoryBytes: number;
}

export type Holdings = ReadonlyMap<string, Holding>;

/** Takes down what every node holds that is up, by process: a node that was restarted is new. */
export async function holdings(ground: Ground): Promise<Holdings> {
  const all = new Map<string, Holding>();
  for (const node of ground.up) all.set(keyOf(node), await holdingOf(node));
  return all;
}

/** Waits until nothing of any stream is left, and says what is. */
export async function leaks(ground: Ground, before: Holdings): Promise<string[]> {
  let found: string[] = [];
  try {
    await eventually("nothing left", async () => {
      found = [...await inRedis(ground), ...await onNodes(ground, before)];
      return found.length === 0;
    }, LINGER_MS_MAX);
  } catch {
    return found;
  }
  return [];
}

/** Memory of the nodes that lived through it, as a share of what they had: the largest. */
export async function memoryShare(ground: Ground, before: Holdings): Promise<number | undefined> {
  const after = await holdings(ground);
  const shares = [...after].flatMap(([key, { memoryBytes }]) => {
    const had = before.get(key);
    return had === undefined ? [] : [memoryBytes / had.memoryBytes];
  });
  return shares.length === 0 ? undefined : Math.max(...shares);
}

/** What is left of streams expires, and names nobody who lives. */
async function inRedis(ground: Ground): Promise<string[]> {
  const { redis, names } = ground;
  const found: string[] = [];
  const { items } = await ground.up[0].api<{ items: { incarnation: number }[] }>("nodes");
  const alive = new Set(items.map(({ incarnation }) => String(incarnation)));
  for (const admin of await redis.admins()) {
    for (const key of await admin.keys("hw:*")) {
      const of = key.slice(key.indexOf("{c}:") + 4);
      if (await admin.pttl(key) === -1 && !LASTING.includes(of)) found.push(`Redis: ${key} stays`);
      if (of === "load") {
        const loads = await admin.hlen(key);
        if (loads > names.length) found.push(`Redis: load reports of ${loads} nodes`);
      }
      if (!key.endsWith(":own")) continue;
      const incarnation = await admin.hget(key, "inc");
      if (incarnation !== null && alive.has(incarnation)) found.push(`Redis: ${key} is owned`);
    }
  }
  return found;
}

async function onNodes(ground: Ground, before: Holdings): Promise<string[]> {
  const found: string[] = [];
  for (const node of ground.up) {
    const { name, count } = { name: node.ready.node, count: await countOf(node, "streams") };
    if (count > 0) found.push(`${name}: ${count} streams`);
    const sessions = await countOf(node, "sessions");
    if (sessions > 0) found.push(`${name}: ${sessions} sessions`);
    const subscriptions = await subscriptionsOf(node);
    if (subscriptions > 0) found.push(`${name}: ${subscriptions} subscriptions`);
    const had = before.get(keyOf(node));
    if (had === undefined) continue;
    const { handles, actors, timers } = await holdingOf(node);
    if (timers > had.timers + TIMERS_MORE_MAX) {
      found.push(`${name}: ${timers} timers, ${had.timers} before`);
    }
    if (actors > had.actors) found.push(`${name}: ${actors} actors, ${had.actors} before`);
    if (handles > had.handles + HANDLES_MORE_MAX) {
      found.push(`${name}: ${handles} open files and sockets, ${had.handles} before`);
    }
  }
  return found;
}

function keyOf({ ready, workerPid }: TestNode): string {
  return `${ready.node} ${workerPid}`;
}

async function holdingOf(node: TestNode): Promise<Holding> {
  // The API itself wakes an actor on each node.
  await countOf(node, "streams");
  const text = await (await node.fetchMetrics()).text();
  const [actors, timers] = ["actors", "timers"].map((what) =>
    Number(new RegExp(`^headwater_${what} (\\d+)$`, "m").exec(text)?.[1])
  );
  const handles = [...Deno.readDirSync(`/proc/${node.workerPid}/fd`)].length;
  return { actors, timers, handles, memoryBytes: node.memoryBytes() };
}

async function countOf(node: TestNode, what: "streams" | "sessions"): Promise<number> {
  return (await node.api<{ items: unknown[] }>(what)).items.length;
}

async function subscriptionsOf(node: TestNode): Promise<number> {
  const { items } = await node.api<{ items: { subscriptionsIn: number }[] }>("links");
  return items.reduce((sum, { subscriptionsIn }) => sum + subscriptionsIn, 0);
}
