/**
 * What runs on this node, gathered when somebody asks.
 *
 * @module
 */
import type { Session } from "../actors/edge/session_table.ts";
import {
  type BackupInfo,
  type EdgeInfo,
  type LinkInfo,
  type Page,
  pageOf,
  type PageRequest,
  type SessionInfo,
  type StreamInfo,
  type TrackInfo,
} from "../actors/http/node_view.ts";
import type { StreamCore, StreamCounters } from "../actors/stream/stream_core.ts";
import { streamKey, type StreamName } from "../actors/stream/stream_key.ts";
import { healthOf } from "../actors/stream/switch_judge.ts";
import { sumOfRepairs } from "../actors/stream/timeline_repair.ts";
import type { Track } from "../protocols/media/track.ts";
import { maskCredentials } from "./mask.ts";
import type { NodeParts } from "./node_parts.ts";

type ViewerCounts = StreamInfo["viewers"];

/** How much a node has to say about a stream: its owner's word counts most. */
export type Authority = "owner" | "ingest" | "edge" | "waiting";

/** A stream as one node sees it: viewers, drops and repairs are that node's own. */
export interface StreamPart extends StreamInfo {
  readonly authority: Authority;
}

export class LocalView {
  readonly #parts: NodeParts;
  readonly #links: () => readonly LinkInfo[];

  constructor(parts: NodeParts, links: () => readonly LinkInfo[]) {
    this.#parts = parts;
    this.#links = links;
  }

  streams(request: PageRequest): Page<StreamPart> {
    const cores = [...this.#parts.hub.values()].filter(isThere);
    const page = pageOf(cores, (core) => streamKey(core.name), request);
    const viewers = this.#countViewers();
    const items = page.items.map((core) => {
      return this.#streamPart(core, viewers.get(streamKey(core.name)) ?? NOBODY);
    });
    return { items, next: page.next };
  }

  stream(name: StreamName): StreamPart | undefined {
    const core = this.#parts.hub.get(name);
    if (core === undefined || !isThere(core)) return undefined;
    return this.#streamPart(core, this.#countViewers().get(streamKey(name)) ?? NOBODY);
  }

  sessions(request: PageRequest): Page<SessionInfo> {
    const page = pageOf(this.#parts.sessions.values(), ({ id }) => id, request);
    const items = page.items.map((session) => sessionInfo(session, this.#parts.node));
    return { items, next: page.next };
  }

  links(): readonly LinkInfo[] {
    return this.#links();
  }

  #streamPart(core: StreamCore, viewers: ViewerCounts): StreamPart {
    const { publication, hold, session, ingest } = core;
    const owned = publication ?? hold?.last;
    const known = owned ?? ingest;
    const state = publication !== undefined || ingest !== undefined
      ? "live"
      : hold !== undefined
      ? "hold"
      : session?.state ?? "idle";
    const startedAtMs = known?.startedAtMs ?? session?.startedAtMs;
    return {
      ...core.name,
      authority: authorityOf(core),
      state,
      owner: owned !== undefined ? this.#parts.node : session?.owner ?? "",
      epoch: known?.grant.epoch ?? session?.epoch ?? 0,
      generation: known?.grant.generation ?? session?.generation ?? 0,
      ...this.#pairOf(core),
      ingest: state !== "live" ? null : known?.publisher.node ?? session?.ingest ?? null,
      startedAt: startedAtMs === undefined ? null : new Date(startedAtMs).toISOString(),
      tracks: core.log.head.tracks.map(trackInfo),
      bitrateKbps: this.#parts.meter.bitrateKbps(core),
      viewers,
      drops: core.counters.jumps,
      repairs: sumOfRepairs(core.repairs),
      repairsByKind: { ...core.repairs },
      edges: core.feed === undefined ? [] : [this.#edgeOf(core.counters, core.feed.node, viewers)],
    };
  }

  /** What the owner knows of both publishers of a stream. */
  #pairOf({ pair, publication, newestAtMs }: StreamCore) {
    const { switches = 0, backup } = pair ?? {};
    const nowMs = this.#parts.ports.clock.nowMs();
    const ingestHealth = pair === undefined || publication === undefined
      ? null
      : healthOf(pair.playedVitals(newestAtMs, nowMs));
    if (pair === undefined || backup === undefined) return { ingestHealth, backup: null, switches };
    const vitals = pair.backupVitals(backup, nowMs);
    const info: BackupInfo = {
      session: backup.ingestId,
      node: backup.node,
      health: healthOf(vitals),
      since: new Date(backup.sinceMs).toISOString(),
      bitrateKbps: Math.round(vitals.bitrateKbps),
      missing: vitals.missing,
      repairs: vitals.repairs,
    };
    return { ingestHealth, backup: info, switches };
  }

  #edgeOf(counters: StreamCounters, from: string, { total }: ViewerCounts): EdgeInfo {
    const { linkFrames: framesIn, linkBytes: bytesIn, linkJumps: jumps } = counters;
    return { node: this.#parts.node, from, viewers: total, framesIn, bytesIn, jumps };
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

/** Somebody publishes or wants it; one that was looked for in vain is about to be forgotten. */
function isThere({ ended, idle }: StreamCore): boolean {
  return !ended && !idle;
}

function authorityOf({ publication, hold, ingest, session }: StreamCore): Authority {
  if (publication !== undefined || hold !== undefined) return "owner";
  if (ingest !== undefined) return "ingest";
  return session !== undefined ? "edge" : "waiting";
}

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
