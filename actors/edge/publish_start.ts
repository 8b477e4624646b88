/**
 * How a publisher begins, whatever protocol it speaks: is there room, and does the owner let it.
 *
 * @module
 */
import { Ingest, type IngestOptions } from "../stream/ingest.ts";
import { type FrameIntake, Intake } from "../stream/intake.ts";
import type { IngestStart } from "../stream/stream_protocol.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { Repaired } from "../stream/timeline_repair.ts";
import type { Edge } from "./edge.ts";
import { refusePublisher } from "./limit_refusal.ts";

/** A publisher that may send, or one sentence why not. */
export type PublishStart =
  | { readonly ok: true; readonly ingestId: string; readonly ingest: FrameIntake }
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
  "backed-up": "somebody else publishes it, and another one is the backup",
  backup: "somebody else publishes it",
  moved: "its owner is changing at this moment; try again",
};

/** Asks the stream's owner; counts a refusal. End it with `edge.ingests.end`. */
export async function startPublish(edge: Edge, options: PublishOptions): Promise<PublishStart> {
  const { name: { app, name }, repaired, presentationOnly, derives } = options;
  const refusal = refusalOf(edge, options);
  if (refusal !== undefined) return { ok: false, busy: false, description: refusal };
  const ingestId = edge.sessions.newId();
  const started = await begin(edge, { app, name }, ingestId, {
    clock: edge.ports.clock,
    repaired,
    presentationOnly,
    transcoder: derives ? edge.transcoder : undefined,
  });
  if (started.ok) return { ok: true, ingestId, ingest: started.ingest };
  const { reason } = started;
  if (reason !== "unreachable") edge.admission.refuse(reason === "backup" ? "busy" : reason);
  const why = reason === "unreachable"
    ? `the stream's owner does not answer (${started.error})`
    : WHY[reason];
  return {
    ok: false,
    busy: reason === "busy" || reason === "backed-up",
    description: `Cannot publish ${app}/${name}: ${why}`,
  };
}

/** Where an application keeps backups, whoever publishes may become one, or be one from now on. */
async function begin(
  { ingests, applications, hub }: Edge,
  name: StreamName,
  ingestId: string,
  options: IngestOptions,
): Promise<{ readonly ok: true; readonly ingest: FrameIntake } | Refused> {
  if (applications.of(name.app).publishBackup) {
    const intake = new Intake(hub.budget, options);
    const started = await ingests.paired.start(name, ingestId, intake);
    return started.ok ? { ok: true, ingest: intake } : started;
  }
  const started = await ingests.start(name, ingestId);
  if (!started.ok) return started;
  return { ok: true, ingest: new Ingest(started.core, started.grant, options) };
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
