/**
 * What must hold in a simulation, always or when all has settled.
 *
 * Named as in the mesh's design: I1 an epoch has one holder; I2 the epochs that an edge accepts
 * never fall; I3 no record is left out or comes twice in planned moves (the viewers look); I4 a
 * segment is cut once; I5 after the faults every publisher has one owner, and its frames arrive; I6
 * nothing grows beyond its cap; I7 a viewer's timeline rises, audio and video together (the viewers
 * look), and a record is the same wherever it is seen. And in `owner_watch.ts`: I8 nobody owns beside
 * another for long, or owns what it cannot know to own; I9 nobody is expelled whom nothing ails.
 *
 * @module
 */
import type { StreamCore } from "../../actors/stream/stream_core.ts";
import { streamKey } from "../../actors/stream/stream_key.ts";
import { LOG_RECORDS_MAX } from "../../actors/stream/stream_log.ts";
import type { UpstreamSink } from "../../actors/stream/upstream.ts";
import type { LogRecord, MarkRecord } from "../../protocols/media/record.ts";
import type { SimNode } from "./sim_node.ts";
import type { SimPublisher } from "./sim_publisher.ts";
import type { SimTime } from "./sim_time.ts";
import { beatOf, type SimViewer } from "./sim_viewer.ts";
import type { Trace } from "./trace.ts";

/** Most faults told of one seed: those after the first few follow from them. */
const FAULTS_MAX = 20;

/** Caps are looked at this rarely: it takes long, and what has grown stays. */
const LOOKS_PER_CAPS = 5;

/** Caps of what a node of a simulation may have (I6): some times what its load explains. */
const ACTORS_MAX = 64;
const ASKS_MAX = 256;
const SUBSCRIPTIONS_MAX = 8;
const LINKS_MAX = 24;
/** Longest log: its window, the newest group of pictures and what is being appended. */
const LOG_RECORDS_CAP = 512;

export class Invariants {
  readonly faults: string[] = [];
  readonly #time: SimTime;
  readonly #trace: Trace;
  #looks = 0;
  /** Who was seen to own under an epoch: "key epoch" -> "node incarnation". */
  readonly #holders = new Map<string, string>();
  /** What record each number of each session is: "stream generation seq" -> content. */
  readonly #records = new Map<string, string>();
  /** Where each segment begins: "stream generation number" -> decode time. */
  readonly #segments = new Map<string, number>();

  constructor(time: SimTime, trace: Trace) {
    this.#time = time;
    this.#trace = trace;
  }

  /** Something does not hold. */
  fault(text: string): void {
    this.#trace.note(() => `!! ${text}`);
    if (this.faults.length >= FAULTS_MAX) return;
    this.faults.push(`${this.#time.nowMs.toFixed(1)} ms: ${text}`);
  }

  /** Looks at what owners say to a node (I2). */
  watch(node: SimNode): void {
    const { links } = node.mesh;
    const open = links.open.bind(links);
    const accepted = new Map<string, number>();
    links.open = (request) => {
      if (request.mode !== "edge") return open(request);
      const { sink } = request;
      const key = streamKey(request.name);
      const watched: UpstreamSink = {
        started: (start, caughtUpSeq) => sink.started(start, caughtUpSeq),
        record: (record) => sink.record(record),
        closed: (end) => sink.closed(end),
        state: (state) => {
          sink.state(state);
          if (node.hub.get(request.name)?.session !== state) return; // Refused.
          const highest = accepted.get(key) ?? 0;
          if (state.epoch < highest) {
            this.fault(`I2 ${node.name} accepts epoch ${state.epoch} of ${key} after ${highest}`);
          }
          accepted.set(key, Math.max(highest, state.epoch));
        },
      };
      return open({ ...request, sink: watched });
    };
  }

