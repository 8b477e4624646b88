/**
 * The connections of one node to Redis: scripts and reads over one, hints over another.
 *
 * Begins to connect at once and for ever; until Redis is there, and whenever it is away, calls are
 * rejected within {@link CALL_MS}. Knows nothing of what the scripts mean.
 *
 * @module
 */
import { Cluster, Redis } from "ioredis";
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import { maskCredentials } from "../mask.ts";
import { ConnectionWatch } from "./connection_watch.ts";
import { DirectoryUnavailable } from "./directory.ts";
import { luaScripts, type ScriptName } from "./lua.ts";
import { CALL_MS, type ClientContext, clientOptions, clusterOptions } from "./redis_settings.ts";
import { describeRedis, type RedisTarget } from "./redis_url.ts";

/** Hashes read with one pipeline: some ten milliseconds of Redis's time at most. */
const PIPELINE_READS_MAX = 500;

/** Longest wait for connections to end, in milliseconds; see `disconnectTimeout`. */
const END_MS_MAX = 500;

/** Wait before the next attempt to subscribe, in milliseconds. Hints only save time. */
const SUBSCRIBE_AGAIN_MS = 1_000;

/** Longest reason that is passed on, in characters; some name every host they tried. */
const REASON_LENGTH_MAX = 300;

/** States of a client in which it holds a socket. */
const HOLDING = ["connecting", "connect", "ready", "disconnecting"];

export interface RedisConnectionOptions {
  readonly target: RedisTarget;
  readonly ports: Ports;
  /** Certificates of authorities, PEM, for `rediss://`; the system's unless given. */
  readonly ca?: string;
  /** Longest wait for an answer, in milliseconds; {@link CALL_MS} unless given. */
  readonly callMs?: number;
}

type Client = Redis | Cluster;
type ScriptCommand = (keyCount: number, ...rest: (string | number)[]) => Promise<unknown>;

export class RedisConnection {
  readonly #target: RedisTarget;
  readonly #ports: Ports;
  readonly #context: ClientContext;
  readonly #watch: ConnectionWatch;
  readonly #commands: Client;
  /** For hints, made when the first one is asked for; in a Cluster the client has its own. */
  #subscriber: Client | undefined;
  #subscribeTimer: Timer | undefined;
  readonly #hinted: (() => void)[] = [];
  /** Why the last connection ended or was not made. */
  #reason = "not connected yet";
  #closed = false;
  #roundTrips = 0;

  constructor({ target, ports, ca, callMs = CALL_MS }: RedisConnectionOptions) {
    this.#target = target;
    this.#ports = ports;
    this.#context = { callMs, chance: () => ports.random.next(), ca };
    this.#watch = new ConnectionWatch(describeRedis(target), ports);
    this.#commands = this.#newClient();
    const scripts = luaScripts(target.mode === "cluster" ? "SPUBLISH" : "PUBLISH");
    for (const [name, lua] of Object.entries(scripts)) this.#commands.defineCommand(name, { lua });
    this.#commands.on("ready", () => this.#found());
    this.#commands.on("error", (error: Error) => this.#lost(error));
    this.#commands.on("close", () => this.#lost());
  }

  /** Calls answered or not: commands, or pipelines of them. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /** Runs a script. @throws {DirectoryUnavailable} There was no answer, or one that refuses. */
  run(
    name: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    // defineCommand made them; the client's types cannot know.
    const commands = this.#commands as unknown as Record<ScriptName, ScriptCommand>;
    return this.#ask(1, () => commands[name](keys.length, ...keys, ...args));
  }

  /**
   * Reads the same fields of many hashes; `null` where there is none. In a Cluster each is a round
   * trip of its own, for they are in different places; all are under way at once.
   *
   * @throws {DirectoryUnavailable} One could not be read.
   */
  async readHashes(keys: readonly string[], fields: string[]): Promise<(string | null)[][]> {
    if (keys.length === 0) return [];
    const client = this.#commands;
    if (client instanceof Cluster) {
      const read = () => Promise.all(keys.map((key) => client.hmget(key, ...fields)));
      return await this.#ask(keys.length, read);
    }
    const rows: (string | null)[][] = [];
    for (let start = 0; start < keys.length; start += PIPELINE_READS_MAX) {
      const pipeline = client.pipeline();
      const some = keys.slice(start, start + PIPELINE_READS_MAX);
      for (const key of some) pipeline.hmget(key, ...fields);
      const replies = await this.#ask(1, () => pipeline.exec().then(withoutErrors));
      rows.push(...replies);
    }
    return rows;
  }

