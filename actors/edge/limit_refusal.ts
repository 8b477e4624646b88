/**
 * Whether there is room for one more publisher or viewer.
 *
 * @module
 */
import type { StreamName } from "../stream/stream_key.ts";
import type { Refusal } from "./admission.ts";
import type { Edge } from "./edge.ts";

/** Why a publisher or viewer is not taken, and what it is told. */
export interface LimitRefusal {
  readonly reason: Refusal;
  readonly description: string;
}

/** Whether an application has room for one more viewer; counted when it has not. */
export function refuseViewer(edge: Edge, { app }: StreamName): LimitRefusal | undefined {
  const { connectionsMax } = edge.applications.of(app).limits;
  if (connectionsMax === undefined || edge.sessions.countOf(app) < connectionsMax) return undefined;
  return {
    reason: edge.admission.refuse("application-connections"),
    description: `${app} has as many publishers and viewers as it may have`,
  };
}

/**
 * Whether there is room for one more publisher; counted when there is not.
 *
 * @param publishing Streams that its connection publishes already.
 */
export function refusePublisher(
  edge: Edge,
  name: StreamName,
  publishing: number,
): LimitRefusal | undefined {
  const { publishesMax } = edge.limits;
  if (publishing >= publishesMax) {
    return {
      reason: edge.admission.refuse("max-publishes"),
      description: `this connection publishes ${publishesMax} streams already`,
    };
  }
  const { streamsMax } = edge.applications.of(name.app).limits;
  if (streamsMax !== undefined && !edge.hub.get(name)?.live) {
    if (streamsOf(edge, name.app) >= streamsMax) {
      return {
        reason: edge.admission.refuse("application-streams"),
        description: `${name.app} has as many streams as it may have`,
      };
    }
  }
  return refuseViewer(edge, name);
}

function streamsOf({ hub }: Edge, app: string): number {
  let count = 0;
  for (const core of hub.values()) {
    if (core.name.app === app && core.live) count++;
  }
  return count;
}
