/**
 * What one RTMP connection publishes: usually one stream, at most a few.
 *
 * @module
 */
import type { MediaTypeId, PublishRequest } from "../../protocols/rtmp/server_events.ts";
import { streamKey, type StreamName } from "../stream/stream_key.ts";
import { DropReport } from "./drop_report.ts";
import { publishLimits, startPublish } from "./publish_start.ts";
import { RepairReport } from "./repair_report.ts";
import type { RtmpPeer } from "./rtmp_peer.ts";
import { refuseRtmp } from "./rtmp_access.ts";
import { RtmpPublisher } from "./rtmp_publisher.ts";

/** What stands before a frame in its message: FLV's tag body header and what extends it. */
const MESSAGE_HEAD_BYTES_MAX = 64;

interface Publish {
  readonly ingestId: string;
  readonly name: StreamName;
  readonly publisher: RtmpPublisher;
  readonly bitsPerSecondMax: number;
  readonly messageBytesMax: number;
}

export class RtmpPublishes {
  readonly #peer: RtmpPeer;
  readonly #drops: DropReport;
  readonly #repairs: RepairReport;
  readonly #byStreamId = new Map<number, Publish>();
  /** The publish of the last message and its stream id: nearly always that of the next. */
  #lastStreamId = -1;
  #last: Publish | undefined;
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
    if (denied !== undefined) {
      this.#refuse(streamId, denied.code, denied.description);
      return this.#peer.closeUnlessBusy();
    }
    const repaired = this.#repairs.note.bind(this.#repairs, streamKey(request));
    const publishing = this.#byStreamId.size;
    const started = await startPublish(edge, { name: { app, name }, publishing, repaired });
    if (!started.ok) {
      const code = started.busy ? "BadName" : "Failed";
      return this.#refuse(streamId, `NetStream.Publish.${code}`, started.description);
    }
    const { ingestId, ingest } = started;
    if (this.#closed) return edge.ingests.end(ingestId, true);
    const publisher = new RtmpPublisher(ingest, (reason) => this.#drops.note(reason));
    edge.hub.flusher.publishers++;
    this.#byStreamId.set(streamId, this.#publish(ingestId, { app, name }, publisher));
    this.#list(ingestId, request);
    log.info("publishing", { session: ingestId, stream: streamKey(request) });
    session.acceptPublish(streamId);
  }

  /** Hands one message to its publisher. */
  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    if (streamId !== this.#lastStreamId) {
      this.#lastStreamId = streamId;
      this.#last = this.#byStreamId.get(streamId);
    }
    const publish = this.#last;
    if (publish === undefined) return;
    if (body.length > publish.messageBytesMax) return this.#tooLarge(streamId, publish, body);
    publish.publisher.media(typeId, timestampMs, body);
  }

  /** Most bits per second that may come for all of them. */
  get bitsPerSecondMax(): number {
    let sum = 0;
    for (const { bitsPerSecondMax } of this.#byStreamId.values()) sum += bitsPerSecondMax;
    return sum;
  }

  /** More came than that, for too long: ends them all, and closes. */
  tooFast(): void {
    this.#peer.edge.admission.refuse("bit-rate");
    const bits = this.bitsPerSecondMax;
    const reason = `Cannot go on publishing: more than ${bits} bits per second for some seconds`;
    this.#peer.log.warn("publisher above its bit rate, closed", { bitsPerSecondMax: bits });
    for (const [streamId, publish] of this.#byStreamId) {
      this.#dismiss(streamId, publish, { code: "NetStream.Publish.Failed", reason });
    }
  }

  /** Closes when one has sent no frame for too long; its stream is held as if its socket were lost. */
  closeSilent(): boolean {
    if (this.#byStreamId.size === 0) return false;
    const { admission, limits: { publishSilenceMs }, ports } = this.#peer.edge;
    const nowMs = ports.clock.nowMs();
    for (const [streamId, publish] of this.#byStreamId) {
      if (nowMs - publish.publisher.ingest.newestAtMs <= publishSilenceMs) continue;
      admission.refuse("publish-timeout");
      this.#peer.log.info("publisher silent, closed", { session: publish.ingestId });
      const reason = `Cannot go on publishing: no frame for ${publishSilenceMs} ms`;
      this.#dismiss(streamId, publish, { code: "NetStream.Publish.Idle", reason, lost: true });
      return true;
    }
    return false;
  }

  /** The client ended one by a command. */
  end(streamId: number, command: string): void {
    const publish = this.#byStreamId.get(streamId);
    if (publish === undefined) return;
    this.#peer.log.info("publisher stopped", { session: publish.ingestId, command });
    this.#close(streamId, publish, this.#peer.redirected);
  }

  /** The node ends them all; with `shared` their streams go on elsewhere. */
  leave(reason: string, shared: boolean): void {
    for (const [streamId, publish] of this.#byStreamId) {
      this.#close(streamId, publish, shared);
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

  #publish(ingestId: string, name: StreamName, publisher: RtmpPublisher): Publish {
    const { bitsPerSecondMax, frameBytesMax } = publishLimits(this.#peer.edge, name.app);
    const messageBytesMax = frameBytesMax + MESSAGE_HEAD_BYTES_MAX;
    return { ingestId, name, publisher, bitsPerSecondMax, messageBytesMax };
  }

  #tooLarge(streamId: number, publish: Publish, { length }: Uint8Array): void {
    this.#peer.edge.admission.refuse("frame-size");
    const most = publish.messageBytesMax - MESSAGE_HEAD_BYTES_MAX;
    const reason = `Cannot go on publishing: a frame of ${length} bytes, at most ${most} may come`;
    this.#peer.log.warn("frame too large, publisher closed", { session: publish.ingestId, length });
    this.#dismiss(streamId, publish, { code: "NetStream.Publish.Failed", reason });
  }

  #dismiss(
    streamId: number,
    publish: Publish,
    { code, reason, lost }: { code: string; reason: string; lost?: boolean },
  ): void {
    this.#close(streamId, publish, lost);
    this.#peer.session.endPublish(streamId, code, reason);
    this.#peer.closeWhenSent();
  }

  #refuse(streamId: number, code: string, description: string): void {
    this.#peer.log.info("publish refused", { reason: description });
    this.#peer.session.refusePublish(streamId, code, description);
  }

  #list(id: string, { streamId, app, name }: PublishRequest): void {
    const { edge, outlet, remoteAddress, connected } = this.#peer;
    edge.sessions.add({
      id,
      protocol: "rtmp",
      role: "publish",
      stream: { app, name },
      remoteAddress,
      secure: this.#peer.secure,
      userAgent: connected.flashVer,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet,
      bytesIn: () => this.#peer.bytesIn,
      kick: (reason) => this.#kick(streamId, reason),
      redirect: (address) => this.#peer.redirect(address),
      depart: (reason, now) => this.#depart(streamId, reason, now),
    });
  }

  /** The node leaves: the stream waits elsewhere for its publisher, who may miss nothing. */
  #depart(streamId: number, reason: string, now: boolean): void {
    const publish = this.#byStreamId.get(streamId);
    if (publish === undefined) return;
    if (now) return this.#departNow(streamId, publish, reason);
    publish.publisher.boundary = () => this.#departNow(streamId, publish, reason);
  }

  #departNow(streamId: number, publish: Publish, reason: string): void {
    this.#close(streamId, publish, true);
    this.#peer.session.endPublish(streamId, "NetStream.Unpublish.Success", reason);
    this.#peer.answer();
    this.#peer.closeUnlessBusy(); // The others come to their boundaries, too.
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
    this.#peer.edge.ingests.end(publish.ingestId, lost);
  }
}
