/**
 * Where faults happen: real nodes that share a real redis-server, and what can be done to them.
 *
 * @module
 */
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { Network } from "./network.ts";
import { type RedisStand, type StandKind, startStand } from "./redis_stand.ts";

export interface GroundOptions {
  readonly names: readonly string[];
  /** Those that are not there at first; {@link Ground.restart} starts them. */
  readonly absent?: readonly string[];
  /** Each node in a network namespace of its own, whose cable can be pulled; needs root. */
  readonly cables?: boolean;
  /** What they have for a Redis: a single server unless said. */
  readonly stand?: StandKind;
  /** More flags of every node. */
  readonly args?: readonly string[];
}

/** Segments and parts as short as may be: a run has many of them. */
const SHORT_HLS = ["--hls-segment", "1s", "--hls-part", "200ms"];

export class Ground implements AsyncDisposable {
  readonly names: readonly string[];
  readonly redis: RedisStand;
  readonly #network: Network | undefined;
  readonly #args: readonly string[];
  readonly #nodes = new Map<string, TestNode>();
  /** Dead, stopped or cut off at the moment. */
  readonly #down = new Set<string>();

  private constructor(redis: RedisStand, network: Network | undefined, options: GroundOptions) {
    this.names = options.names;
    this.redis = redis;
    this.#network = network;
    this.#args = [...SHORT_HLS, ...options.args ?? []];
  }

  static async start(options: GroundOptions): Promise<Ground> {
    const network = options.cables ? await Network.make(options.names) : undefined;
    const redis = await startStand(options.stand ?? "single", network);
    const ground = new Ground(redis, network, options);
    try {
      const { names, absent = [] } = options;
      for (const name of absent) ground.#down.add(name);
      await Promise.all(
        names.filter((name) => !absent.includes(name)).map((name) => ground.#begin(name)),
      );
      if (absent.length === 0) await ground.whole();
    } catch (error) {
      await ground[Symbol.asyncDispose]();
      throw error;
    }
    return ground;
  }

  node(name: string): TestNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new TypeError(`Cannot find a node: ${name} was not started`);
    return node;
  }

  /** Nodes that nothing was done to. */
  get up(): TestNode[] {
    return this.names.filter((name) => !this.#down.has(name)).map((name) => this.node(name));
  }

  /** All processes of the node are gone at once. */
  kill(name: string): void {
    this.#down.add(name);
    this.#signal(name, "SIGKILL");
  }

  /** All processes of the node stand still. */
  pause(name: string): void {
    this.#down.add(name);
    this.#signal(name, "SIGSTOP");
  }

  resume(name: string): void {
    this.#signal(name, "SIGCONT");
    this.#down.delete(name);
  }

  /** The node's cable is pulled: whatever is sent to it or by it is lost, and nobody is told. */
  async cut(name: string): Promise<void> {
    this.#down.add(name);
    await this.#network!.cut(name);
  }

  async mend(name: string): Promise<void> {
    await this.#network!.mend(name);
    this.#down.delete(name);
  }

  /** What these send those is lost, and the other way round; `REDIS` may be one of them. */
  async separate(these: readonly string[], those: readonly string[]): Promise<void> {
    await this.#network!.separate(these, those);
  }

  async unite(these: readonly string[], those: readonly string[]): Promise<void> {
    await this.#network!.unite(these, those);
  }

  /** Nobody would send clients there for now. */
  setAside(names: readonly string[]): void {
    for (const name of names) this.#down.add(name);
  }

  takeBack(names: readonly string[]): void {
    for (const name of names) this.#down.delete(name);
  }

  /** Ends what is left of a node and starts it anew. */
  async restart(name: string): Promise<void> {
    this.#down.add(name);
    await this.#nodes.get(name)?.stop();
    await this.#begin(name);
    this.#down.delete(name);
  }

  /** Asks a node to leave, and lets it. */
  async leave(name: string): Promise<void> {
    this.#down.add(name);
    await this.node(name).stop();
  }

  /** Waits until every node knows every other one as a member that is up. */
  async whole(): Promise<void> {
    for (const node of this.up) {
      await eventually(`${node.ready.node} sees ${this.names}`, async () => {
        const { items } = await node.api<{ items: { name: string; state: string }[] }>("nodes");
        const names = items.filter(({ state }) => state === "up").map(({ name }) => name);
        return names.sort().join() === [...this.names].sort().join();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#down) if (this.#nodes.has(name)) this.#signal(name, "SIGCONT");
    await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
    await this.redis[Symbol.asyncDispose]();
    await this.#network?.[Symbol.asyncDispose]();
  }

  async #begin(name: string): Promise<void> {
    const network = this.#network;
    const host = network === undefined ? [] : ["--host", network.addressOf(name)];
    const args = [
      "--redis",
      this.redis.url,
      "--mesh-port",
      "0",
      "--name",
      name,
      ...host,
      ...this.#args,
    ];
    this.#nodes.set(name, await startTestNode({ args, within: network?.within(name) }));
  }

  #signal(name: string, signal: Deno.Signal): void {
    for (const pid of this.node(name).ready.pids) {
      try {
        Deno.kill(pid, signal);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // Gone already.
      }
    }
  }
}
