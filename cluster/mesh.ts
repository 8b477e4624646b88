/**
 * This node's part of the mesh: its membership, what it owns, its links, and the actors that they
 * bring together. The same for a node alone, whose directory is its own, and in the simulator.
 *
 * @module
 */
import { ActorSystem } from "../actors/runtime/system.ts";
import type { Ports } from "../actors/runtime/ports.ts";
import { EDGE_STREAM, EdgeStreamActor } from "../actors/stream/edge_stream_actor.ts";
import { HlsFetches } from "../actors/stream/hls_fetches.ts";
import { Ingests } from "../actors/stream/ingests.ts";
import { StreamActor, type StreamPolicy } from "../actors/stream/stream_actor.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import { StreamFinder } from "../actors/stream/stream_finder.ts";
import type { StreamHub } from "../actors/stream/stream_hub.ts";
import type { ServeFile } from "../actors/stream/fetch.ts";
import { streamKey, type StreamName, streamNameOf } from "../actors/stream/stream_key.ts";
import { type Adoption, sessionStateOf, STREAM } from "../actors/stream/stream_protocol.ts";
import type { SessionState } from "../actors/stream/upstream.ts";
import { fileService, type HlsFiles } from "./file_service.ts";
import type { Directory, LoadReport } from "./directory/directory.ts";
import { Evacuation } from "./evacuation.ts";
import { Hearsay } from "./hearsay.ts";
import type { ServeAnswer, ServeRequest } from "./link/link_source.ts";
import type { LinkLoss, NodeId } from "./link/link_settings.ts";
import { linkPeerCalls } from "./link/link_peer_calls.ts";
import { linkReceiver } from "./link_receiver.ts";
import { LinkTable } from "./link/link_table.ts";
import type { LinkTransport } from "./link/transport.ts";
import type { Introduction } from "./membership/membership_options.ts";
import { Membership } from "./membership/membership.ts";
import { MeshWhereabouts } from "./mesh_whereabouts.ts";
import { MeshLocator } from "./placement/mesh_locator.ts";
import { Ownership } from "./placement/ownership.ts";
import { watchedNodes } from "./watched_nodes.ts";
import { replicasOf, Replication } from "./replication.ts";
import { Loneliness } from "./loneliness.ts";
import { MeshOutage } from "./outage.ts";

export interface MeshOptions {
  readonly ports: Ports;
  readonly directory: Directory;
  readonly transport: LinkTransport;
  /** Namespace: nodes of another mesh are refused. */
  readonly mesh: string;
  /** What all nodes of the mesh share; asked for when a link is made. */
  readonly secret: () => Uint8Array;
  /** The directory has lost its data and is told it again. */
  readonly reasserting: () => void;
  readonly self: Omit<Introduction, "port">;
  readonly hub: StreamHub;
  readonly policyOf: (name: StreamName) => StreamPolicy;
  /** Nodes besides its owner and its publisher's that carry a stream, at least. */
  readonly replicas: number;
  readonly load: () => LoadReport;
  /** HLS for the clients of other nodes; none without it. */
  readonly files?: HlsFiles;
  readonly latenessMs: () => number;
}

/** How long a new owner may take to answer that it has the session, in milliseconds. */
const ADOPT_TIMEOUT_MS = 2_000;

const REFUSED: ServeAnswer = { refused: true };

export class Mesh {
  readonly system: ActorSystem;
  readonly membership: Membership;
  readonly ownership: Ownership;
  readonly links: LinkTable;
  readonly ingests: Ingests;
  readonly finder: StreamFinder;
  /** HLS of streams that other nodes own. */
  readonly fetches: HlsFetches;
  readonly #options: MeshOptions;
  readonly #locator: MeshLocator;
  readonly #replication: Replication;
  readonly outage: MeshOutage;
  readonly #loneliness: Loneliness;
  readonly #evacuation: Evacuation;
  readonly #hearsay: Hearsay;
  /** Incarnation in whose name links are dialled. */
  #linkedAs = 0;

