/**
 * Random histories of a mesh: joins, kills, cuts and claims by seed, with what must hold at every
 * moment and after all has settled.
 *
 * @module
 */
import { seededRandom } from "../../support/random.ts";
import { type MeshNode, VirtualMesh } from "./mesh_fixture.ts";

/** How long a mesh may take to settle after a storm, in milliseconds. */
const SETTLE_MS = 15_000;

const NAMES = ["a", "b", "c", "d", "e"];
const KEYS = Array.from({ length: 8 }, (_, i) => `live/${i}`);

/** What one history came to. */
export interface History {
  /** What did not hold; empty when all did. */
  readonly faults: readonly string[];
  /** Publishes that were answered by an owner, and kills. */
  readonly published: number;
  readonly kills: number;
}

/** Plays the history of `seed`, with a storm of `stormMs` in it. */
export async function playHistory(seed: number, stormMs: number): Promise<History> {
  return await new Storm(seed).play(stormMs);
}

class Storm {
  readonly #random;
  readonly #mesh: VirtualMesh;
  readonly #faults: string[] = [];
  /** Who was seen to own under an epoch: "key epoch" -> "node incarnation". */
  readonly #holders = new Map<string, string>();
  #published = 0;
  #kills = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#mesh = new VirtualMesh(seed + 1);
    this.#mesh.delayMs = () => 1 + 4 * this.#random.next();
  }

  async play(stormMs: number): Promise<History> {
    const mesh = this.#mesh;
    for (const name of NAMES.slice(0, 3)) this.#start(name);
    await mesh.ports.advance(1_000 + 5_000 * this.#random.next());
    const endMs = mesh.ports.nowMs + stormMs;
    while (mesh.ports.nowMs < endMs) {
      this.#act();
      await mesh.ports.advance(this.#random.next() * 60);
      this.#check();
    }
    this.#calm();
    await mesh.ports.advance(SETTLE_MS);
    this.#check();
    await this.#checkSettled();
    for (const node of mesh.nodes.values()) mesh.kill(node);
    return { faults: this.#faults, published: this.#published, kills: this.#kills };
  }

  #start(name: string): void {
    const node = this.#mesh.start(name);
    node.directory.delayMs = () => 2 * this.#random.next();
  }

  #living(): MeshNode[] {
    return [...this.#mesh.nodes.values()].filter(({ alive }) => alive);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.next() * from.length)];
  }

  /** Something happens: mostly somebody publishes. */
  #act(): void {
    const chance = this.#random.next();
    const living = this.#living();
    const node = this.#pick(living);
    const key = this.#pick(KEYS);
    if (chance < 0.5) return this.#publish(node, key);
    if (chance < 0.6) return void node.cores.delete(key);
    if (chance < 0.65) return void node.ownership.release(key);
    if (chance < 0.7) return void node.stream(key).ask.move({ to: this.#pick(living).name });
    if (chance < 0.74) return this.#kill(node);
    if (chance < 0.82) return this.#revive();
    if (chance < 0.88) return void node.membership.suspectPeer(this.#pick(NAMES), true);
    if (chance < 0.94) return this.#disturb(node);
    if (chance < 0.95) return this.#mesh.store.wipe();
    this.#mesh.cuts.add(`${node.name}>${this.#pick(NAMES)}`);
    if (this.#mesh.cuts.size > 3) this.#mesh.cuts.clear();
  }

  #publish(node: MeshNode, key: string): void {
    node.publish(key, 1_000).then((reply) => {
      // An actor that is given away may hear more meanwhile, and refuses it.
      if (reply.ok && reply.value.epoch !== undefined) this.#published++;
    });
  }

  #kill(node: MeshNode): void {
    if (this.#living().length < 2) return;
    this.#kills++;
    this.#mesh.kill(node);
  }

  #revive(): void {
    const dead = NAMES.filter((name) => !this.#mesh.nodes.get(name)?.alive);
    if (dead.length > 0) this.#start(this.#pick(dead));
  }

  /** Cuts a node's way to the directory, or loses answers on it, for a while. */
  #disturb({ directory }: MeshNode): void {
    if (directory.fault !== "none") return;
    directory.fault = this.#pick(["cut", "deaf", "late"]);
    this.#mesh.ports.timers.after(this.#random.next() * 4_000, () => {
      directory.fault = "none";
    });
  }

  /** Faults end; the dead stay dead. */
  #calm(): void {
    this.#mesh.cuts.clear();
    for (const { directory } of this.#living()) directory.fault = "none";
  }

  /** An epoch has one holder, ever (I1). */
  #check(): void {
    for (const { name, alive, ownership, membership } of this.#mesh.nodes.values()) {
      if (!alive) continue;
      for (const key of ownership.keys()) {
        const epoch = `${key} ${ownership.ownEpoch(key)}`;
        const holder = `${name} ${membership.incarnation}`;
        const known = this.#holders.get(epoch) ?? holder;
        if (known !== holder) this.#fault(`${epoch} held by ${known} and ${holder}`);
        this.#holders.set(epoch, known);
      }
    }
  }

  /** Everybody is a member; each key has at most one owner, whom all find, and can be published. */
  async #checkSettled(): Promise<void> {
    const mesh = this.#mesh;
    for (const { name, membership } of this.#living()) {
      if (!membership.joined) this.#fault(`${name} is no member`);
      if (membership.members.size !== this.#living().length) this.#fault(`${name} sees others`);
    }
    for (const key of KEYS) {
      const before = mesh.owners(key);
      if (before.length > 1) this.#fault(`${key} has owners ${before}`);
      const replies = await mesh.run(Promise.all(this.#living().map((node) => node.publish(key))));
      const [owner, ...others] = mesh.owners(key);
      if (owner === undefined || others.length > 0) {
        this.#fault(`${key}: owners ${[owner, ...others]}`);
      }
      if (before.length === 1 && before[0] !== owner) {
        this.#fault(`${key} left ${before[0]} for ${owner}`);
      }
      for (const reply of replies) {
        if (!reply.ok || reply.value.at !== owner) this.#fault(`${key}: ${JSON.stringify(reply)}`);
      }
    }
  }

  #fault(text: string): void {
    this.#faults.push(`${Math.round(this.#mesh.ports.nowMs)} ms: ${text}`);
  }
}
