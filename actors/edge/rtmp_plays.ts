/**
 * What one RTMP connection plays: usually one stream; a classroom's client plays several.
 *
 * @module
 */
import type { PlayRequest } from "../../protocols/rtmp/server_events.ts";
import { streamKey } from "../stream/stream_key.ts";
import { Viewer } from "../stream/viewer.ts";
import type { Timer } from "../runtime/ports.ts";
import { notPublished, startPlay } from "./play_start.ts";
import { rtmpClass } from "./rtmp_class.ts";
import { refuseRtmp } from "./rtmp_access.ts";
import type { RtmpPeer } from "./rtmp_peer.ts";

/** Streams one connection may play at once: a classroom's participants. */
const PLAYS_MAX = 16;

/** A play that nobody has decided about yet. */
interface Asked {
  audio: boolean;
  video: boolean;
  paused: boolean;
}

interface Play {
  readonly id: string;
  readonly request: PlayRequest;
  readonly viewer: Viewer;
  /** Ends the wait for a publisher. */
  readonly timer: Timer | undefined;
  accepted: boolean;
  audio: boolean;
  video: boolean;
}

export class RtmpPlays {
  readonly #peer: RtmpPeer;
  readonly #byStreamId = new Map<number, Play>();
  /** By stream id; gone when the client took its wish back. */
  readonly #asked = new Map<number, Asked>();

  constructor(peer: RtmpPeer) {
    this.#peer = peer;
  }

  /** Streams being played, waited for or asked for. */
  get size(): number {
    return this.#byStreamId.size + this.#asked.size;
  }

