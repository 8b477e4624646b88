/**
 * The API's view of the mesh, put together for one node.
 *
 * @module
 */
import type { NodeInfo, NodeView } from "../actors/http/node_view.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import { EventRing } from "./event_ring.ts";
import { LocalView } from "./local_view.ts";
import { MeshView } from "./mesh_view.ts";
import { NODE, NodeActor } from "./node_actor.ts";
import type { NodeParts } from "./node_parts.ts";

/** Makes the view and registers the actor through which other nodes see this one. */
export function viewOf(parts: NodeParts, addresses: NodeInfo["addresses"]): NodeView {
  const { system, admission } = parts;
  const events = new EventRing();
  followStreams(parts, events);
  const view = new LocalView(parts, () => []);
  const drain = () => void (admission.draining = true);
  system.register(NODE, () => new NodeActor({ view, events, drain }));
  return new MeshView({
    system,
    nodes: () => [ownInfo(parts, addresses)],
    draining: () => admission.draining,
    onMeshEvent: () => () => {},
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

/** This node as it sees itself. */
export function ownInfo(parts: NodeParts, addresses: NodeInfo["addresses"]): NodeInfo {
  const { config, admission, incarnation, meter, gauge, hub, flusher } = parts;
  return {
    name: config.name,
    host: config.name,
    incarnation,
    state: admission.draining ? "draining" : "up",
    addresses,
    load: {
      cpu: meter.cpuCores,
      lagMs: gauge.quantileMs(0.99),
      egressKbps: meter.egressKbps,
      streams: hub.size,
      viewers: flusher.viewers,
    },
  };
}
