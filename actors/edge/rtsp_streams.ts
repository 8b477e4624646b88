/**
 * What one RTSP connection publishes or plays: decides about its requests.
 *
 * @module
 */
import type { RtpFormat } from "../../protocols/rtsp/sdp.ts";
import { interleavedPacket } from "../../protocols/rtp/interleaved.ts";
import { pathOfStream } from "../../protocols/media/stream_name.ts";
import { writeSdp } from "../../protocols/rtsp/sdp_writer.ts";
import type {
  AnnounceRequest,
  RtspServerRequest,
  SetupRequest,
} from "../../protocols/rtsp/server_events.ts";
import type { Transport } from "../../protocols/rtsp/transport.ts";
import { streamKey } from "../stream/stream_key.ts";
import { RtspAccess } from "./rtsp_access.ts";
import type { RtspOffer } from "./rtsp_class.ts";
import { awaitOffer } from "./rtsp_offer.ts";
import type { RtspPeer } from "./rtsp_peer.ts";
import { playedChannels, RtspPlay } from "./rtsp_play.ts";
import { type PublishedMedium, readableFormats, RtspPublish } from "./rtsp_publish.ts";
import { UdpMedium } from "./udp_medium.ts";

/** Why a request is refused: a status, and a sentence for the log. */
interface Refusal {
  readonly status: number;
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  readonly description: string;
}

/** A player that was described a stream waits for its next key frame at least this long. */
const PLAY_WAIT_MS_MIN = 20_000;

/** A decision without a refusal has been made already, or will be by whom it started. */
type Decision = Promise<Refusal | undefined>;

export class RtspStreams {
  readonly #peer: RtspPeer;
  readonly #access: RtspAccess;
  /** What it was described, by stream. */
  #offer: { readonly key: string; readonly offer: RtspOffer } | undefined;
  /** Of what it announced, by medium. */
  #formats: readonly (RtpFormat | undefined)[] = [];
  /** Media set up over UDP. */
  readonly #udp = new Map<number, UdpMedium>();
  /** By channel of the connection: which medium a publisher sends there. */
  readonly #channels: ({ media: number; kind: "rtp" | "rtcp" } | undefined)[] = [];
  /** The stream that it asked for, and the query it did so with, which may hold its credentials. */
  #asked: Pick<RtspServerRequest, "app" | "name" | "query"> | undefined;
  #publish: RtspPublish | undefined;
  #play: RtspPlay | undefined;
  /** Paused: who closes now has not been lost. */
  #paused = false;
  #closed = false;

  constructor(peer: RtspPeer) {
    this.#peer = peer;
    this.#access = new RtspAccess(peer);
  }

  /** Something is published or played. */
  get busy(): boolean {
    return this.#publish !== undefined || this.#play !== undefined;
  }

  /** Media do not travel in the connection: it says nothing of them. */
  get overUdp(): boolean {
    return this.#udp.size > 0;
  }

  /** Most bits per second that may come; `undefined` unless it publishes. */
  get bitsPerSecondMax(): number | undefined {
    return this.#publish?.bitsPerSecondMax;
  }

