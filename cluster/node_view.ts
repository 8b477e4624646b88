/**
 * The API's view of the mesh, put together for one node.
 *
 * @module
 */
import { hostPort } from "../actors/edge/host_port.ts";
import type { EventKind, LinkInfo, NodeInfo } from "../actors/http/node_view.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import type { Member } from "./directory/directory.ts";
import { EventRing, type MeshEvent } from "./event_ring.ts";
import { LocalView } from "./local_view.ts";
import { LONE_PORT } from "./mesh_home.ts";
import { MeshView } from "./mesh_view.ts";
import { NODE, NodeActor } from "./node_actor.ts";
import { metricsPart } from "./node_metrics.ts";
import type { NodeParts } from "./node_parts.ts";

/** Makes the view and registers the actor through which other nodes see this one. */
export function viewOf(parts: NodeParts, restart?: () => void): MeshView {
  const { system, admission } = parts;
  const events = new EventRing();
  followStreams(parts, events);
  followPairs(parts, events);
  const view = new LocalView(parts, () => linkInfos(parts));
  const drain = () => void drainNode(parts);
  const metrics = () => metricsPart(parts);
  system.register(NODE, () => new NodeActor({ view, events, drain, restart, metrics }));
  return new MeshView({
    system,
    nodes: () => nodeInfos(parts),
    draining: () => admission.draining,
    onMeshEvent: nodeEvents(parts),
  });
}

/** What this node decides about its streams is told to those who follow. */
function followStreams({ hub, ports }: NodeParts, events: EventRing): void {
  const last = new Map<string, string>();
  hub.stateListeners.add((core) => {
    const { publication, hold, session, ended } = core;
    const key = streamKey(core.name);
    const kind = ended
      ? "stream-ended"
      : publication !== undefined
      ? last.has(key) ? "stream-resumed" : "stream-started"
      : hold !== undefined
      ? "stream-held"
      : "stream-moved";
    if (kind === "stream-ended" || kind === "stream-moved") last.delete(key);
    else last.set(key, kind);
    const known = publication ?? hold?.last;
    events.add({
      kind,
      atMs: ports.clock.wallMs(),
      ...core.name,
      epoch: known?.grant.epoch ?? session?.epoch ?? 0,
      generation: known?.grant.generation ?? session?.generation ?? 0,
      ...(kind === "stream-moved" ? { to: session?.owner } : {}),
      ...(publication === undefined ? {} : { ingest: publication.publisher.node }),
    });
  });
}

/** The same of what happens between two publishers of a stream. */
function followPairs({ hub, ports }: NodeParts, events: EventRing): void {
  hub.pairListeners.add(({ name }, notice) => {
    events.add({ atMs: ports.clock.wallMs(), ...name, ...notice });
  });
}

/**
 * Takes no new work; its streams and clients go to other nodes. Resolves when no stream is left
 * that another node would have.
 */
export function drainNode({ admission, mesh, departures }: NodeParts): Promise<void> {
  admission.draining = true;
  departures.start();
  return mesh.drain();
}

/** Who comes, goes and changes, as this node sees it. */
function nodeEvents({ mesh, ports }: NodeParts) {
  const listeners = new Set<(event: MeshEvent) => void>();
  mesh.membership.onView(({ joined, left, changed }) => {
    const atMs = ports.clock.wallMs();
    const tell = (kind: EventKind, members: readonly { node: string; incarnation: number }[]) => {
      for (const { node, incarnation } of members) {
        for (const listener of listeners) listener({ kind, atMs, node, incarnation });
      }
    };
    tell("node-joined", joined);
    tell("node-left", left);
    tell("node-changed", changed);
  });
  return (listener: (event: MeshEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
}

/** Every member with its newest report; this node even before it has joined. */
function nodeInfos({ mesh, config, home, admission }: NodeParts): NodeInfo[] {
  const { members, loads, incarnation } = mesh.membership;
  const infos = [...members.values()].map((member): NodeInfo => ({
    name: member.node,
    host: member.host,
    incarnation: member.incarnation,
    state: member.state,
    redis: mesh.outage.redisOf(member.node),
    zone: member.zone,
    addresses: { ...member.addresses, ...meshAddress(member) },
    load: loads.get(member.node) ?? NO_LOAD,
  }));
  if (members.has(config.name)) return infos;
  const state = admission.draining ? "draining" : "up";
  const { name, zone } = config;
  const redis = mesh.outage.redisOf(name);
  const self = { name, host: name, incarnation, state, redis, zone } as const;
  return [...infos, { ...self, addresses: home.addresses, load: NO_LOAD }];
}

const NO_LOAD = { cpu: 0, lagMs: 0, egressKbps: 0, streams: 0, viewers: 0 };

function meshAddress({ address, port }: Member): { mesh?: string } {
  return port === LONE_PORT ? {} : { mesh: hostPort({ hostname: address, port }) };
}

function linkInfos({ mesh, node }: NodeParts): LinkInfo[] {
  return mesh.links.snapshot().map((link) => ({
    node,
    peer: link.node,
    direction: link.direction,
    state: link.state === "up" ? "up" : "connecting",
    since: link.sinceMs === 0 ? null : new Date(link.sinceMs).toISOString(),
    rttMs: link.rttMs,
    bytesIn: link.bytesIn,
    bytesOut: link.bytesOut,
    framesIn: link.framesIn,
    framesOut: link.framesOut,
    subscriptionsIn: link.direction === "in" ? link.subscriptions : 0,
    subscriptionsOut: link.direction === "out" ? link.subscriptions : 0,
    creditStalls: link.creditStalls,
    jumps: link.jumps,
  }));
}
