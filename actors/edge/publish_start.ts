/**
 * How a publisher begins, whatever protocol it speaks: is there room, and does the owner let it.
 *
 * @module
 */
import { Ingest } from "../stream/ingest.ts";
import type { IngestStart } from "../stream/ingests.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { Repaired } from "../stream/timeline_repair.ts";
import type { Edge } from "./edge.ts";
import { refusePublisher } from "./limit_refusal.ts";

/** A publisher that may send, or one sentence why not. */
export type PublishStart =
  | { readonly ok: true; readonly ingestId: string; readonly ingest: Ingest }
  | { readonly ok: false; readonly busy: boolean; readonly description: string };

export interface PublishOptions {
  readonly name: StreamName;
  /** Streams that its connection publishes already. */
  readonly publishing: number;
  /** Told of each repair of a timestamp. */
  readonly repaired: Repaired;
  /** Its format has no decode times. */
  readonly presentationOnly?: true;
  /** Players of other protocols get AAC where its audio is none that they have. */
  readonly derives?: true;
}

/** What one publisher may send. */
export interface PublishLimits {
  readonly bitsPerSecondMax: number;
  readonly frameBytesMax: number;
}

type Refused = Extract<IngestStart, { ok: false }>;

/** What a client is told of a refusal. */
const WHY: Readonly<Record<Exclude<Refused["reason"], "unreachable">, string>> = {
  busy: "somebody else publishes it",
  full: "the node has no memory for another stream",
  moved: "its owner is changing at this moment; try again",
};

/** Asks the stream's owner; counts a refusal. End it with `edge.ingests.end`. */
export async function startPublish(edge: Edge, options: PublishOptions): Promise<PublishStart> {
  const { name: { app, name }, repaired, presentationOnly, derives } = options;
  const refusal = refusalOf(edge, options);
  if (refusal !== undefined) return { ok: false, busy: false, description: refusal };
  const ingestId = edge.sessions.newId();
  const started = await edge.ingests.start({ app, name }, ingestId);
  if (started.ok) {
    const ingest = new Ingest(started.core, started.grant, {
      clock: edge.ports.clock,
      repaired,
      presentationOnly,
      transcoder: derives ? edge.transcoder : undefined,
    });
    return { ok: true, ingestId, ingest };
  }
  const { reason } = started;
  if (reason !== "unreachable") edge.admission.refuse(reason);
  const why = reason === "unreachable"
    ? `the stream's owner does not answer (${started.error})`
    : WHY[reason];
  return {
    ok: false,
    busy: reason === "busy",
    description: `Cannot publish ${app}/${name}: ${why}`,
  };
}

/** Bounds of one publisher: its application's, else the node's. */
export function publishLimits({ applications, limits }: Edge, app: string): PublishLimits {
  const { publishBitsPerSecondMax, frameBytesMax } = applications.of(app).limits;
  return {
    bitsPerSecondMax: publishBitsPerSecondMax ?? limits.publishBitsPerSecondMax,
    frameBytesMax: frameBytesMax ?? limits.frameBytesMax,
  };
}

function refusalOf(edge: Edge, { name, publishing }: PublishOptions): string | undefined {
  if (edge.admission.draining) {
    edge.admission.refuse("draining");
    return "Cannot publish here: the node is draining; connect to another one";
  }
  const refusal = refusePublisher(edge, name, publishing);
  return refusal && `Cannot publish: ${refusal.description}`;
}
