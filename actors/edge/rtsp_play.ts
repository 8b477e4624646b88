/**
 * The stream that an RTSP connection plays: its cursor, and the way its packets go.
 *
 * @module
 */
import { firstRtpHeader, forEachInterleaved } from "../../protocols/rtp/interleaved.ts";
import { parseRtcp, RTCP_TYPE } from "../../protocols/rtp/reports.ts";
import type { RtpInfo } from "../../protocols/rtsp/server_session.ts";
import type { Timer } from "../runtime/ports.ts";
import { streamKey, type StreamName } from "../stream/stream_key.ts";
import { Viewer } from "../stream/viewer.ts";
import { Outlet } from "./outlet.ts";
import { notPublished } from "./play_start.ts";
import { type MediaChannels, rtspClass, type RtspOffer, usualChannels } from "./rtsp_class.ts";
import type { RtspPeer } from "./rtsp_peer.ts";
import type { UdpMedium } from "./udp_medium.ts";
import { UdpOutletSocket } from "./udp_outlet_socket.ts";

export interface RtspPlayOptions {
  readonly name: StreamName;
  readonly offer: RtspOffer;
  /** Channels of what was set up; of UDP those of our own order. */
  readonly channels: MediaChannels;
  /** By medium; empty when all travel in the connection. */
  readonly udp: ReadonlyMap<number, UdpMedium>;
  /** How long it waits for a key frame or a publisher, in milliseconds. */
  readonly waitMs: number;
}

export class RtspPlay {
  readonly #peer: RtspPeer;
  readonly #options: RtspPlayOptions;
  readonly #id: string;
  readonly #outlet: Outlet;
  readonly #viewer: Viewer;
  readonly #timer: Timer;
  #joined = false;
  #closed = false;

  /** Answers PLAY when it has something to play. */
  constructor(peer: RtspPeer, options: RtspPlayOptions) {
    const { edge } = peer;
    const { offer, channels, udp, waitMs } = options;
    this.#peer = peer;
    this.#options = options;
    this.#id = edge.sessions.newId();
    const events = { viewerOver: () => this.over(), outletFailed: () => peer.closeWhenSent() };
    this.#outlet = udp.size === 0
      ? peer.outlet
      : new Outlet(new UdpOutletSocket(udp, edge.udpPorts.packets), events, edge.traffic.rtsp);
    this.#viewer = new Viewer(offer.core, rtspClass(offer, channels, edge.ports.random), {
      joined: (first) => this.#accept(first()),
      wake: () => this.#outlet.pump(),
    });
    this.#timer = edge.ports.timers.after(waitMs, () => this.#giveUp());
    this.#list();
    this.#outlet.viewers.push(this.#viewer);
    this.#outlet.pump();
  }

  pause(): void {
    this.#viewer.pause();
  }

  /** Goes on at a key frame. */
  resume(): void {
    this.#peer.session.acceptPlay([]);
    this.#peer.answer();
    this.#viewer.resume();
  }

  /** The stream has ended and everything was sent, a goodbye on each track last. */
  over(): void {
    if (!this.#joined) return this.#refuse();
    this.close();
    // Over UDP the goodbyes have said it; a player whose connection is closed then takes it for
    // an accident (GStreamer connects again, to end a session that is not there).
    if (this.#options.udp.size === 0) this.#peer.closeWhenSent();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#viewer.close();
    const { viewers } = this.#outlet;
    viewers.splice(viewers.indexOf(this.#viewer), 1);
    if (this.#outlet !== this.#peer.outlet) this.#outlet.close();
    this.#peer.edge.sessions.delete(this.#id);
  }

  #accept(first: Uint8Array): void {
    this.#joined = true;
    this.#timer.cancel();
    const { name, channels } = this.#options;
    this.#peer.log.info("playing", { session: this.#id, stream: streamKey(name) });
    const infos = infosOf(first, channels);
    this.#peer.session.acceptPlay(infos);
    this.#peer.answer();
  }

  #giveUp(): void {
    if (!this.#joined && !this.#closed) this.#refuse();
  }

  #refuse(): void {
    const { description } = notPublished(this.#peer.edge, this.#options.name);
    this.#peer.log.info("play refused", { reason: description });
    this.#peer.session.refuse(404);
    this.close();
    this.#peer.closeWhenSent();
  }

  #dismiss(): void {
    this.close();
    this.#peer.closeWhenSent();
  }

  #list(): void {
    const { edge, remoteAddress, session } = this.#peer;
    edge.sessions.add({
      id: this.#id,
      protocol: "rtsp",
      role: "play",
      stream: this.#options.name,
      remoteAddress,
      secure: this.#peer.secure,
      userAgent: session.userAgent,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet: this.#outlet,
      viewer: this.#viewer,
      bytesIn: () => this.#peer.bytesIn,
      kick: () => this.#dismiss(),
      redirect: (address) => this.#peer.redirect(address),
      depart: () => this.#dismiss(),
    });
  }
}

/** The channels of what was set up: as agreed on, or over UDP those of the pages. */
export function playedChannels(
  offer: RtspOffer,
  transports: ReadonlyMap<number, readonly [number, number] | undefined>,
): MediaChannels {
  const usual = usualChannels(offer);
  const channels = new Map<number, readonly [number, number]>();
  for (const [media, agreed] of transports) {
    const pair = agreed ?? usual.get(media);
    if (pair !== undefined) channels.set(media, pair);
  }
  return channels;
}

/**
 * What a player is told of the packets that follow (RFC 2326, 12.33). Times are those of the reports
 * in front of them, for they stand for one instant.
 */
function infosOf(first: Uint8Array, channels: MediaChannels): RtpInfo[] {
  const timestamps = new Map<number, number>();
  forEachInterleaved(first, (channel, packet) => {
    if (timestamps.has(channel) || packet[1] !== RTCP_TYPE.senderReport) return;
    const [report] = parseRtcp(packet);
    if (report?.kind === "sender-report") timestamps.set(channel, report.timestamp);
  });
  return [...channels].flatMap(([media, [rtp, rtcp]]): RtpInfo[] => {
    const rtptime = timestamps.get(rtcp);
    const seq = firstRtpHeader(first, rtp)?.sequence;
    return rtptime === undefined ? [] : [{ media, seq, rtptime }];
  });
}
