/**
 * What the nodes have for a Redis: one server, one with a replica under sentinels, or a Cluster;
 * and what can befall each.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { RedisCluster, RedisSentinels, RedisServer } from "../support/redis_server.ts";
import { type Network, REDIS } from "./network.ts";

export type StandKind = "single" | "sentinel" | "cluster";

/** A key of the slot on which everything about members is. */
const CONTROL_KEY = "hw:headwater:{c}:members";

export interface RedisStand extends AsyncDisposable {
  /** What nodes are told. */
  readonly url: string;
  /** Clients of all servers that have keys now. */
  admins(): Promise<Redis[]>;
  /** Breaks it: a single one dies with all its data, of the others the master of the members. */
  fail(): Promise<void>;
  /** Makes it as it was, but for the data. */
  heal(): Promise<void>;
  /** It answers nobody, and says so to nobody, until {@link resume}. */
  pause(): void;
  resume(): void;
}

/** @param network Where the nodes are; only a single server can be reached from another network. */
export async function startStand(kind: StandKind, network?: Network): Promise<RedisStand> {
  if (kind === "sentinel") return new SentinelStand(await RedisSentinels.start());
  if (kind === "cluster") return new ClusterStand(await RedisCluster.start({ replicas: true }));
  const host = network?.addressOf(REDIS) ?? "127.0.0.1";
  const bind = network === undefined ? [] : ["--bind", host, "127.0.0.1"];
  const server = await RedisServer.start({ args: [...bind, "--protected-mode", "no"] });
  return new SingleStand(server, `redis://${host}:${server.port}`);
}

class SingleStand implements RedisStand {
  readonly url: string;
  readonly #server: RedisServer;
  #killed = false;

  constructor(server: RedisServer, url: string) {
    this.#server = server;
    this.url = url;
  }

  admins(): Promise<Redis[]> {
    return Promise.resolve([this.#server.admin]);
  }

  fail(): Promise<void> {
    this.#killed = true;
    return this.#server.kill();
  }

  async heal(): Promise<void> {
    if (this.#killed) await this.#server.revive();
    this.#killed = false;
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

class SentinelStand implements RedisStand {
  readonly #sentinels: RedisSentinels;
  #killed = false;

  constructor(sentinels: RedisSentinels) {
    this.#sentinels = sentinels;
  }

  get url(): string {
    return this.#sentinels.url;
  }

  admins(): Promise<Redis[]> {
    return Promise.resolve([this.#sentinels.master.admin]);
  }

  fail(): Promise<void> {
    this.#killed = true;
    return this.#sentinels.failOver();
  }

  async heal(): Promise<void> {
    if (this.#killed) await this.#sentinels.heal();
    this.#killed = false;
  }

  pause(): void {
    this.#sentinels.master.pause();
  }

  resume(): void {
    this.#sentinels.master.resume();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sentinels[Symbol.asyncDispose]();
  }
}

class ClusterStand implements RedisStand {
  readonly #cluster: RedisCluster;
  #killed: RedisServer | undefined;

  constructor(cluster: RedisCluster) {
    this.#cluster = cluster;
  }

  get url(): string {
    return this.#cluster.url;
  }

  async admins(): Promise<Redis[]> {
    return (await this.#cluster.masters()).map(({ admin }) => admin);
  }

  async fail(): Promise<void> {
    this.#killed = await this.#cluster.failOver(CONTROL_KEY);
  }

  async heal(): Promise<void> {
    if (this.#killed !== undefined) await this.#cluster.heal(this.#killed);
    this.#killed = undefined;
  }

  pause(): void {
    for (const server of this.#cluster.servers) server.pause();
  }

  resume(): void {
    for (const server of this.#cluster.servers) server.resume();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]();
  }
}
