/**
 * What befalls Redis: nobody who is connected may notice, and whoever comes meanwhile is served.
 *
 * Roles are those of the other faults: A takes the encoder, C owns the stream, all have viewers.
 *
 * @module
 */
import { RedisKeys } from "../../cluster/directory/redis_keys.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { Encoder } from "./encoder.ts";
import { type Bounds, type Fault, onStage } from "./faults.ts";
import type { Ground } from "./ground.ts";
import { type RunResult, type Scene, streamAt } from "./scene.ts";
import { Witness } from "./witness.ts";

/** How long Redis is away, in milliseconds: killed, killed for once, and stopped. */
export interface AwayTimes {
  readonly goneMs: number;
  readonly longMs: number;
  readonly stoppedMs: number;
  /** How long is watched after it is back: longer than a lease. */
  readonly watchMs: number;
}

/** Those of the table. */
const TIMES: AwayTimes = { goneMs: 60_000, longMs: 600_000, stoppedMs: 4_000, watchMs: 4_000 };

/** The nodes know by then that it is away, in milliseconds: a renewal that is not answered. */
const NOTICED_MS = 1_500;

/** Longest that it takes a mesh to be told of, in milliseconds. */
const TOLD_MS_MAX = 15_000;

/** None at all: what a viewer sees of a busy machine. */
const NONE: Bounds = { p50Ms: 100, p99Ms: 150 };

/** The client library asks all of a Cluster where its slots are now: a few frames come together. */
const ALMOST_NONE: Bounds = { p50Ms: 200, p99Ms: 300 };

const KEYS = new RedisKeys("headwater");
const THREE = ["a", "b", "c"] as const;

/** What is done to Redis; resolves when it is back. */
type Outage = (ground: Ground) => Promise<void>;

