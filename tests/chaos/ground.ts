/**
 * Where faults happen: real nodes that share a real redis-server, and what can be done to them.
 *
 * @module
 */
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { RedisServer } from "../support/redis_server.ts";
import { Network } from "./network.ts";

export interface GroundOptions {
  readonly names: readonly string[];
  /** Each node in a network namespace of its own, whose cable can be pulled; needs root. */
  readonly cables?: boolean;
  /** More flags of every node. */
  readonly args?: readonly string[];
}

/** Segments and parts as short as may be: a run has many of them. */
const SHORT_HLS = ["--hls-segment", "1s", "--hls-part", "200ms"];

export class Ground implements AsyncDisposable {
  readonly names: readonly string[];
  readonly redis: RedisServer;
  readonly #network: Network | undefined;
  readonly #args: readonly string[];
  readonly #nodes = new Map<string, TestNode>();
  /** Dead, stopped or cut off at the moment. */
  readonly #down = new Set<string>();

  private constructor(redis: RedisServer, network: Network | undefined, options: GroundOptions) {
    this.names = options.names;
    this.redis = redis;
    this.#network = network;
    this.#args = [...SHORT_HLS, ...options.args ?? []];
  }

  static async start(options: GroundOptions): Promise<Ground> {
    const network = options.cables ? await Network.make(options.names) : undefined;
    const bind = network === undefined ? [] : ["--bind", network.here, "127.0.0.1"];
    const redis = await RedisServer.start({ args: [...bind, "--protected-mode", "no"] });
    const ground = new Ground(redis, network, options);
    try {
      await Promise.all(options.names.map((name) => ground.#begin(name)));
      await ground.whole();
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

  /** Ends what is left of a node and starts it anew. */
  async restart(name: string): Promise<void> {
    this.#down.add(name);
    await this.node(name).stop();
    await this.#begin(name);
    this.#down.delete(name);
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
    const redis = `redis://${network?.here ?? "127.0.0.1"}:${this.redis.port}`;
    const host = network === undefined ? [] : ["--host", network.addressOf(name)];
    const args = ["--redis", redis, "--mesh-port", "0", "--name", name, ...host, ...this.#args];
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