  /** Where it finds its stream at another node, "host:port". */
  locationAt(address: string): string | undefined {
    if (this.#asked === undefined) return undefined;
    const query = this.#asked.query.toString();
    const scheme = this.#peer.secure ? "rtsps" : "rtsp";
    return `${scheme}://${address}${pathOfStream(this.#asked)}${query === "" ? "" : `?${query}`}`;
  }

  describe(request: RtspServerRequest): Promise<void> {
    this.#note(request);
    return this.#decide("describe", async () => {
      const offer = await this.#find(request);
      if ("status" in offer) return offer;
      const { edge, localHost: address, session } = this.#peer;
      const { sessionId, tracks } = offer;
      const name = streamKey(request);
      if (tracks.length === 0) {
        edge.admission.refuse("not-found");
        return { status: 415, description: "RTP carries none of its tracks" };
      }
      session.acceptDescribe(writeSdp({ sessionId, name, address, tracks }));
    });
  }

  announce(request: AnnounceRequest): Promise<void> {
    this.#note(request);
    return this.#decide("announce", async () => {
      const denied = await this.#access.refuse(request, "publish");
      if (denied !== undefined) return denied;
      this.#formats = readableFormats(request.description);
      if (this.#formats.every((format) => format === undefined)) {
        return { status: 415, description: "none of its media can be read" };
      }
      this.#peer.session.acceptAnnounce();
    });
  }

  setup(request: SetupRequest): Promise<void> {
    this.#note(request);
    return this.#decide("setup", async () => {
      const media = await this.#mediaOf(request);
      if (typeof media === "object") return media;
      const transport = this.#transportOf(request, media);
      if (transport === undefined) return { status: 461, description: "no such transport" };
      if (request.role === "record" && transport.kind === "tcp") {
        const [rtp, rtcp] = transport.channels;
        this.#channels[rtp] = { media, kind: "rtp" };
        this.#channels[rtcp] = { media, kind: "rtcp" };
      }
      this.#peer.session.acceptSetup(media, transport);
    });
  }

  play(request: RtspServerRequest): Promise<void> {
    return this.#decide("play", async () => {
      this.#paused = false;
      if (this.#play !== undefined) return void this.#play.resume();
      const offer = await this.#find(request);
      if ("status" in offer) return offer;
      if (this.#closed) return undefined;
      const { edge, session } = this.#peer;
      const transports = new Map(
        [...session.media].map(([media, { transport }]) =>
          [media, transport.kind === "tcp" ? transport.channels : undefined] as const
        ),
      );
      const ways = new Set(transports.values().map((channels) => channels === undefined));
      if (ways.size > 1) return { status: 461, description: "media by TCP and by UDP at a time" };
      const { app, name } = request;
      this.#play = new RtspPlay(this.#peer, {
        name: { app, name },
        offer,
        channels: playedChannels(offer, transports),
        udp: this.#udp,
        waitMs: Math.max(edge.applications.of(app).playWaitMs, PLAY_WAIT_MS_MIN),
      });
    });
  }

  record(request: RtspServerRequest): Promise<void> {
    return this.#decide("record", async () => {
      const { session } = this.#peer;
      this.#paused = false;
      if (this.#publish !== undefined) return void session.acceptRecord();
      const denied = await this.#access.refuse(request, "publish");
      if (denied !== undefined) return denied;
      const media = [...session.media].map(([media, { transport }]) =>
        this.#published(media, transport)
      );
      const { app, name } = request;
      const publish = await RtspPublish.start(this.#peer, { app, name }, media, this.#formats);
      if (!(publish instanceof RtspPublish)) {
        return { status: publish.busy ? 403 : 503, description: publish.refused };
      }
      if (this.#closed) return void publish.close(true);
      this.#publish = publish;
      session.acceptRecord();
    });
  }

  paused(): void {
    this.#paused = true;
    this.#play?.pause();
  }

  interleaved(channel: number, packet: Uint8Array): void {
    const way = this.#channels[channel];
    if (way !== undefined) this.#publish?.packet(way.media, way.kind, packet);
  }

  /** What it played has ended. */
  over(): void {
    this.#play?.over();
    this.#play = undefined;
  }

  tooFast(): void {
    this.#publish?.tooFast();
    this.#publish = undefined;
  }

  closeSilent(): boolean {
    if (this.#publish === undefined || this.#paused || !this.#publish.closeSilent()) return false;
    this.#publish = undefined;
    return true;
  }

  /** The connection is over; with `lost` what it published may go on. */
  close(lost: boolean): void {
    this.#closed ||= lost;
    this.end(lost);
  }

  /** The session is over; with `lost` the stream that it published waits for a publisher. */
  end(lost: boolean): void {
    // A publisher that paused has ended its media itself; some say nothing more then.
    this.#publish?.close(lost && !this.#paused);
    this.#play?.close();
    for (const medium of this.#udp.values()) medium.close();
    this.#udp.clear();
    this.#channels.length = 0;
    this.#publish = this.#play = undefined;
    this.#paused = false;
  }

  /** Players do not repeat a query in the URLs of single media. */
  #note({ app, name, query }: RtspServerRequest): void {
    const known = this.#asked;
    if (known?.app === app && known.name === name && query.size === 0) return;
    this.#asked = { app, name, query };
  }

  async #decide(what: string, work: () => Decision): Promise<void> {
    const refusal = await work();
    if (refusal === undefined) return;
    const { status, fields, description } = refusal;
    const level = status === 401 ? "debug" : "info";
    this.#peer.log[level](`${what} refused`, { status, reason: description });
    this.#peer.session.refuse(status, fields);
  }

  /** The stream that a player means: described to it before, or found now. */
  async #find(request: RtspServerRequest): Promise<RtspOffer | Refusal> {
    const denied = await this.#access.refuse(request, "play");
    if (denied !== undefined) return denied;
    const key = streamKey(request);
    const known = this.#offer;
    const setUp = this.#peer.session.media.size > 0;
    if (known?.key === key && setUp && !known.offer.core.ended) return known.offer;
    const { app, name } = request;
    const found = await awaitOffer(this.#peer.edge, { app, name });
    if (!found.ok) return { status: found.notFound ? 404 : 503, description: found.description };
    this.#offer = { key, offer: found.offer };
    return found.offer;
  }

  async #mediaOf(request: SetupRequest): Promise<number | Refusal> {
    const { media, role } = request;
    if (role === "record") {
      const denied = await this.#access.refuse(request, "publish");
      return denied ?? media!;
    }
    const offer = this.#offer?.key === streamKey(request) && !this.#offer.offer.core.ended
      ? await this.#access.refuse(request, "play") ?? this.#offer.offer
      : await this.#find(request);
    if ("status" in offer) return offer;
    const { length } = offer.tracks;
    if (media === undefined && length !== 1) return { status: 459, description: "names no medium" };
    const index = media ?? 0;
    return index < length ? index : { status: 404, description: "no such medium" };
  }

  /** The first way that the client offers and we can go. */
  #transportOf({ offers }: SetupRequest, media: number): Transport | undefined {
    for (const offer of offers) {
      if (offer.kind === "tcp") return { kind: "tcp", channels: offer.channels! };
      if (this.#peer.secure) continue; // Datagrams would go in the clear (RFC 7826, 19.2).
      const serverPorts = this.#openUdp(media, offer.clientPorts);
      if (serverPorts === undefined) continue;
      return { kind: "udp", clientPorts: offer.clientPorts, serverPorts };
    }
    return undefined;
  }

  #openUdp(
    media: number,
    remotePorts: readonly [number, number],
  ): readonly [number, number] | undefined {
    const { edge: { udpPorts: ports }, localHost, remoteHost } = this.#peer;
    const pair = ports.open(localHost);
    if (pair === undefined) return undefined;
    this.#udp.get(media)?.close();
    const received = (kind: "rtp" | "rtcp", packet: Uint8Array) =>
      this.#datagram(media, kind, packet);
    const medium = new UdpMedium({ ports, pair, remoteHost, remotePorts, received });
    this.#udp.set(media, medium);
    return medium.localPorts;
  }

  #datagram(media: number, kind: "rtp" | "rtcp", packet: Uint8Array): void {
    const peer = this.#peer;
    peer.alive();
    peer.bytesIn += packet.length;
    peer.edge.traffic.rtsp.in += packet.length;
    if (this.#publish === undefined) return;
    this.#publish.datagram(packet.length);
    this.#publish?.packet(media, kind, packet);
    peer.edge.hub.flusher.settle();
  }

  #published(media: number, transport: Transport): PublishedMedium {
    if (transport.kind === "udp") {
      const report = (packet: Uint8Array) =>
        void this.#udp.get(media)?.send("rtcp", packet).catch(() => {}); // The next one may arrive.
      return { media, overUdp: true, report };
    }
    const [, channel] = transport.channels;
    const report = (packet: Uint8Array) =>
      this.#peer.outlet.send(interleavedPacket(channel, packet));
    return { media, overUdp: false, report };
  }
}
