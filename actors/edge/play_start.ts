/**
 * How a viewer on a connection of its own begins, whatever protocol it speaks.
 *
 * @module
 */
import type { StreamCore } from "../stream/stream_core.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { Edge } from "./edge.ts";
import { refuseViewer } from "./limit_refusal.ts";

/** A stream to watch, perhaps not live yet, or one sentence why not. */
export type PlayStart =
  | {
    readonly ok: true;
    readonly core: StreamCore;
    /** How long it waits for a publisher, in milliseconds. */
    readonly waitMs: number;
  }
  | { readonly ok: false; readonly notFound: boolean; readonly description: string };

/** Whether there is room for a viewer; counts a refusal. The stream was looked for before. */
export function startPlay(edge: Edge, name: StreamName): PlayStart {
  const { playWaitMs } = edge.applications.of(name.app);
  if (edge.admission.draining) {
    edge.admission.refuse("draining");
    return refused("Cannot play here: the node is draining; connect to another one");
  }
  if (playWaitMs === 0 && !edge.hub.get(name)?.live) return notPublished(edge, name);
  const full = refuseViewer(edge, name);
  if (full !== undefined) return refused(`Cannot play: ${full.description}`);
  const core = edge.hub.open(name);
  if (core !== undefined) return { ok: true, core, waitMs: playWaitMs };
  edge.admission.refuse("full");
  return refused("Cannot play: the node has as many streams as it can hold");
}

/** Nobody publishes it, or nobody has come in time; counted. */
export function notPublished({ admission }: Edge, { app, name }: StreamName) {
  admission.refuse("not-found");
  const description = `Cannot play ${app}/${name}: nobody publishes it`;
  return { ok: false, notFound: true, description } as const;
}

function refused(description: string): PlayStart {
  return { ok: false, notFound: false, description };
}