  constructor(options: MeshOptions) {
    this.#options = options;
    const { ports, directory, hub } = options;
    this.links = this.#linkTable();
    const self = { ...options.self, port: this.links.listen() };
    const membership = this.membership = new Membership({
      ...{ directory, ports, self, load: options.load, latenessMs: options.latenessMs },
      onFenced: () => this.ownership.dropAll(),
      onReassert: () => {
        options.reasserting();
        return this.ownership.reassertAll();
      },
      onJump: () => this.#stoodStill(),
    });
    const peers = linkPeerCalls(this.links);
    this.outage = new MeshOutage({
      ...{ ports, peers },
      membership: () => this.membership,
      cutOff: () => this.ownership.dropAll(),
    });
    const ownership = this.ownership = new Ownership({
      ...{ directory, ports, mesh: membership, outage: this.outage },
      inUse: (key) => hub.get(streamNameOf(key))?.live ?? false,
      handOver: (to, key, session, epoch) => this.#handOver(to, key, session, epoch),
      takenBack: (from, key, epoch) =>
        void peers.tell(from, EDGE_STREAM.name, key, "takenBack", { epoch }),
    });
    const locator = this.#locator = new MeshLocator({ ports, mesh: membership, ownership, peers });
    this.system = new ActorSystem(ports, { locator });
    locator.attach(this.system, STREAM);
    ownership.onLost((key, reason) => {
      if (reason !== "moved") this.#disown(key);
    });
    membership.onView(({ left }) => this.#viewChanged(left));
    hub.stateListeners.add((core) => this.#tell(core));
    const { system, links: upstream } = this;
    const whereabouts = new MeshWhereabouts({ ...{ ports, ownership, membership }, peers });
    const { policyOf } = options;
    const streams = { hub, policyOf, upstream, whereabouts };
    system.register(STREAM, (key) => new StreamActor(key, streams));
    const holdMsOf = (name: StreamName) => policyOf(name).holdMs;
    const edgeStreams = { hub, upstream, whereabouts, holdMsOf };
    system.register(EDGE_STREAM, (key) => new EdgeStreamActor(key, edgeStreams));
    this.#replication = new Replication({
      ...{ ports, hub, membership, peers, wanted: options.replicas },
      changed: (core) => this.links.stateChanged(core),
    });
    this.ingests = new Ingests({
      ...{ hub, system, clock: ports.clock, timers: ports.timers, whereabouts },
    });
    this.#loneliness = new Loneliness({
      ports,
      alone: () => this.#alone,
      giveUp: () => {
        this.ownership.dropAll();
        this.ingests.letGo("the node is cut off from the mesh");
      },
    });
    this.finder = new StreamFinder(hub, system);
    const { finder, links: fetcher } = this;
    this.fetches = new HlsFetches({ ports, hub, whereabouts, fetcher, finder });
    this.#hearsay = new Hearsay({ ports, peers, membership, system, links: this.links });
    this.#evacuation = new Evacuation({
      ...{ ports, mesh: membership },
      streams: () => this.#liveStreams(),
      move: (key, to, timeoutMs) => this.#move(key, to, timeoutMs),
    });
  }

  /** Others are there, who may carry the streams of this node on when it leaves. */
  get shared(): boolean {
    const { members, node } = this.membership;
    return members.size > (members.has(node) ? 1 : 0);
  }

  /** There were others, and neither they nor Redis are heard. */
  get #alone(): boolean {
    const { members, node, redisOk } = this.membership;
    const others = [...members.keys()].filter((other) => other !== node);
    return !redisOk && others.length > 0 &&
      others.every((other) => this.outage.wordOf(other) === undefined);
  }

  /** Joins; resolves when the others know this node. */
  start(): Promise<void> {
    return this.membership.start();
  }

  /**
   * Takes no new streams, and gives those that it owns to others, from now on. Resolves when there
   * is none left, or nobody who would have it; more than once is once.
   */
  async drain(): Promise<void> {
    await this.membership.setState("draining");
    await this.#evacuation.start();
  }

  /** Leaves. What it still owns and somebody else carries is left to them; the rest it gives up. */
  async leave(): Promise<void> {
    const left = new Set(
      this.#liveStreams().filter(({ carried }) => carried).map(({ key }) => key),
    );
    await this.ownership.releaseAll((key) => left.has(key));
    await this.membership.leave();
  }

  async stop(): Promise<void> {
    this.#evacuation.stop();
    this.ingests.stop();
    this.#replication.stop();
    this.outage.stop();
    this.#loneliness.stop();
    this.ownership.stop();
    this.links.close("the node stops");
    await this.system.shutdown();
  }

  #linkTable(): LinkTable {
    const { ports, transport, mesh, secret, hub } = this.#options;
    return new LinkTable({
      ...{ ports, transport, mesh },
      get secret() {
        return secret();
      },
      self: () => ({ node: this.membership.node, incarnation: this.membership.incarnation }),
      peerOf: (node) => this.membership.members.get(node),
      isDead: (node, incarnation) => this.membership.isDead(node, incarnation),
      gossip: () => ({
        view: this.membership.viewNumber,
        redisOk: this.membership.redisOk,
        lagMs: this.#options.latenessMs(),
      }),
      events: {
        silent: (peer) => this.#suspect(peer, "silent"),
        lost: (peer, loss) => this.#suspect(peer, loss),
        gossip: ({ node, incarnation }, { view, redisOk }) => {
          if (this.membership.isDead(node, incarnation)) return;
          this.outage.heard(node, redisOk);
          this.#hearsay.forget(node);
          this.membership.gossip(view);
        },
      },
      receiver: linkReceiver(() => ({ locator: this.#locator, membership: this.membership })),
      serve: (request) => this.#serve(request),
      serveFile: this.#fileService(),
      reading: () => this.membership.checkClock(),
      parsed: () => hub.flusher.settle(),
    });
  }

  /** Who is gone is not waited for: what it owned finds other owners now. */
  #viewChanged(left: readonly { readonly node: string }[]): void {
    const { membership, links, ownership, ingests, system } = this;
    const { incarnation } = membership;
    // Links of an incarnation that was expelled, as a guest's, are none of this one.
    if (this.#linkedAs !== 0 && this.#linkedAs !== incarnation) {
      links.disconnectAll("the node joined anew");
    }
    this.#linkedAs = incarnation;
    const others = [...membership.members.values()].filter(({ node }) => node !== membership.node);
    links.watch(new Set(watchedNodes(membership.node, others)));
    if (left.length === 0) return;
    for (const { node } of left) {
      links.disconnect(node, "it left the mesh");
      this.outage.forget(node);
      this.#hearsay.forget(node);
      ownership.forgetNode(node);
    }
    ingests.ownersGone();
    const gone = new Set(left.map(({ node }) => node));
    for (const core of this.#options.hub.values()) {
      if (core.session === undefined || !gone.has(core.session.owner)) continue;
      system.ref(EDGE_STREAM, streamKey(core.name)).tell.connect();
    }
  }

  #suspect(peer: NodeId, loss: LinkLoss | "silent"): void {
    this.ownership.forgetNode(peer.node);
    if (loss === "refused") this.outage.refused(peer.node);
    // It is dialled again at once, which tells. By itself it says nothing: a node that was expelled
    // is closed by all, and must not suspect them all.
    if (loss !== "closed") this.#hearsay.suspect(peer, loss === "refused");
  }

  /** Streams that this node owns and that are live or held. */
  #liveStreams(): { key: string; ingest: string | undefined; carried: boolean }[] {
    return this.ownership.keys().flatMap((key) => {
      const core = this.#options.hub.get(streamNameOf(key));
      if (core === undefined || core.ended) return [];
      if (core.publication === undefined && core.hold === undefined) return [];
      const ingest = core.publication?.publisher.node;
      return [{ key, ingest, carried: core.eager.size > 0 }];
    });
  }

  async #move(key: string, to: string, timeoutMs: number): Promise<boolean> {
    const answer = await this.system.ref(STREAM, key).ask.move({ to }, { timeoutMs });
    return answer.ok && answer.value !== "failed";
  }

  /**
   * This node has missed seconds, in which others may have taken its place: what they had to say
   * before counts no more, and nobody is served from what was current then.
   */
  #stoodStill(): void {
    for (const core of this.#options.hub.values()) if (core.feed !== undefined) core.starved = true;
    this.ownership.doubtAll();
    this.links.disconnectAll("the node stood still");
  }

  /** It was taken over from a dead owner a moment ago; who knows its session is about to tell. */
  #awaitsSession(key: string): boolean {
    const sinceMs = this.ownership.ownedSinceMs(key);
    if (sinceMs === undefined || !this.ownership.inherited(key)) return false;
    return this.#options.ports.clock.nowMs() - sinceMs < ADOPT_TIMEOUT_MS;
  }

  #fileService(): ServeFile | undefined {
    const { files, hub } = this.#options;
    if (files === undefined) return undefined;
    const awaitsSession = (key: string) => this.#awaitsSession(key);
    return fileService({ ownership: () => this.ownership, hub, files, awaitsSession });
  }

  /** Another node asks for a stream. */
  #serve({ app, name: rest, mode, epoch }: ServeRequest): ServeAnswer {
    const name = { app, name: rest };
    const key = streamKey(name);
    const core = this.#options.hub.get(name);
    const here = core !== undefined && !core.ended;
    if (mode === "any") {
      if (!here || core.log.nextSeq === 0 && core.ingest === undefined) return REFUSED;
      return { core, state: () => this.#stateOf(core) };
    }
    const own = this.ownership.ownEpoch(key);
    if (own !== undefined) this.ownership.accepts(key, epoch);
    if (own === undefined || own < epoch) {
      return { refused: true, owner: this.ownership.recall(key)?.node };
    }
    if (core?.ended) return { ended: true };
    if (core !== undefined && sessionStateOf(core, this.membership.node) !== undefined) {
      return { core, state: () => this.#stateOf(core) };
    }
    // It owns the stream since a moment, and is about to learn what there is of it.
    const due = this.#awaitsSession(key) || core?.session !== undefined ||
      core?.ingest !== undefined;
    return due ? REFUSED : { ended: true };
  }

  #stateOf(core: StreamCore): SessionState {
    const { node } = this.membership;
    const own = sessionStateOf(core, node);
    if (own !== undefined) {
      const epoch = this.ownership.ownEpoch(streamKey(core.name)) ?? own.epoch;
      return { ...own, epoch, replicas: replicasOf(core) };
    }
    if (core.session !== undefined) return core.session;
    const { ingest } = core;
    return {
      state: ingest === undefined ? "hold" : "live",
      epoch: ingest?.grant.epoch ?? 0,
      generation: ingest?.grant.generation ?? 0,
      owner: "",
      ingest: ingest === undefined ? "" : node,
      startedAtMs: ingest?.startedAtMs ?? 0,
      replicas: [],
    };
  }

  /** Subscribers hear what has changed; those of a stream that was moved are sent after it. */
  #tell(core: StreamCore): void {
    const { session } = core;
    const moved = session !== undefined && session.owner !== this.membership.node &&
      core.publication === undefined && core.hold === undefined;
    const { nextSeq: seq } = core.log;
    if (moved) this.links.moved(core, { owner: session.owner, epoch: session.epoch, seq });
    else this.links.stateChanged(core);
  }

  /** This node does not decide about a stream any more; its viewers here are served by who does. */
  #disown(key: string): void {
    const core = this.#options.hub.get(streamNameOf(key));
    if (core === undefined || core.ended) return;
    const state = sessionStateOf(core, "");
    if (state === undefined) return;
    core.feed?.close();
    core.feed =
      core.publication =
      core.hold =
      core.pair =
        undefined;
    core.session = state;
    core.starved = core.ingest === undefined;
    this.links.refuseEdges(core, this.ownership.recall(key)?.node ?? this.membership.node);
    this.system.ref(EDGE_STREAM, key).tell.connect();
  }

  /** Gives the new owner the session; without it the publisher's node would find it by itself. */
  async #handOver(to: string, key: string, session: unknown, epoch: number): Promise<boolean> {
    const req = { ...session as Adoption, epoch };
    const message = { kind: STREAM.name, key, name: "adopt", req };
    const reply = await this.links.ask(to, { ...message, timeoutMs: ADOPT_TIMEOUT_MS });
    return reply.ok && reply.value === true;
  }
}