  /** A viewer sees a record. */
  seen({ name, log }: StreamCore, record: LogRecord): void {
    const generation = log.anchorAt(record.seq)?.generation ?? 0;
    const content = record.kind === "frame"
      ? `${record.track.kind} ${beatOf(record)} ${record.dtsUs}`
      : `${record.kind} ${record.dtsUs}`;
    this.#trace.count(record.seq);
    this.#trace.count(record.dtsUs);
    if (record.kind === "mark") this.#commits(name.name, generation, record);
    const key = `${name.name} ${generation} ${record.seq}`;
    const known = this.#records.get(key);
    if (known === undefined) this.#records.set(key, content);
    else if (known !== content) this.fault(`I7 record ${key} is ${known} and ${content}`);
  }

  /** I4: whoever cuts segments, one name stands for one segment. */
  #commits(stream: string, generation: number, { segment, dtsUs }: MarkRecord): void {
    const key = `${stream} ${generation} segment ${segment}`;
    const known = this.#segments.get(key) ?? dtsUs;
    this.#segments.set(key, known);
    if (known !== dtsUs) this.fault(`I4 ${key} begins at ${known} us and at ${dtsUs} us`);
  }

  /** What must hold at every moment. */
  check(living: readonly SimNode[]): void {
    const caps = ++this.#looks % LOOKS_PER_CAPS === 0;
    for (const node of living) {
      this.#checkEpochs(node);
      if (caps) this.#checkCaps(node);
    }
  }

  /** Each publisher that is connected has one owner, which knows it (I5). */
  checkOwners(living: readonly SimNode[], publishers: readonly SimPublisher[]): void {
    for (const { name, session } of publishers) {
      const key = streamKey(name);
      if (session === undefined) {
        this.fault(`I5 ${key} has no publisher`);
        continue;
      }
      const owners = living.filter(({ mesh }) => mesh.ownership.ownEpoch(key) !== undefined);
      const text = owners.map(({ name }) => name).join(", ");
      if (owners.length !== 1) this.fault(`I5 ${key} has owners: ${text}`);
      const [owner] = owners;
      const ingestId = owner?.hub.get(name)?.publication?.publisher.ingestId;
      if (owner !== undefined && ingestId !== session.id) {
        this.fault(`I5 ${key}: ${text} has publisher ${ingestId}, which is ${session.id}`);
      }
    }
  }

  /** Every viewer has seen the frame with this number, by stream (I5). */
  checkArrivals(viewers: readonly SimViewer[], beats: ReadonlyMap<string, number>): void {
    for (const { label, name, beat, node } of viewers) {
      const sent = beats.get(name.name)!;
      if (beat >= sent) continue;
      this.fault(`I5 ${label} on ${node ?? "no node"} has seen frame ${beat}, sent was ${sent}`);
    }
  }

  #checkEpochs({ name, mesh: { ownership, membership } }: SimNode): void {
    for (const key of ownership.keys()) {
      const epoch = `${key} ${ownership.ownEpoch(key)}`;
      // While it joins anew it has no number, and owns for the time being what nobody can claim.
      if (membership.incarnation === 0) continue;
      const holder = `${name} ${membership.incarnation}`;
      const known = this.#holders.get(epoch) ?? holder;
      if (known !== holder) this.fault(`I1 ${epoch} is held by ${known} and ${holder}`);
      this.#holders.set(epoch, known);
    }
  }

  #checkCaps({ name, mesh, hub }: SimNode): void {
    const most = (what: string, count: number, max: number) => {
      if (count > max) this.fault(`I6 ${name} has ${count} ${what}, at most ${max} are expected`);
    };
    most("actors", mesh.system.count(), ACTORS_MAX);
    most("asks", mesh.system.asksInFlight, ASKS_MAX);
    const links = mesh.links.snapshot();
    most("links", links.length, LINKS_MAX);
    for (const { subscriptions } of links) most("subscriptions", subscriptions, SUBSCRIPTIONS_MAX);
    for (const { log } of hub.values()) {
      most("records", log.nextSeq - log.firstSeq, Math.min(LOG_RECORDS_CAP, LOG_RECORDS_MAX));
    }
  }
}
