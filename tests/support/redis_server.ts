/**
 * Private redis-servers for the tests: each on a free port of the loopback interface, in a folder
 * of its own, without a file that survives it. Alone, under sentinels, or as a Cluster.
 *
 * @module
 */
import { Redis } from "ioredis";
import { freePort } from "./ports.ts";
import { Child, eventually, runTool } from "./processes.ts";

/** Longest any server of the tests lives, in milliseconds. */
const LIFE_MS_MAX = 1_800_000;

/** Attempts to start: another process may take the port that was free a moment ago. */
const ATTEMPTS_MAX = 5;

/** Longest a failover takes, in milliseconds. */
const FAIL_OVER_MS_MAX = 40_000;

/** A server of a Cluster that is silent for this long has failed, in milliseconds. */
const CLUSTER_NODE_TIMEOUT_MS = 2_000;

export interface RedisServerOptions {
  /** More of the command line, such as "--requirepass secret" as two elements. */
  readonly args?: readonly string[];
  /** A port to listen on; any free one unless given. */
  readonly port?: number;
  /** Runs as sentinel with this configuration, one directive a line. */
  readonly sentinel?: string;
  /** How the tests themselves log in. */
  readonly password?: string;
}

/** A running redis-server. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #commandLine: readonly string[];
  readonly #password: string | undefined;
  /** It was killed, and not started again since. */
  dead = false;
  #child: Child;
  #admin: Redis | undefined;

  private constructor(
    port: number,
    { folder, commandLine, password }: {
      folder: string;
      commandLine: readonly string[];
      password?: string;
    },
  ) {
    this.port = port;
    this.#folder = folder;
    this.#commandLine = commandLine;
    this.#password = password;
    this.#child = begin(commandLine, folder);
  }

  /** Starts a server and waits until it answers. @throws {Error} It does not. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1;; attempt++) {
      const folder = await Deno.makeTempDir({ prefix: "headwater-redis-" });
      const port = options.port ?? freePort();
      const server = new RedisServer(port, {
        ...{ folder, password: options.password },
        commandLine: await commandLine(port, folder, options),
      });
      try {
        await server.#answers();
        return server;
      } catch (error) {
        const output = server.#child.stdout;
        await server[Symbol.asyncDispose]();
        if (attempt < ATTEMPTS_MAX) continue;
        throw new Error(`Cannot start redis-server: ${error}: ${output.slice(-600)}`);
      }
    }
  }

  /** `redis://127.0.0.1:PORT`. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A client of the tests' own; reconnects, waits for the server. */
  get admin(): Redis {
    if (this.#admin === undefined) {
      const { port } = this;
      this.#admin = new Redis({ port, host: "127.0.0.1", password: this.#password });
      this.#admin.on("error", () => {});
    }
    return this.#admin;
  }

  /** Stops answering without closing anything, until {@link resume}. */
  pause(): void {
    this.#child.signal("SIGSTOP");
  }

  resume(): void {
    this.#child.signal("SIGCONT");
  }

  /** Ends the server at once, with all its data. */
  async kill(): Promise<void> {
    this.#admin?.disconnect();
    this.#admin = undefined;
    this.dead = true;
    await this.#child.end("SIGKILL");
  }

  /** Starts again what was killed, without its data, on the same port; `args` come last and win. */
  async revive(args: readonly string[] = []): Promise<void> {
    this.#child = begin([...this.#commandLine, ...args], this.#folder);
    await this.#answers();
    this.dead = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #answers(): Promise<void> {
    let ended = false;
    void this.#child.ended.then(() => ended = true);
    const client = new Redis({
      port: this.port,
      host: "127.0.0.1",
      password: this.#password,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    client.on("error", () => {});
    try {
      let answer: string | undefined;
      client.ping().then((text) => answer = text, () => ended = true);
      await eventually("redis-server", () => {
        if (ended) throw new Error("it ended");
        return answer !== undefined;
      }, 10_000);
    } finally {
      client.disconnect();
    }
  }
}

/** A master with one replica, watched by three sentinels under the name "headwater". */
export class RedisSentinels implements AsyncDisposable {
  master: RedisServer;
  replica: RedisServer;
  readonly #sentinels: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    const [master, replica, ...sentinels] = servers;
    this.master = master;
    this.replica = replica;
    this.#sentinels = sentinels;
  }

  static async start(): Promise<RedisSentinels> {
    const servers: RedisServer[] = [];
    try {
      const master = await RedisServer.start();
      servers.push(master);
      const of = ["127.0.0.1", String(master.port)];
      const replica = await RedisServer.start({ args: ["--replicaof", ...of] });
      servers.push(replica);
      await eventually("the replica", () => isSynchronous(replica));
      const sentinel = [
        `sentinel monitor headwater ${of.join(" ")} 2`,
        "sentinel down-after-milliseconds headwater 1000",
        "sentinel failover-timeout headwater 5000",
      ].join("\n");
      for (let n = 0; n < 3; n++) servers.push(await RedisServer.start({ sentinel }));
      const started = new RedisSentinels(servers);
      await started.#agree();
      return started;
    } catch (error) {
      for (const server of servers) await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `redis+sentinel://HOST:PORT,…/headwater`. */
  get url(): string {
    const hosts = this.#sentinels.map(({ port }) => `127.0.0.1:${port}`);
    return `redis+sentinel://${hosts.join(",")}/headwater`;
  }

  /** Kills the master; resolves when the sentinels have made the replica one. */
  async failOver(): Promise<void> {
    await this.master.kill();
    [this.master, this.replica] = [this.replica, this.master];
    await eventually("another master", () => isMaster(this.master), FAIL_OVER_MS_MAX);
  }

  /** Starts the one that was killed again, as a replica; resolves when it has all data. */
  async heal(): Promise<void> {
    const { master, replica } = this;
    await replica.revive(["--replicaof", "127.0.0.1", String(master.port)]);
    await eventually("the replica", () => isSynchronous(replica), FAIL_OVER_MS_MAX);
    await this.#agree();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#sentinels, this.replica, this.master];
    await Promise.all(all.map((server) => server[Symbol.asyncDispose]()));
  }

  /** Waits until each sentinel knows the two others and the replica. */
  async #agree(): Promise<void> {
    for (const { admin } of this.#sentinels) {
      await eventually("sentinels that know each other", async () => {
        const masters = await admin.call("SENTINEL", "MASTER", "headwater") as string[];
        const value = (name: string) => masters[masters.indexOf(name) + 1];
        return value("num-other-sentinels") === "2" && value("num-slaves") === "1";
      }, 20_000);
    }
  }
}

/** Three masters that share the slots, each with a replica if that is wanted. */
export class RedisCluster implements AsyncDisposable {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start({ replicas = false } = {}): Promise<RedisCluster> {
    const servers: RedisServer[] = [];
    try {
      for (let n = 0; n < (replicas ? 6 : 3); n++) {
        // The bus is on a port that must be free too, and by default 10,000 higher.
        const args = ["--cluster-enabled", "yes", "--cluster-port", String(freePort())];
        args.push("--cluster-node-timeout", String(CLUSTER_NODE_TIMEOUT_MS));
        servers.push(await RedisServer.start({ args }));
      }
      const hosts = servers.map(({ port }) => `127.0.0.1:${port}`);
      const create = ["--cluster", "create", ...hosts, "--cluster-yes"];
      if (replicas) create.push("--cluster-replicas", "1");
      await runTool("redis-cli", create, { timeoutMs: 60_000 });
      for (const { admin } of servers) {
        await eventually(
          "a cluster that is whole",
          async () => (await admin.call("CLUSTER", "INFO") as string).includes("cluster_state:ok"),
          20_000,
        );
        // One that has not all its master's data yet would not take its place.
        const whole = async () => await isMaster({ admin }) || await isSynchronous({ admin });
        await eventually("replicas", whole);
      }
      return new RedisCluster(servers);
    } catch (error) {
      for (const server of servers) await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `redis+cluster://HOST:PORT`, of one server: it leads to the others. */
  get url(): string {
    return `redis+cluster://127.0.0.1:${this.servers[0].port}`;
  }

  /** Those that answer for slots now. */
  async masters(): Promise<RedisServer[]> {
    const masters: RedisServer[] = [];
    for (const server of this.servers) {
      if (!server.dead && await isMaster(server)) masters.push(server);
    }
    return masters;
  }

  /** Kills the master of a key; resolves when its replica is one. Gives the one that was killed. */
  async failOver(key: string): Promise<RedisServer> {
    const [any] = await this.masters();
    const owner = await ownerOf(any, key);
    const killed = this.servers.find(({ port }) => port === owner)!;
    const other = this.servers.find((server) => server !== killed)!;
    await killed.kill();
    await eventually("another master", async () => {
      const port = await ownerOf(other, key);
      const server = this.servers.find((candidate) => candidate.port === port);
      return server !== killed && server !== undefined && await isMaster(server);
    }, FAIL_OVER_MS_MAX);
    return killed;
  }

  /** Starts one that was killed again; resolves when it has the data of its master. */
  async heal(killed: RedisServer): Promise<void> {
    await killed.revive();
    await eventually("the replica", () => isSynchronous(killed), FAIL_OVER_MS_MAX);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Port of the server that answers for a key, as `server` knows it. */
async function ownerOf({ admin }: RedisServer, key: string): Promise<number> {
  const slot = await admin.cluster("KEYSLOT", key);
  for (const [from, to, master] of await admin.cluster("SLOTS")) {
    if (slot >= from && slot <= to) return master[1];
  }
  throw new Error(`Cannot find the owner of ${key}: nobody answers for its slot`);
}

async function isMaster({ admin }: Pick<RedisServer, "admin">): Promise<boolean> {
  return (await admin.info("replication")).includes("role:master");
}

async function isSynchronous({ admin }: Pick<RedisServer, "admin">): Promise<boolean> {
  return (await admin.info("replication")).includes("master_link_status:up");
}

function begin(commandLine: readonly string[], folder: string): Child {
  return new Child("redis-server", commandLine, { timeoutMs: LIFE_MS_MAX, cwd: folder });
}

async function commandLine(
  port: number,
  folder: string,
  { sentinel, args = [] }: RedisServerOptions,
): Promise<string[]> {
  const common = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  if (sentinel === undefined) {
    return [
      ...common,
      "--save",
      "",
      "--appendonly",
      "no",
      "--enable-debug-command",
      "yes",
      ...args,
    ];
  }
  const file = `${folder}/sentinel.conf`; // Sentinels write into their configuration.
  await Deno.writeTextFile(file, `${sentinel}\n`);
  return [file, "--sentinel", ...common, ...args];
}
