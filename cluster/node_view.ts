/**
 * The node as its API sees it: what runs here, gathered when somebody asks.
 *
 * @module
 */
import type { Session } from "../actors/edge/session_table.ts";
import {
  type NodeInfo,
  type NodeView,
  type Page,
  pageOf,
  type PageRequest,
  type SessionInfo,
  type StreamInfo,
  type TrackInfo,
} from "../actors/http/node_view.ts";
import { VIEWER } from "../actors/edge/viewer_actor.ts";
import { INGEST } from "../actors/stream/ingest_actor.ts";
import { STREAM } from "../actors/stream/stream_actor.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import { streamKey, type StreamName } from "../actors/stream/stream_key.ts";
import { sumOfRepairs } from "../actors/stream/timeline_repair.ts";
import type { Track } from "../protocols/media/track.ts";
import { maskCredentials } from "./mask.ts";
import type { NodeParts } from "./node_parts.ts";

type ViewerCounts = StreamInfo["viewers"];

export class LocalNodeView implements NodeView {
  readonly #parts: NodeParts;
  readonly #addresses: NodeInfo["addresses"];

  constructor(parts: NodeParts, addresses: NodeInfo["addresses"]) {
    this.#parts = parts;
    this.#addresses = addresses;
  }

  async streams(request: PageRequest): Promise<Page<StreamInfo>> {
    const cores = [...this.#parts.hub.values()].filter((core) => !core.ended);
    const page = pageOf(cores, (core) => streamKey(core.name), request);
    const viewers = this.#countViewers();
    const items = page.items.map((core) => {
      return this.#streamInfo(core, viewers.get(streamKey(core.name)) ?? NOBODY);
    });
    return { items: await Promise.all(items), next: page.next };
  }

  async stream(app: string, name: string): Promise<StreamInfo | undefined> {
    const core = this.#parts.hub.get({ app, name });
    if (core === undefined || core.ended) return undefined;
    return await this.#streamInfo(core, this.#countViewers().get(streamKey(core.name)) ?? NOBODY);
  }

  async deleteStream(app: string, name: string): Promise<boolean> {
    const answer = await this.#actorOf({ app, name }).ask.end({ reason: "ended by an operator" });
    if (!answer.ok) throw new Error(`stream actor does not answer: ${answer.error}`);
    return answer.value;
  }

  nodes(request: PageRequest): Promise<Page<NodeInfo>> {
    const { config, admission, incarnation, meter, gauge, hub, flusher } = this.#parts;
    const node: NodeInfo = {
      name: config.name,
      host: config.name,
      incarnation,
      state: admission.draining ? "draining" : "up",
      addresses: this.#addresses,
      load: {
        cpu: meter.cpuCores,
        lagMs: gauge.quantileMs(0.99),
        egressKbps: meter.egressKbps,
        streams: hub.size,
        viewers: flusher.viewers,
      },
    };
    return Promise.resolve(pageOf([node], ({ name }) => name, request));
  }

  sessions(request: PageRequest): Promise<Page<SessionInfo>> {
    const page = pageOf(this.#parts.sessions.values(), ({ id }) => id, request);
    const items = page.items.map((session) => sessionInfo(session, this.#parts.config.name));
    return Promise.resolve({ items, next: page.next });
  }

  deleteSession(id: string): Promise<boolean> {
    const { sessions, system } = this.#parts;
    const session = sessions.get(id);
    if (session === undefined) return Promise.resolve(false);
    const actor = system.ref(session.role === "publish" ? INGEST : VIEWER, id);
    return Promise.resolve(actor.tell.kick({ reason: "disconnected by an operator" }));
  }

  ready(): { ready: boolean; reason?: string } {
    return this.#parts.admission.draining ? { ready: false, reason: "draining" } : { ready: true };
  }

  #actorOf(name: StreamName) {
    return this.#parts.system.ref(STREAM, streamKey(name));
  }

  async #streamInfo(core: StreamCore, viewers: ViewerCounts): Promise<StreamInfo> {
    const answer = await this.#actorOf(core.name).ask.describe();
    const described = answer.ok ? answer.value : { state: "idle" as const };
    const live = described.state === "idle" ? undefined : described;
    return {
      ...core.name,
      state: described.state,
      owner: this.#parts.config.name,
      epoch: live?.grant.epoch ?? 0,
      generation: live?.grant.generation ?? 0,
      ingest: described.state === "live" ? described.publisher.node : null,
      startedAt: live === undefined ? null : new Date(live.startedAtMs).toISOString(),
      tracks: core.log.head.tracks.map(trackInfo),
      bitrateKbps: this.#parts.meter.bitrateKbps(core),
      viewers,
      drops: core.counters.jumps,
      repairs: sumOfRepairs(core.repairs),
      repairsByKind: { ...core.repairs },
    };
  }

  #countViewers(): Map<string, ViewerCounts> {
    const counts = new Map<string, ViewerCounts>();
    for (const { role, stream, protocol } of this.#parts.sessions.values()) {
      if (role !== "play") continue;
      const key = streamKey(stream);
      const { total, byProtocol } = counts.get(key) ?? NOBODY;
      const ofProtocol = (byProtocol[protocol] ?? 0) + 1;
      counts.set(key, { total: total + 1, byProtocol: { ...byProtocol, [protocol]: ofProtocol } });
    }
    return counts;
  }
}

const NOBODY: ViewerCounts = { total: 0, byProtocol: {} };

function trackInfo(track: Track): TrackInfo {
  if (track.kind === "audio") {
    const { kind, codec, sampleRate, channels } = track;
    return { kind, codec, sampleRate, channels };
  }
  const { kind, codec, width, height, frameRate } = track;
  return { kind, codec, width, height, fps: frameRate };
}

function sessionInfo(session: Session, node: string): SessionInfo {
  const { id, protocol, role, stream, remoteAddress, userAgent, outlet, viewer } = session;
  return {
    id,
    node,
    protocol,
    role,
    ...stream,
    remoteAddress,
    startedAt: new Date(session.startedAtMs).toISOString(),
    bytesIn: session.bytesIn(),
    bytesOut: outlet.bytesOut,
    jumps: viewer?.jumps ?? 0,
    userAgent: userAgent === "" ? null : maskCredentials(userAgent),
  };
}
