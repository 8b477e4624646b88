/**
 * The numbers of one node for its metrics, read when somebody scrapes.
 *
 * @module
 */
import { readThisProcess } from "../actors/http/metrics.ts";
import type { LinkNumbers, MetricsPart, MetricsSnapshot } from "../actors/http/metrics_source.ts";
import { addCounts } from "../actors/stream/stream_hub.ts";
import type { LinkSnapshot } from "./link/link_settings.ts";
import type { NodeParts } from "./node_parts.ts";
import { timersPending } from "./system_ports.ts";

/** What this worker adds to the metrics of its host. */
export function metricsPart(parts: NodeParts): MetricsPart {
  return { worker: parts.node, snapshot: nodeSnapshot(parts), usage: readThisProcess() };
}

/** The node's numbers as they are now. */
export function nodeSnapshot(parts: NodeParts): MetricsSnapshot {
  const { admission, sessions, hub, traffic, sweep, flusher, gauge, system, mesh, fetches } = parts;
  const publishers: Record<string, number> = {};
  const viewers: Record<string, number> = {};
  for (const { role, protocol } of sessions.values()) {
    const counts = role === "publish" ? publishers : viewers;
    counts[protocol] = (counts[protocol] ?? 0) + 1;
  }
  const streams = { live: 0, hold: 0, idle: 0 };
  for (const { publication, hold } of hub.values()) {
    streams[publication !== undefined ? "live" : hold !== undefined ? "hold" : "idle"]++;
  }
  const totals = { ...hub.past };
  const repairs = { ...hub.pastRepairs };
  for (const core of hub.values()) {
    addCounts(totals, core.counters);
    addCounts(repairs, core.repairs);
  }
  const bytes = (way: "in" | "out") =>
    Object.fromEntries(Object.entries(traffic).map(([protocol, sums]) => [protocol, sums[way]]));
  return {
    connections: admission.connections,
    publishers,
    viewers,
    streams,
    backups: parts.ingests.paired.backups,
    switches: { ...hub.switches },
    bytesIn: bytes("in"),
    bytesOut: bytes("out"),
    framesIn: totals.frames - totals.linkFrames,
    linkFramesIn: totals.linkFrames,
    linkBytesIn: totals.linkBytes,
    linkJumpsIn: totals.linkJumps,
    hlsFetches: fetches.counters.fetches,
    hlsFetchedBytes: fetches.counters.bytes,
    hlsFetchesShared: fetches.counters.shared,
    links: linkNumbers(mesh.links.snapshot()),
    lateJumps: totals.jumps,
    viewersTimedOut: sweep.timedOut,
    repairs: { ...repairs },
    refused: admission.refused,
    flushWindowMs: flusher.windowMs,
    loopLatenessMs: { p50: gauge.quantileMs(0.5), p99: gauge.quantileMs(0.99) },
    mediaMemory: { usedBytes: hub.budget.usedBytes, limitBytes: hub.budget.limitBytes },
    mailboxRefusals: { all: system.counters.refused },
    actors: system.count(),
    timers: timersPending(),
    redisOk: mesh.membership.redisOk,
  };
}

/** Both directions of what is between this node and each other one. */
export function linkNumbers(links: readonly LinkSnapshot[]): LinkNumbers {
  const sum = (read: (link: LinkSnapshot) => number) => {
    const sums: Record<string, number> = {};
    for (const link of links) sums[link.node] = (sums[link.node] ?? 0) + read(link);
    return sums;
  };
  const streams = (way: LinkSnapshot["direction"]) =>
    sum(({ direction, subscriptions }) => direction === way ? subscriptions : 0);
  return {
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    framesIn: sum(({ framesIn }) => framesIn),
    framesOut: sum(({ framesOut }) => framesOut),
    rttMs: sum(({ rttMs }) => rttMs), // Known of the link that this node dialled alone.
    streamsIn: streams("out"),
    streamsOut: streams("in"),
    creditStalls: sum(({ creditStalls }) => creditStalls),
    jumps: sum(({ jumps }) => jumps),
  };
}
