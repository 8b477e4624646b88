/**
 * The faults, what each may cost, and how each is done to a stream that is being watched.
 *
 * Roles are the same in all: A takes the encoder, B has viewers, C owns the stream and suffers.
 *
 * @module
 */
import { delay } from "../support/processes.ts";
import type { Ground } from "./ground.ts";
import type { StandKind } from "./redis_stand.ts";
import { roll } from "./rolling.ts";
import { type RunResult, Scene, together } from "./scene.ts";
import { killEncoder, TWINS_CONFIG } from "./twins.ts";
import { TWIN_GOP_MS } from "../support/twin_encoder.ts";

/** What viewers on nodes that nothing was done to may notice. */
export interface Bounds {
  /** Longest time without a picture, in milliseconds: the median and the worst of all runs. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Frames may be lost: those that the encoder sent to a node that was dead. */
  readonly mayLose?: boolean;
}

export interface Fault {
  readonly name: string;
  /** What happens, for the table. */
  readonly what: string;
  readonly nodes: readonly string[];
  /** The nodes' cables are pulled: needs root. */
  readonly cables?: boolean;
  /** What they have for a Redis: a single server unless said. */
  readonly stand?: StandKind;
  /** Done only when it is named: it takes minutes. */
  readonly byName?: boolean;
  /** More flags of the nodes. */
  readonly args?: readonly string[];
  readonly bounds: Bounds;
  readonly run: (ground: Ground, path: string, round: number) => Promise<RunResult>;
}

/** One frame interval of the encoder. */
const FRAME_MS = 40;

/** How long a node stands still or is cut off, in milliseconds: its lease runs out meanwhile. */
const DOWN_MS = 3_500;

/** Longest that a node takes to be back where it was, in milliseconds. */
const BACK_MS_MAX = 15_000;

/** How long an encoder stays away that does not come back at once, in milliseconds. */
const AWAY_MS = 1_500;

/** Streams that are moved at once when their owner drains. */
const DRAINED_STREAMS = 50;

/** How long is watched after what is over at once, in milliseconds. */
const WATCH_MS = 1_500;

const THREE = ["a", "b", "c"] as const;

type Roles = Parameters<typeof Scene.open>[0];

/** Runs a fault on one stream; what goes wrong on the way ends the scene and is told. */
export async function onStage(
  roles: Roles,
  play: (scene: Scene) => Promise<void>,
): Promise<RunResult> {
  const scene = await Scene.open(roles);
  try {
    await play(scene);
    return await scene.close();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const told = await scene.tell();
    await scene.abandon();
    throw new Error(`${text}\n${told}`);
  }
}

async function move(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a", "b", "c"] };
  return await onStage(roles, async (scene) => {
    await scene.strike(async () => {
      const moved = await ground.node("a").fetchApi(`streams/${path}/move`, "POST", { to: "b" });
      if (!moved.ok) scene.fault(`move: ${moved.status} ${await moved.text()}`);
    });
    await scene.takenOver();
    await delay(WATCH_MS);
    scene.settle();
  });
}

async function kill(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a", "b"] };
  const result = await onStage(roles, async (scene) => {
    await scene.strike(() => ground.kill("c"));
    await scene.takenOver();
    await delay(WATCH_MS);
    scene.settle();
    await ground.restart("c");
    await ground.whole();
    await scene.caughtUp();
  });
  return result;
}

async function pause(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a", "b"], victimsAt: ["c"] };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.pause("c"));
    try {
      await scene.takenOver();
      await delay(DOWN_MS);
      scene.settle();
    } finally {
      ground.resume("c");
    }
    await ground.whole();
    // Its own viewers go on where they were.
    await scene.victimsCaughtUp(BACK_MS_MAX);
    await scene.caughtUp();
  });
}

async function cut(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a", "b"] };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.cut("c"));
    try {
      await scene.takenOver();
      await delay(DOWN_MS);
      scene.settle();
    } finally {
      await ground.mend("c");
    }
    await ground.whole();
    await scene.caughtUp();
  });
}

/** The same with a cable instead of a signal: nobody's socket learns of it. */
async function cutOfTwo(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a"] };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.cut("c"));
    try {
      await scene.takenOver();
      await delay(WATCH_MS);
      scene.settle();
    } finally {
      await ground.mend("c");
    }
    await ground.whole();
    await scene.caughtUp();
  });
}

async function pauseOfTwo(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: ["a"], victimsAt: ["c"] };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.pause("c"));
    try {
      await scene.takenOver();
      await delay(WATCH_MS);
      scene.settle();
    } finally {
      ground.resume("c");
    }
    await ground.whole();
    await scene.victimsCaughtUp(BACK_MS_MAX);
    await scene.caughtUp();
  });
}

/** The encoder's node and the owner die at once; in every other run they are the same one. */
async function killBoth(ground: Ground, path: string, round: number): Promise<RunResult> {
  const owner = round % 2 === 0 ? "c" : "a";
  const viewersAt = owner === "a" ? ["b", "c"] : ["b"];
  return await onStage({ ground, path, ingest: "a", owner, viewersAt }, async (scene) => {
    const dead = [...new Set(["a", owner])];
    await scene.strike(() => dead.forEach((name) => ground.kill(name)));
    await scene.takenOver();
    await delay(WATCH_MS);
    scene.settle();
    await Promise.all(dead.map((name) => ground.restart(name)));
    await ground.whole();
    await scene.caughtUp();
  });
}

