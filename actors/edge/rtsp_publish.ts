/**
 * The stream that an RTSP connection publishes: packets in, ingest frames out, reports back.
 *
 * @module
 */
import { RECEIVER_MEDIA_MAX, RtpReceiver, type RtpSink } from "../../protocols/rtp/receiver.ts";
import { type FormatKind, kindOfFormat } from "../../protocols/rtp/formats.ts";
import { type Track, TRACKS_PER_KIND_MAX } from "../../protocols/media/track.ts";
import type { RtpFormat, SdpSession } from "../../protocols/rtsp/sdp.ts";
import type { FrameIntake } from "../stream/intake.ts";
import { streamKey, type StreamName } from "../stream/stream_key.ts";
import type { Timer } from "../runtime/ports.ts";
import { DropReport } from "./drop_report.ts";
import { type PublishLimits, publishLimits, startPublish } from "./publish_start.ts";
import { RateGate } from "./rate_gate.ts";
import { RepairReport } from "./repair_report.ts";
import type { RtspPeer } from "./rtsp_peer.ts";

/** How often it is looked whether packets have waited too long for others, in milliseconds. */
const EXPIRE_MS = 20;

/** Time between two receiver reports (RFC 3550, section 6.2: at least 5 s). */
const REPORT_MS = 5_000;

/** A medium that was set up, and how its reports go back. */
export interface PublishedMedium {
  /** Of the publisher's description. */
  readonly media: number;
  readonly overUdp: boolean;
  /** Sends a report to the publisher. */
  readonly report: (packet: Uint8Array) => void;
}

/**
 * The format of each medium that we can read; `undefined` for the others, which are ignored, as are
 * those of one kind beyond what a stream can have.
 */
export function readableFormats({ media }: SdpSession): (RtpFormat | undefined)[] {
  const counts: Record<FormatKind, number> = { video: 0, audio: 0, mpegts: 0 };
  let readable = 0;
  return media.map(({ formats }) => {
    for (const format of formats) {
      const kind = kindOfFormat(format);
      if (typeof kind !== "string") continue;
      const fits = ++counts[kind] <= TRACKS_PER_KIND_MAX && ++readable <= RECEIVER_MEDIA_MAX;
      return fits ? format : undefined;
    }
    return undefined;
  });
}

export class RtspPublish implements RtpSink {
  readonly #peer: RtspPeer;
  readonly #name: StreamName;
  readonly #ingestId: string;
  readonly #ingest: FrameIntake;
  readonly #limits: PublishLimits;
  readonly #receiver: RtpReceiver;
  readonly #media: readonly PublishedMedium[];
  /** Numbers of the receiver's media, by medium of the description. */
  readonly #numbers = new Map<number, number>();
  readonly #drops: DropReport;
  readonly #repairs: RepairReport;
  readonly #rate = new RateGate();
  #timer: Timer | undefined;
  #reportedAtMs: number;
  #closed = false;
  #hasVideo = false;
  /** It ends before the next frame at which a session could begin elsewhere; it has. */
  #departs = false;
  #departed = false;

  /** Asks the stream's owner; one sentence when it may not be. */
  static async start(
    peer: RtspPeer,
    name: StreamName,
    media: readonly PublishedMedium[],
    formats: readonly (RtpFormat | undefined)[],
  ): Promise<RtspPublish | { readonly refused: string; readonly busy: boolean }> {
    const repairs = new RepairReport(peer.log, peer.edge.ports.timers);
    const repaired = repairs.note.bind(repairs, streamKey(name));
    const options = {
      name,
      publishing: 0,
      repaired,
      presentationOnly: true,
      derives: true,
    } as const;
    const started = await startPublish(peer.edge, options);
    if (!started.ok) return { refused: started.description, busy: started.busy };
    try {
      return new RtspPublish(peer, { name, media, formats, repairs, ...started });
    } catch (error) {
      peer.edge.ingests.end(started.ingestId, false); // A fault of ours must not keep the name.
      throw error;
    }
  }

