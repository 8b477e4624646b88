/**
 * A network of this machine's own, whose cables can be pulled: one namespace for each node, each
 * with a cable to a bridge. A cable that is pulled loses what is sent and tells nobody.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";

const TOOL_MS_MAX = 10_000;

/** Networks of this process so far: each has names and addresses of its own. */
let made = 0;

/** Where Redis is, which has an address of its own so that the way to it alone can be blocked. */
export const REDIS = "redis";
const REDIS_NUMBER = 254;

/** Nobody has this address: what is sent to it is lost. */
const NOWHERE = "02:00:00:00:00:66";

/** Why there can be no such network here; `undefined` when there can. */
export async function missingNetwork(): Promise<string | undefined> {
  try {
    await using _ = await Network.make(["probe"]);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `network namespaces need root and iproute2: ${text.split("\n")[0].slice(0, 200)}`;
  }
}

export class Network implements AsyncDisposable {
  readonly #number = made++;
  /**
   * First three numbers of its addresses; the fourth is 1 here, and 2 and on at the nodes. Another
   * run beside this one has another network.
   */
  readonly #net = `10.213.${(Deno.pid + this.#number * 83) % 250}`;
  /** Address of this side of the bridge. */
  readonly here = `${this.#net}.1`;
  readonly #names: readonly string[];
  /** Interfaces have names of at most 15 characters; all of one run begin alike. */
  readonly #prefix = `hw${Deno.pid % 100_000}${String.fromCharCode(103 + this.#number % 20)}`;

  private constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** @throws {Error} The system does not let us. */
  static async make(names: readonly string[]): Promise<Network> {
    const network = new Network(names);
    try {
      await network.#make();
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  addressOf(name: string): string {
    if (name === REDIS) return `${this.#net}.${REDIS_NUMBER}`;
    return `${this.#net}.${2 + this.#names.indexOf(name)}`;
  }

  /** What a command line begins with that runs at the far end of a cable. */
  within(name: string): string[] {
    return ["ip", "netns", "exec", this.#space(name)];
  }

  async cut(name: string): Promise<void> {
    await ip("link", "set", this.#cable(name), "nomaster");
  }

  async mend(name: string): Promise<void> {
    await ip("link", "set", this.#cable(name), "master", this.#bridge);
  }

  /** Whatever these nodes send those, and those these, is lost from now on; {@link REDIS} too. */
  async separate(these: readonly string[], those: readonly string[]): Promise<void> {
    await this.#between(
      these,
      those,
      (space, address) =>
        ip(...["-n", space, "neigh", "replace", address, "lladdr", NOWHERE], ...PERMANENT),
    );
  }

  /** Undoes {@link separate}. */
  async unite(these: readonly string[], those: readonly string[]): Promise<void> {
    await this.#between(
      these,
      those,
      (space, address) => ip("-n", space, "neigh", "del", address, "dev", "eth0"),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const quietly = (...args: string[]) => ip(...args).catch(() => {}); // It was never made.
    for (const name of this.#names) {
      await quietly("link", "del", this.#cable(name)); // Its far end, too, at once.
      await quietly("netns", "del", this.#space(name));
    }
    await quietly("link", "del", this.#bridge);
  }

  /** Does it in every node of either side, to the address of each of the other. */
  async #between(
    these: readonly string[],
    those: readonly string[],
    act: (space: string, address: string) => Promise<void>,
  ): Promise<void> {
    const ways = these.flatMap((one) => those.flatMap((other) => [[one, other], [other, one]]));
    await Promise.all(
      ways.filter(([from]) => from !== REDIS)
        .map(([from, to]) => act(this.#space(from), this.addressOf(to))),
    );
  }

  get #bridge(): string {
    return `${this.#prefix}br`;
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #cable(name: string): string {
    return `${this.#prefix}v${this.#names.indexOf(name)}`;
  }

  async #make(): Promise<void> {
    await ip("link", "add", this.#bridge, "type", "bridge");
    await ip("addr", "add", `${this.here}/24`, "dev", this.#bridge);
    await ip("addr", "add", `${this.addressOf(REDIS)}/24`, "dev", this.#bridge);
    await ip("link", "set", this.#bridge, "up");
    for (const name of this.#names) {
      const [space, cable] = [this.#space(name), this.#cable(name)];
      await ip("netns", "add", space);
      const far = ["peer", "name", "eth0", "netns", space];
      await ip("link", "add", cable, "type", "veth", ...far);
      await this.mend(name);
      await ip("link", "set", cable, "up");
      const inside = (...args: string[]) => ip("-n", space, ...args);
      await inside("addr", "add", `${this.addressOf(name)}/24`, "dev", "eth0");
      await inside("link", "set", "eth0", "up");
      await inside("link", "set", "lo", "up");
    }
  }
}

const PERMANENT = ["nud", "permanent", "dev", "eth0"];

async function ip(...args: string[]): Promise<void> {
  await runTool("ip", args, { timeoutMs: TOOL_MS_MAX });
}