/** The encoder's node dies; it comes back later, to another node, and finds its viewers there. */
async function killIngest(ground: Ground, path: string, round: number): Promise<RunResult> {
  const owner = round % 2 === 0 ? "c" : "b";
  const roles = { ground, path, ingest: "a", owner, viewersAt: ["b", "c"], awayMs: AWAY_MS };
  return await onStage(roles, async (scene) => {
    await scene.strike(() => ground.kill("a"));
    await scene.cameBack();
    await delay(WATCH_MS);
    scene.settle();
    await ground.restart("a");
    await ground.whole();
    await scene.caughtUp();
  });
}

/** The owner of many streams is asked to drain; half of their encoders stay with it. */
async function drain(ground: Ground, path: string): Promise<RunResult> {
  const roles = { ground, ingest: "a", owner: "c", viewersAt: ["b"] };
  const scenes: Scene[] = [];
  try {
    // One after the other, as what follows: the API's own connections are counted, too.
    for (let index = 0; index < DRAINED_STREAMS; index++) {
      const ingest = index % 2 === 0 ? "a" : "c";
      const plain = index > 0;
      scenes.push(await Scene.open({ ...roles, path: `${path}-${index}`, ingest, plain }));
    }
    await delay(WATCH_MS);
    for (const scene of scenes) scene.mark();
    const asked = await ground.node("a").fetchApi("nodes/c/drain", "POST");
    if (!asked.ok) scenes[0].fault(`drain: ${asked.status} ${await asked.text()}`);
    for (const scene of scenes) await scene.takenOver();
    await delay(WATCH_MS);
    for (const scene of scenes) scene.settle();
    const result = together(await Promise.all(scenes.map((scene) => scene.close())));
    await ground.restart("c");
    await ground.whole();
    return result;
  } catch (error) {
    await Promise.all(scenes.map((scene) => scene.abandon()));
    await ground.restart("c");
    throw error;
  }
}

/** All faults, in the order of the table. */
export const FAULTS: readonly Fault[] = [
  {
    name: "move",
    what: "planned move of the stream",
    nodes: THREE,
    bounds: { p50Ms: FRAME_MS + 60, p99Ms: FRAME_MS + 60 },
    run: move,
  },
  {
    name: "drain",
    what: `owner of ${DRAINED_STREAMS} streams drained`,
    nodes: THREE,
    args: ["--drain-timeout", "1m"],
    bounds: { p50Ms: FRAME_MS + 60, p99Ms: FRAME_MS + 60 },
    run: drain,
  },
  {
    name: "kill",
    what: "owner killed (SIGKILL), ingest elsewhere",
    nodes: THREE,
    bounds: { p50Ms: 100, p99Ms: 400 },
    run: kill,
  },
  {
    name: "pause",
    what: "owner stopped (SIGSTOP), later continued",
    nodes: THREE,
    bounds: { p50Ms: 1_000, p99Ms: 1_500 },
    run: pause,
  },
  {
    name: "cut",
    what: "owner's network silently cut, later mended",
    nodes: THREE,
    cables: true,
    bounds: { p50Ms: 1_000, p99Ms: 1_500 },
    run: cut,
  },
  {
    name: "pause-of-two",
    what: "owner stopped (SIGSTOP), two nodes only",
    nodes: ["a", "c"],
    bounds: { p50Ms: 4_000, p99Ms: 4_000 },
    run: pauseOfTwo,
  },
  {
    name: "cut-of-two",
    what: "owner's network silently cut, two nodes only",
    nodes: ["a", "c"],
    cables: true,
    bounds: { p50Ms: 4_000, p99Ms: 4_000 },
    run: cutOfTwo,
  },
  {
    name: "kill-ingest",
    what: `encoder's node killed, encoder comes back elsewhere ${AWAY_MS} ms later`,
    nodes: THREE,
    bounds: { p50Ms: AWAY_MS + 300 + FRAME_MS, p99Ms: AWAY_MS + 300 + FRAME_MS, mayLose: true },
    run: killIngest,
  },
  {
    name: "kill-both",
    what: "owner and ingest killed, encoder comes back elsewhere",
    nodes: THREE,
    bounds: { p50Ms: 300 + FRAME_MS, p99Ms: 300 + FRAME_MS, mayLose: true },
    run: killBoth,
  },
  {
    name: "encoder-of-two",
    what: "encoder killed (SIGKILL), backup at another node",
    nodes: THREE,
    args: ["--config", TWINS_CONFIG],
    bounds: { p50Ms: TWIN_GOP_MS, p99Ms: TWIN_GOP_MS + FRAME_MS, mayLose: true },
    run: killEncoder,
  },
  {
    name: "rolling",
    what: "rolling restart of three nodes",
    nodes: THREE,
    args: ["--drain-timeout", "5s"],
    bounds: { p50Ms: FRAME_MS + 60, p99Ms: FRAME_MS + 60 },
    run: roll,
  },
];
