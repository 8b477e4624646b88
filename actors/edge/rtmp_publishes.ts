/**
 * What one RTMP connection publishes: usually one stream, at most a few.
 *
 * @module
 */
import type { MediaTypeId, PublishRequest } from "../../protocols/rtmp/server_events.ts";
import { Ingest } from "../stream/ingest.ts";
import { INGEST, IngestActor } from "../stream/ingest_actor.ts";
import { STREAM } from "../stream/stream_actor.ts";
import { streamKey, type StreamName } from "../stream/stream_key.ts";
import { DropReport } from "./drop_report.ts";
import { RepairReport } from "./repair_report.ts";
import type { RtmpPeer } from "./rtmp_peer.ts";
import { refuseRtmp } from "./rtmp_access.ts";
import { RtmpPublisher } from "./rtmp_publisher.ts";

/** Streams one connection may publish: an encoder's ladder of qualities. */
const PUBLISHES_MAX = 16;

/** A stream's actor that cannot take "unpublish" now is told again after this long. */
const UNPUBLISH_RETRY_MS = 100;

interface Publish {
  readonly ingestId: string;
  readonly name: StreamName;
  readonly publisher: RtmpPublisher;
}

export class RtmpPublishes {
  readonly #peer: RtmpPeer;
  readonly #drops: DropReport;
  readonly #repairs: RepairReport;
  readonly #byStreamId = new Map<number, Publish>();
  /** The publisher of the last message and its stream id: nearly always that of the next. */
  #lastStreamId = -1;
  #last: RtmpPublisher | undefined;
  #closed = false;

  constructor(peer: RtmpPeer) {
    this.#peer = peer;
    this.#drops = new DropReport(peer.log, peer.edge.ports.timers);
    this.#repairs = new RepairReport(peer.log, peer.edge.ports.timers);
  }

  /** Streams being published now. */
  get size(): number {
    return this.#byStreamId.size;
  }

  /** Asks the stream's owner and tells the client; resolves when it is decided. */
  async start(request: PublishRequest): Promise<void> {
    const { edge, session, log } = this.#peer;
    const { streamId, app, name } = request;
    const denied = await refuseRtmp(this.#peer, "publish", request);
    if (denied !== undefined) return this.#refuse(streamId, denied.code, denied.description);
    const refusal = this.#refusal();
    if (refusal !== undefined) return this.#refuse(streamId, "NetStream.Publish.Failed", refusal);
    const ingestId = edge.sessions.newId();
    const answer = await edge.system.ref(STREAM, streamKey(request))
      .ask.publish({ ingestId, node: edge.node });
    if (!answer.ok) {
      return this.#refuse(
        streamId,
        "NetStream.Publish.Failed",
        `Cannot publish ${app}/${name}: the stream's owner does not answer (${answer.error})`,
      );
    }
    if (!answer.value.ok) return this.#refuseFor(answer.value.reason, request);
    if (this.#closed) return this.#unpublish(ingestId, request, true);
    const core = edge.hub.get(request)!;
    const repaired = this.#repairs.note.bind(this.#repairs, streamKey(request));
    const ingest = new Ingest(core, answer.value.grant, { ...edge.ports, repaired });
    const publisher = new RtmpPublisher(ingest, (reason) => this.#drops.note(reason));
    edge.hub.flusher.publishers++;
    this.#byStreamId.set(streamId, { ingestId, name: { app, name }, publisher });
    edge.system.spawn(INGEST, ingestId, new IngestActor((reason) => this.#kick(streamId, reason)));
    this.#list(ingestId, request);
    log.info("publishing", { session: ingestId, stream: streamKey(request) });
    session.acceptPublish(streamId);
  }

  /** Hands one message to its publisher. */
  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    if (streamId !== this.#lastStreamId) {
      this.#lastStreamId = streamId;
      this.#last = this.#byStreamId.get(streamId)?.publisher;
    }
    this.#last?.media(typeId, timestampMs, body);
  }

  /** The client ended one by a command. */
  end(streamId: number, command: string): void {
    const publish = this.#byStreamId.get(streamId);
    if (publish === undefined) return;
    this.#peer.log.info("publisher stopped", { session: publish.ingestId, command });
    this.#close(streamId, publish);
  }

  /** The node ends them all. */
  leave(reason: string): void {
    for (const [streamId, publish] of this.#byStreamId) {
      this.#close(streamId, publish);
      this.#peer.session.endPublish(streamId, "NetStream.Unpublish.Success", reason);
    }
  }

  /** The connection is over. */
  closeAll(): void {
    this.#closed = true;
    this.#drops.stop();
    this.#repairs.stop();
    for (const [streamId, publish] of this.#byStreamId) this.#close(streamId, publish, true);
  }

  #refusal(): string | undefined {
    if (this.#peer.edge.admission.draining) {
      this.#peer.edge.admission.refuse("draining");
      return "Cannot publish here: the node is draining; connect to another one";
    }
    if (this.#byStreamId.size < PUBLISHES_MAX) return undefined;
    return `Cannot publish: this connection publishes ${PUBLISHES_MAX} streams already`;
  }

  #refuseFor(reason: "busy" | "full", { streamId, app, name }: PublishRequest): void {
    this.#peer.edge.admission.refuse(reason);
    if (reason === "busy") {
      const text = `Cannot publish ${app}/${name}: somebody else publishes it`;
      return this.#refuse(streamId, "NetStream.Publish.BadName", text);
    }
    const text = `Cannot publish ${app}/${name}: the node has no memory for another stream`;
    this.#refuse(streamId, "NetStream.Publish.Failed", text);
  }

  #refuse(streamId: number, code: string, description: string): void {
    this.#peer.log.info("publish refused", { reason: description });
    this.#peer.session.refusePublish(streamId, code, description);
  }

  #list(id: string, { app, name }: PublishRequest): void {
    const { edge, outlet, remoteAddress, connected } = this.#peer;
    edge.sessions.add({
      id,
      protocol: "rtmp",
      role: "publish",
      stream: { app, name },
      remoteAddress,
      userAgent: connected.flashVer,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet,
      bytesIn: () => this.#peer.bytesIn,
      kick: (reason) => edge.system.ref(INGEST, id).tell.kick({ reason }),
    });
  }

  /** The stream's owner, or an operator, wants it gone. */
  #kick(streamId: number, reason: string): void {
    const publish = this.#byStreamId.get(streamId);
    if (publish === undefined) return;
    this.#close(streamId, publish);
    this.#peer.session.endPublish(streamId, "NetStream.Unpublish.Success", reason);
    this.#peer.closeWhenSent();
  }

  /** `lost`: its socket is gone, which its stream may outlive. */
  #close(streamId: number, publish: Publish, lost = false): void {
    this.#byStreamId.delete(streamId);
    this.#peer.edge.hub.flusher.publishers--;
    this.#lastStreamId = -1;
    publish.publisher.ingest.revoke();
    this.#peer.edge.sessions.delete(publish.ingestId);
    this.#peer.edge.system.stop(INGEST, publish.ingestId);
    this.#unpublish(publish.ingestId, publish.name, lost);
  }

  #unpublish(ingestId: string, name: StreamName, lost: boolean): void {
    const { system, ports } = this.#peer.edge;
    if (system.ref(STREAM, streamKey(name)).tell.unpublish({ ingestId, lost })) return;
    ports.timers.after(UNPUBLISH_RETRY_MS, () => this.#unpublish(ingestId, name, lost));
  }
}
