/**
 * A mesh of nodes on virtual time: real membership, ownership, locator and actor systems around
 * one directory in memory, joined by calls that copy, delay and can be cut.
 *
 * @module
 */
import type { ActorContext } from "../../../actors/runtime/actor.ts";
import type { AskReply } from "../../../actors/runtime/ask.ts";
import { actorKind } from "../../../actors/runtime/protocol.ts";
import { ActorSystem } from "../../../actors/runtime/system.ts";
import { DirectoryStore, MemoryDirectory } from "../../../cluster/directory/memory_directory.ts";
import { Membership } from "../../../cluster/membership/membership.ts";
import { MeshLocator } from "../../../cluster/placement/mesh_locator.ts";
import { Ownership } from "../../../cluster/placement/ownership.ts";
import type { PeerCalls, PeerReply } from "../../../cluster/placement/peer_calls.ts";
import { FaultyDirectory } from "../../support/faulty_directory.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { NO_LOAD } from "../directory/world.ts";

/** Whose message it is, and where it was taken. */
export interface Taken {
  readonly at: string;
  readonly epoch: number | undefined;
  /** Publishers that this actor has taken so far. */
  readonly publishers: readonly string[];
}

type Stream = {
  publish: { req: { readonly node: string; readonly ingestId: string }; res: Taken };
  adopt: { req: unknown; res: boolean };
  describe: { req: void; res: Taken };
  note: { req: string; res: void };
  move: { req: { readonly to: string }; res: number | undefined };
};

export const STREAM = actorKind<Stream>({
  name: "stream",
  messages: ["publish", "adopt", "describe", "note", "move"],
  mailboxMax: 64,
  idleMs: 1_000,
});

type Place = { where: { req: void; res: string } };

/** Kinds that are bound to a node by their key. */
export const INGEST = actorKind<Place>({ name: "ingest", messages: ["where"], mailboxMax: 4 });
export const NODE = actorKind<Place>({ name: "node", messages: ["where"], mailboxMax: 4 });

/** What survives the actor of a stream, as its log would. */
interface Core {
  readonly publishers: string[];
  readonly notes: string[];
}

export class MeshNode {
  readonly directory: FaultyDirectory;
  readonly membership: Membership;
  readonly ownership: Ownership;
  readonly locator: MeshLocator;
  readonly system: ActorSystem;
  /** Streams in use, by key; a test deletes what nobody uses any more. */
  readonly cores = new Map<string, Core>();
  readonly losses: string[] = [];
  readonly name: string;
  alive = true;

  constructor(mesh: VirtualMesh, name: string, port: number) {
    this.name = name;
    const { ports } = mesh;
    this.directory = new FaultyDirectory(new MemoryDirectory(mesh.store), ports);
    this.membership = new Membership({
      directory: this.directory,
      ports,
      self: {
        ...{ node: name, address: "127.0.0.1", port, host: name, zone: "", addresses: {} },
        ...{ role: "any", weight: 1 },
      },
      load: () => ({ ...NO_LOAD, streams: this.ownership.size }),
      latenessMs: () => 0,
      onFenced: () => this.ownership.dropAll(),
      onReassert: () => this.ownership.reassertAll(),
      onJump: () => {},
    });
    const peers = mesh.peersOf(name);
    this.ownership = new Ownership({
      outage: { general: false, whoHas: () => Promise.resolve(undefined) },
      directory: this.directory,
      ports,
      mesh: this.membership,
      inUse: (key) => this.cores.has(key),
      takenBack() {},
      handOver: async (to, key, session) => {
        const reply = await peers.ask(to, "stream", key, "adopt", session, 1_000);
        return reply.ok && reply.value === true;
      },
    });
    this.ownership.onLost((key, reason) => {
      this.losses.push(`${key} ${reason}`);
      this.cores.delete(key);
    });
    this.locator = new MeshLocator({
      ...{ ports, peers, mesh: this.membership, ownership: this.ownership },
    });
    this.system = new ActorSystem(ports, { locator: this.locator });
    this.locator.attach(this.system, STREAM);
    this.system.register(STREAM, (key) => new StreamActor(this, key));
    this.system.register(INGEST, () => ({ where: () => name }));
    this.system.register(NODE, () => ({ where: () => name }));
  }

  stream(key: string) {
    return this.system.ref(STREAM, key);
  }

  /** Publishes from a socket of this node. */
  publish(key: string, timeoutMs = 5_000): Promise<AskReply<Taken>> {
    const req = { node: this.name, ingestId: `${this.name}~1` };
    return this.stream(key).ask.publish(req, { timeoutMs });
  }
}