  /** Starts a play, now or when its publisher comes; resolves when it is decided. */
  async start(request: PlayRequest): Promise<void> {
    const { streamId } = request;
    this.end(streamId); // A second play on a message stream replaces the first.
    const asked = { audio: request.audio, video: request.video, paused: false };
    this.#asked.set(streamId, asked);
    const denied = await refuseRtmp(this.#peer, "play", request);
    if (denied === undefined) await this.#peer.edge.finder.find(request);
    if (this.#asked.get(streamId) !== asked) return; // Ended meanwhile, or asked again.
    this.#asked.delete(streamId);
    if (denied !== undefined) {
      this.#refuse(streamId, denied.code, denied.description);
      return this.#peer.closeUnlessBusy();
    }
    this.#begin({ ...request, audio: asked.audio, video: asked.video });
    if (asked.paused) this.pause(streamId, true);
  }

  #begin(request: PlayRequest): void {
    const { edge } = this.#peer;
    const { streamId } = request;
    if (this.#byStreamId.size >= PLAYS_MAX) {
      const text = `Cannot play: this connection plays ${PLAYS_MAX} streams already`;
      return this.#refuse(streamId, "NetStream.Play.Failed", text);
    }
    const started = startPlay(edge, request);
    if (!started.ok) {
      const code = started.notFound ? "StreamNotFound" : "Failed";
      return this.#refuse(streamId, `NetStream.Play.${code}`, started.description);
    }
    const { core, waitMs } = started;
    const { outlet } = this.#peer;
    const viewer = new Viewer(core, this.#class(request), {
      joined: () => this.#accept(streamId),
      wake: () => outlet.pump(),
    });
    const timer = core.live
      ? undefined
      : edge.ports.timers.after(waitMs, () => this.#giveUp(streamId));
    const { audio, video } = request;
    const id = edge.sessions.newId();
    this.#byStreamId.set(streamId, { id, request, viewer, timer, accepted: false, audio, video });
    this.#list(id, request, viewer);
    if (core.live) this.#accept(streamId);
    outlet.viewers.push(viewer);
    outlet.pump();
  }

  pause(streamId: number, paused: boolean): void {
    const asked = this.#asked.get(streamId);
    if (asked !== undefined) asked.paused = paused;
    const viewer = this.#byStreamId.get(streamId)?.viewer;
    if (paused) viewer?.pause();
    else viewer?.resume();
  }

  receive(streamId: number, kind: "audio" | "video", enabled: boolean): void {
    const asked = this.#asked.get(streamId);
    if (asked !== undefined) asked[kind] = enabled;
    const play = this.#byStreamId.get(streamId);
    if (play === undefined || play[kind] === enabled) return;
    play[kind] = enabled;
    play.viewer.reclass(this.#class({ streamId, audio: play.audio, video: play.video }));
  }

  /** The client ended one. */
  end(streamId: number): void {
    this.#asked.delete(streamId);
    const play = this.#byStreamId.get(streamId);
    if (play !== undefined) this.#close(play);
  }

  /** Its stream has ended and everything was sent. */
  over(viewer: Viewer): void {
    for (const [streamId, play] of this.#byStreamId) {
      if (play.viewer !== viewer) continue;
      this.#accept(streamId);
      this.#close(play);
      const { app, name } = play.request;
      this.#peer.session.endPlay(streamId, "unpublished", `${app}/${name} is unpublished`);
      return;
    }
  }

  /** The node ends them all. */
  leave(reason: string): void {
    this.#asked.clear();
    for (const [streamId, play] of this.#byStreamId) {
      this.#close(play);
      this.#peer.session.endPlay(streamId, "stopped", reason);
    }
  }

  /** The connection is over. */
  closeAll(): void {
    this.#asked.clear();
    for (const play of this.#byStreamId.values()) this.#close(play);
  }

  #class(options: { streamId: number; audio: boolean; video: boolean }) {
    const { streamId, audio, video } = options;
    const { multitrack } = this.#peer.connected.capsEx;
    return rtmpClass({ streamId, audio, video, multitrack });
  }

  /** Tells the client that it plays; once. */
  #accept(streamId: number): void {
    const play = this.#byStreamId.get(streamId);
    if (play === undefined || play.accepted) return;
    play.accepted = true;
    play.timer?.cancel();
    this.#peer.log.info("playing", { session: play.id, stream: streamKey(play.request) });
    this.#peer.session.acceptPlay(streamId);
    this.#peer.answer();
  }

  /** The wait is over; a publisher that came meanwhile but sent no key frame yet is waited for. */
  #giveUp(streamId: number): void {
    const play = this.#byStreamId.get(streamId);
    if (play === undefined || play.accepted) return;
    if (play.viewer.core.live) return this.#accept(streamId);
    this.#close(play);
    const { description } = notPublished(this.#peer.edge, play.request);
    this.#refuse(streamId, "NetStream.Play.StreamNotFound", description);
    this.#peer.answer();
  }

  #refuse(streamId: number, code: string, description: string): void {
    this.#peer.log.info("play refused", { reason: description });
    this.#peer.session.refusePlay(streamId, code, description);
  }

  #list(id: string, { app, name, streamId }: PlayRequest, viewer: Viewer): void {
    const { edge, outlet, remoteAddress, connected } = this.#peer;
    edge.sessions.add({
      id,
      protocol: "rtmp",
      role: "play",
      stream: { app, name },
      remoteAddress,
      secure: this.#peer.secure,
      userAgent: connected.flashVer,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet,
      viewer,
      bytesIn: () => this.#peer.bytesIn,
      kick: (reason) => this.#kick(streamId, reason),
      redirect: (address) => this.#peer.redirect(address),
      depart: (reason) => this.#depart(streamId, reason),
    });
  }

  /** The others of the connection are sent away in their turn. */
  #depart(streamId: number, reason: string): void {
    this.end(streamId);
    this.#peer.session.endPlay(streamId, "stopped", reason);
    this.#peer.answer();
    this.#peer.closeUnlessBusy();
  }

  #kick(streamId: number, reason: string): void {
    this.end(streamId);
    this.#peer.session.endPlay(streamId, "stopped", reason);
    this.#peer.closeWhenSent();
  }

  #close(play: Play): void {
    const { edge, outlet } = this.#peer;
    this.#byStreamId.delete(play.request.streamId);
    play.timer?.cancel();
    play.viewer.close();
    outlet.viewers.splice(outlet.viewers.indexOf(play.viewer), 1);
    edge.sessions.delete(play.id);
  }
}