  /** Calls back at each message on the channel, and when some may have been missed. */
  onMessage(channel: string, callback: () => void): void {
    if (this.#closed) return;
    this.#hinted.push(callback);
    if (this.#subscriber !== undefined) return;
    const single = this.#target.mode !== "cluster";
    const client = this.#subscriber = single ? this.#newClient() : this.#commands;
    if (single) client.on("error", () => {}); // The other connection tells the log.
    client.on(single ? "message" : "smessage", () => this.#hint());
    client.on("ready", () => void this.#subscribe(client, channel));
    if (client.status === "ready") void this.#subscribe(client, channel);
  }

  /** Ends the connections; calls under way are rejected. Waits for the sockets. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscribeTimer?.cancel();
    const clients = new Set([this.#commands, this.#subscriber ?? this.#commands]);
    await Promise.all([...clients].map((client) => this.#end(client)));
  }

  #newClient(): Client {
    if (this.#target.mode !== "cluster") {
      return new Redis(clientOptions(this.#target, this.#context));
    }
    return new Cluster([...this.#target.hosts], clusterOptions(this.#target, this.#context));
  }

  async #ask<T>(roundTrips: number, call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new DirectoryUnavailable("Cannot ask the directory: it was closed");
    this.#roundTrips += roundTrips;
    try {
      return await this.#withDeadline(call());
    } catch (error) {
      throw new DirectoryUnavailable(`Cannot ask the directory: ${this.#whyNot(error)}`);
    }
  }

  /** The client's own timeout counts per attempt; redirections make several. */
  #withDeadline<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { callMs } = this.#context;
      const timer = this.#ports.timers.after(
        callMs,
        () => reject(new Error(`no answer within ${callMs} ms`)),
      );
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  /** Tells the log of answers that nobody meant to get; a reason without credentials. */
  #whyNot(error: unknown): string {
    const connected = this.#commands.status === "ready";
    const reason = connected ? this.#textOf(error) : this.#reason;
    if (error instanceof Error && error.name === "ReplyError") this.#watch.refused(reason);
    return reason;
  }

  #found(): void {
    this.#reason = "connection closed"; // Unless an error says more.
    this.#watch.up();
  }

  #lost(error?: Error & { lastNodeError?: Error }): void {
    // A Cluster tells of its subscriber's troubles in the same way, while commands go on.
    if (this.#closed || this.#commands.status === "ready") return;
    if (error !== undefined) this.#reason = this.#textOf(error.lastNodeError ?? error);
    this.#watch.down(this.#reason);
  }

  /** What an error says, without a word of ours that is secret. */
  #textOf(error: unknown): string {
    let text = error instanceof Error ? error.message || error.name : String(error);
    const sentinel = this.#target.mode === "sentinel" ? this.#target.sentinel : undefined;
    for (const secret of [this.#target.password, sentinel?.password]) {
      if (secret !== undefined) text = text.replaceAll(secret, "***");
    }
    return maskCredentials(text).slice(0, REASON_LENGTH_MAX);
  }

  #hint(): void {
    if (this.#closed) return;
    for (const callback of this.#hinted) callback();
  }

  async #subscribe(client: Client, channel: string): Promise<void> {
    this.#subscribeTimer?.cancel();
    try {
      if (client instanceof Cluster) await client.ssubscribe(channel);
      else await client.subscribe(channel);
      this.#hint(); // Who knows what was said before.
    } catch {
      if (this.#closed) return;
      this.#subscribeTimer = this.#ports.timers.after(
        SUBSCRIBE_AGAIN_MS,
        () => void (client.status === "ready" && this.#subscribe(client, channel)),
      );
    }
  }

  #end(client: Client): Promise<void> {
    return new Promise((resolve) => {
      const held = HOLDING.includes(client.status);
      const timer = held ? this.#ports.timers.after(END_MS_MAX, resolve) : undefined;
      client.once("end", () => {
        timer?.cancel();
        resolve();
      });
      client.disconnect();
      if (!held) resolve();
    });
  }
}

/** Results of a pipeline. @throws {Error} The first error among them. */
function withoutErrors(
  replies: readonly [Error | null, unknown][] | null,
): (string | null)[][] {
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply as (string | null)[];
  });
}