class StreamActor {
  readonly #node: MeshNode;
  readonly #key: string;

  constructor(node: MeshNode, key: string) {
    this.#node = node;
    this.#key = key;
  }

  get #core(): Core {
    const core = this.#node.cores.get(this.#key) ?? { publishers: [], notes: [] };
    this.#node.cores.set(this.#key, core);
    return core;
  }

  publish({ ingestId }: { ingestId: string }): Taken {
    // Its ownership may go while the message waits, or while it hands the stream over.
    const owned = this.#node.ownership.ownEpoch(this.#key) !== undefined;
    if (owned) this.#core.publishers.push(ingestId);
    return this.describe();
  }

  adopt(): boolean {
    return this.#core !== undefined;
  }

  describe(): Taken {
    const { name, ownership, cores } = this.#node;
    const publishers = cores.get(this.#key)?.publishers ?? [];
    return { at: name, epoch: ownership.ownEpoch(this.#key), publishers };
  }

  note(text: string): void {
    this.#core.notes.push(text);
  }

  async move({ to }: { to: string }, context: ActorContext<Stream>): Promise<number | undefined> {
    const { ownership } = this.#node;
    const epoch = await ownership.transfer(this.#key, to, { publisher: { node: "x" } });
    if (epoch !== undefined) context.stop();
    return epoch;
  }
}

export class VirtualMesh {
  readonly ports: VirtualPorts;
  readonly store: DirectoryStore;
  readonly nodes = new Map<string, MeshNode>();
  /** Time each way between nodes, in milliseconds. */
  delayMs: () => number = () => 1;
  /** Pairs of nodes whose messages are lost: "a>b". */
  readonly cuts = new Set<string>();
  /** Calls that crossed, "a>b name". */
  readonly crossed: string[] = [];
  #port = 9_000;

  constructor(seed = 1) {
    this.ports = new VirtualPorts(seed);
    this.store = new DirectoryStore(this.ports.clock);
  }

  /** Starts a node, or starts one anew that was killed. */
  start(name: string): MeshNode {
    const node = new MeshNode(this, name, this.#port++);
    this.nodes.set(name, node);
    node.membership.start();
    return node;
  }

  /** Nodes that have joined and see each other, with the directory's first grace over. */
  async joined<Name extends string>(...names: Name[]): Promise<Record<Name, MeshNode>> {
    const nodes = names.map((name) => [name, this.start(name)] as const);
    await this.ports.advance(7_000);
    return Object.fromEntries(nodes) as Record<Name, MeshNode>;
  }

  /** As if its process had been killed. */
  kill(node: MeshNode): void {
    node.alive = false;
    node.directory.fault = "cut";
    node.membership.leave();
    node.ownership.stop();
  }

  /** Lets time pass until `promise` is settled. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => void (settled = true);
    promise.then(done, done);
    for (let passedMs = 0; !settled && passedMs < 20_000; passedMs++) await this.ports.advance(1);
    return await promise;
  }

  /** The nodes that believe that they own `key`. */
  owners(key: string): string[] {
    return [...this.nodes.values()]
      .filter(({ alive, ownership }) => alive && ownership.ownEpoch(key) !== undefined)
      .map(({ name }) => name);
  }

  peersOf(from: string): PeerCalls {
    return {
      ask: (node, kind, key, name, req, timeoutMs) =>
        this.#ask(from, node, () => {
          this.crossed.push(`${from}>${node} ${name}`);
          const { locator } = this.nodes.get(node)!;
          return locator.receive(kind, key, name, structuredClone(req), timeoutMs, from);
        }),
      tell: (node, kind, key, name, req) => {
        const send = () => this.nodes.get(node)?.locator.receiveTell(kind, key, name, req);
        this.ports.timers.after(this.delayMs(), send);
        return true;
      },
    };
  }

  async #ask(from: string, to: string, call: () => Promise<PeerReply>): Promise<PeerReply> {
    const target = this.nodes.get(to);
    const lost = () => !target?.alive || this.cuts.has(`${from}>${to}`);
    await this.#hop();
    if (lost()) return { ok: false, error: "unreachable" };
    const reply = await call();
    await this.#hop();
    return lost() ? { ok: false, error: "unreachable" } : structuredClone(reply);
  }

  #hop(): Promise<void> {
    return new Promise((resolve) => void this.ports.timers.after(this.delayMs(), resolve));
  }
}