  private constructor(
    peer: RtspPeer,
    options: {
      readonly name: StreamName;
      readonly media: readonly PublishedMedium[];
      readonly formats: readonly (RtpFormat | undefined)[];
      readonly repairs: RepairReport;
      readonly ingestId: string;
      readonly ingest: FrameIntake;
    },
  ) {
    const { edge } = peer;
    this.#peer = peer;
    this.#name = options.name;
    this.#ingestId = options.ingestId;
    this.#ingest = options.ingest;
    this.#repairs = options.repairs;
    this.#drops = new DropReport(peer.log, edge.ports.timers);
    this.#limits = publishLimits(edge, options.name.app);
    this.#media = options.media.filter(({ media }) => options.formats[media] !== undefined);
    this.#media.forEach(({ media }, number) => this.#numbers.set(media, number));
    this.#reportedAtMs = edge.ports.clock.nowMs();
    this.#receiver = new RtpReceiver(this, {
      formats: this.#media.map(({ media }) => options.formats[media]!),
      reorders: this.#media.some(({ overUdp }) => overUdp),
      ssrc: Math.floor(edge.ports.random.next() * 2 ** 32),
      cname: "headwater",
    });
    edge.hub.flusher.publishers++;
    this.#list();
    this.#arm();
    peer.log.info("publishing", { session: this.#ingestId, stream: streamKey(this.#name) });
  }

  /** Takes one packet of a medium of the description, borrowed for the call. */
  packet(media: number, kind: "rtp" | "rtcp", bytes: Uint8Array): void {
    const number = this.#numbers.get(media);
    if (number === undefined || this.#closed) return;
    const nowUs = this.#peer.edge.ports.clock.nowMs() * 1000;
    if (kind === "rtp") this.#receiver.packet(number, bytes, nowUs);
    else this.#receiver.reports(number, bytes, nowUs);
  }

  /** Most bits per second that it may send. */
  get bitsPerSecondMax(): number {
    return this.#limits.bitsPerSecondMax;
  }

  /** Counts a datagram; closes a publisher that sends too much for too long. */
  datagram(bytes: number): void {
    const nowMs = this.#peer.edge.ports.clock.nowMs();
    if (this.#rate.take(bytes, this.bitsPerSecondMax, nowMs) === undefined) this.tooFast();
  }

  /** More came than may be, for too long: ends it, and closes. */
  tooFast(): void {
    this.#peer.edge.admission.refuse("bit-rate");
    const { bitsPerSecondMax } = this.#limits;
    this.#peer.log.warn("publisher above its bit rate, closed", { bitsPerSecondMax });
    this.#dismiss(false);
  }

  /** Closes when it has sent no frame for too long; the stream is held as if its socket were lost. */
  closeSilent(): boolean {
    const { admission, limits: { publishSilenceMs }, ports } = this.#peer.edge;
    if (ports.clock.nowMs() - this.#ingest.newestAtMs <= publishSilenceMs) return false;
    admission.refuse("publish-timeout");
    this.#peer.log.info("publisher silent, closed", { session: this.#ingestId });
    this.#dismiss(true);
    return true;
  }

  /** Ends it. `lost`: its socket is gone, which its stream may outlive. */
  close(lost: boolean): void {
    if (this.#closed) return;
    this.#receiver.flush();
    this.#closed = true;
    this.#timer?.cancel();
    this.#drops.stop();
    this.#repairs.stop();
    this.#ingest.revoke();
    const { edge } = this.#peer;
    edge.hub.flusher.publishers--;
    edge.sessions.delete(this.#ingestId);
    edge.ingests.end(this.#ingestId, lost);
  }

  track(track: Track): void {
    if (track.kind === "video") this.#hasVideo = true;
    this.#ingest.track(track);
  }

  frame(
    track: Track,
    ptsUs: number,
    compositionUs: number,
    keyframe: boolean,
    data: Uint8Array,
  ): void {
    if (this.#closed || this.#departed) return;
    if (this.#departs && keyframe && (track.kind === "video" || !this.#hasVideo)) {
      this.#departed = true; // Closing brings out what the receiver still has.
      return this.#dismiss(true);
    }
    if (data.length > this.#limits.frameBytesMax) return this.#tooLarge(data.length);
    const sourceUs = Math.round(ptsUs - compositionUs);
    this.#ingest.frame({ track, sourceUs, compositionUs, keyframe, data });
  }

  dropped(reason: string): void {
    this.#ingest.dropped();
    this.#drops.note(reason);
  }

  lost(packets: number): void {
    this.#peer.log.debug("packets lost", { session: this.#ingestId, packets });
  }

  #tooLarge(length: number): void {
    this.#peer.edge.admission.refuse("frame-size");
    this.#peer.log.warn("frame too large, publisher closed", { session: this.#ingestId, length });
    this.#dismiss(false);
  }

  /** The node leaves: the stream waits elsewhere for its publisher, who may miss nothing. */
  #depart(now: boolean): void {
    if (now) this.#dismiss(true);
    else this.#departs = true;
  }

  /** Ends it and its connection; RTSP has no word for why. */
  #dismiss(lost: boolean): void {
    this.close(lost);
    this.#peer.closeWhenSent();
  }

  #arm(): void {
    this.#timer = this.#peer.edge.ports.timers.after(EXPIRE_MS, () => {
      const nowMs = this.#peer.edge.ports.clock.nowMs();
      this.#receiver.expire(nowMs * 1000);
      if (nowMs - this.#reportedAtMs >= REPORT_MS) this.#report(nowMs);
      this.#peer.edge.hub.flusher.settle();
      if (!this.#closed) this.#arm();
    });
  }

  #report(nowMs: number): void {
    this.#reportedAtMs = nowMs;
    this.#media.forEach(({ report }, number) => {
      report(this.#receiver.report(number, nowMs * 1000));
    });
  }

  #list(): void {
    const { edge, outlet, remoteAddress, session } = this.#peer;
    edge.sessions.add({
      id: this.#ingestId,
      protocol: "rtsp",
      role: "publish",
      stream: this.#name,
      remoteAddress,
      secure: this.#peer.secure,
      userAgent: session.userAgent,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet,
      bytesIn: () => this.#peer.bytesIn,
      kick: () => this.#dismiss(false),
      redirect: (address) => this.#peer.redirect(address),
      depart: (_reason, now) => this.#depart(now),
    });
  }
}