/** All faults of Redis. */
export function redisFaults(times: AwayTimes = TIMES): Fault[] {
  const { goneMs, longMs, stoppedMs, watchMs } = times;
  const killed = (awayMs: number): Outage => async ({ redis }) => {
    await redis.fail();
    await delay(awayMs);
    await redis.heal();
  };
  const stopped: Outage = async ({ redis }) => {
    redis.pause();
    await delay(stoppedMs).finally(() => redis.resume());
  };
  const failedOver: Outage = ({ redis }) => redis.fail();
  const seconds = (ms: number) => ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`;
  const fault = (name: string, what: string, outage: Outage): Fault => ({
    ...{ name, what, nodes: THREE, bounds: NONE },
    run: (ground, path) => liveThrough(ground, path, outage, watchMs),
  });
  return [
    fault("redis-gone", `Redis killed, back empty after ${seconds(goneMs)}`, killed(goneMs)),
    {
      ...fault("redis-gone-10m", `the same after ${seconds(longMs)}`, killed(longMs)),
      byName: true,
    },
    fault("redis-stop", `Redis stopped (SIGSTOP) for ${seconds(stoppedMs)}`, stopped),
    {
      ...fault("sentinel", "Sentinel makes the replica the master", failedOver),
      stand: "sentinel",
    },
    {
      ...fault("cluster", "Cluster loses the master of the members", failedOver),
      stand: "cluster",
      bounds: ALMOST_NONE,
    },
  ];
}

export const REDIS_FAULTS = redisFaults();

async function liveThrough(
  ground: Ground,
  path: string,
  outage: Outage,
  watchMs: number,
): Promise<RunResult> {
  const roles = { ground, path, ingest: "a", owner: "c", viewersAt: THREE };
  try {
    return await onStage(roles, async (scene) => {
      const before = await standing(ground, path);
      const newcomers = new Newcomers(ground, path);
      try {
        await scene.strike(async () => {
          const over = outage(ground);
          over.catch(() => {}); // Awaited below, if nothing fails before.
          await newcomers.come(over);
          await over;
        });
        await untilTold(ground, [path, newcomers.path]);
        await delay(watchMs);
        scene.settle();
        const after = await standing(ground, path);
        if (after !== before) scene.fault(`${before} became ${after}`);
        if (scene.encoder.reconnects > 0) scene.fault("the encoder was disconnected");
        await scene.caughtUp();
        await newcomers.leave(scene);
      } finally {
        await newcomers.abandon();
      }
    });
  } finally {
    await ground.redis.heal();
  }
}

/** Who owns the stream under which epoch, and which starts of nodes there are. */
async function standing(ground: Ground, path: string): Promise<string> {
  const [node] = ground.up;
  const info = await streamAt(node, path);
  const { items } = await nodesAt(node);
  const members = items.map(({ name, incarnation }) => `${name} ${incarnation}`).sort();
  return `${info?.owner} ${info?.epoch} ${info?.state}, ${members}`;
}

interface NodeItems {
  readonly items: readonly {
    readonly name: string;
    readonly incarnation: number;
    readonly redis: string;
  }[];
}

export function nodesAt(node: TestNode): Promise<NodeItems> {
  return node.api<NodeItems>("nodes");
}

/** Waits until every node has Redis again, and Redis knows who owns these streams. */
async function untilTold(ground: Ground, paths: readonly string[]): Promise<void> {
  for (const node of ground.up) {
    await eventually(`${node.ready.node} has Redis again`, async () => {
      return (await nodesAt(node)).items.every(({ redis }) => redis === "ok");
    }, TOLD_MS_MAX);
  }
  for (const path of paths) {
    const info = await streamAt(ground.up[0], path);
    await eventually(`Redis knows the owner of ${path}`, async () => {
      const record = await recordOf(ground, path);
      return record?.node === info?.owner && record?.epoch === String(info?.epoch);
    }, TOLD_MS_MAX);
  }
}

/** What Redis has about a stream; `undefined` when nothing. */
async function recordOf(
  ground: Ground,
  path: string,
): Promise<Record<string, string> | undefined> {
  const key = KEYS.owned({ kind: "s", key: path });
  for (const admin of await ground.redis.admins()) {
    if ((await admin.keys(key)).length > 0) return await admin.hgetall(key);
  }
  return undefined;
}

/** Those who come while Redis is away: viewers of what there is, and a publisher with viewers. */
class Newcomers {
  readonly path: string;
  readonly #ground: Ground;
  readonly #old: string;
  readonly #viewers: Witness[] = [];
  readonly #guests: Witness[] = [];
  #encoder: Encoder | undefined;

  constructor(ground: Ground, path: string) {
    this.#ground = ground;
    this.#old = path;
    this.path = `${path}-new`;
  }

  /** @param over When Redis is back, which may be before all have come. */
  async come(over: Promise<void>): Promise<void> {
    const ground = this.#ground;
    const back = over.then(() => true);
    const [a, b, c] = THREE.map((name) => ground.node(name));
    const away = await Promise.race([back, delay(NOTICED_MS)]) !== true;
    if (away) {
      for (const node of [a, b, c]) await looksWell(node);
    }
    this.#viewers.push(await Witness.open(b, "http-flv", this.#old));
    this.#encoder = await Encoder.open(b, this.path, { elsewhere: () => b });
    this.#viewers.push(await Witness.open(a, "rtmp", this.#old));
    this.#guests.push(await Witness.open(c, "rtmp", this.path));
    this.#guests.push(await Witness.open(a, "http-flv", this.path));
  }

  /** Ends the new stream, and says what its viewers missed. */
  async leave(scene: Scene): Promise<void> {
    const encoder = this.#encoder!;
    if (encoder.reconnects > 0) scene.fault("the new encoder was disconnected");
    await encoder.end();
    this.#encoder = undefined;
    for (const guest of this.#guests) {
      const fault = await guest.fault(encoder.last);
      if (fault !== undefined) scene.fault(`new stream, ${fault}`);
    }
    for (const { name, check: { lost, doubled }, ended } of [...this.#guests, ...this.#viewers]) {
      if (lost + doubled > 0) scene.fault(`new ${name}: ${lost} lost, ${doubled} doubled`);
      if (ended !== undefined && ended !== "end of stream") scene.fault(`new ${name}: ${ended}`);
    }
  }

  async abandon(): Promise<void> {
    for (const witness of [...this.#viewers, ...this.#guests]) witness.close();
    await this.#encoder?.drop();
  }
}

/** Health and readiness are what they were, and the API says that Redis is away. */
async function looksWell(node: TestNode): Promise<void> {
  const { node: name } = node.ready;
  for (const path of ["healthz", "readyz"]) {
    const { status, body } = await fetch(node.httpUrl(path));
    await body?.cancel();
    if (status !== 200) throw new Error(`${path} of ${name} says ${status} without Redis`);
  }
  await eventually(`${name} says that Redis is away`, async () => {
    return (await nodesAt(node)).items.find((item) => item.name === name)?.redis === "away";
  });
}
