/**
 * One RTMP connection: a socket, the session that understands its bytes, and what the peer
 * publishes and plays. Hop one of a frame's way through the house.
 *
 * The read loop hands bytes to the session; the session calls back, in order, from within. A
 * connect, publish or play that awaits its decision stops the loop, a play that waits for its
 * publisher does not.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { ProtocolError } from "../../protocols/errors.ts";
import type { Credentials } from "../../protocols/media/credentials.ts";
import { HANDSHAKE_BYTES } from "../../protocols/rtmp/handshake.ts";
import type {
  ConnectRequest,
  MediaTypeId,
  PlayRequest,
  PublishRequest,
  ServerSessionEvents,
} from "../../protocols/rtmp/server_events.ts";
import { reconnectUrl } from "../../protocols/rtmp/reconnect_url.ts";
import { ServerSession } from "../../protocols/rtmp/server_session.ts";
import type { Log } from "../runtime/ports.ts";
import type { Viewer } from "../stream/viewer.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { ConnectDecision } from "./rtmp_challenge.ts";
import type { Edge } from "./edge.ts";
import { Outlet, type OutletEvents } from "./outlet.ts";
import type { Connection, Overdue } from "./listener.ts";
import { hostPort } from "./host_port.ts";
import { PublisherPace } from "./publisher_pace.ts";
import type { RtmpPeer } from "./rtmp_peer.ts";
import { RtmpPlays } from "./rtmp_plays.ts";
import { isSocketClosed } from "./socket_closed.ts";
import { RtmpPublishes } from "./rtmp_publishes.ts";

/** Input buffer until it is known what the peer does: a handshake and a few commands. */
const READ_BYTES = 4 * 1024;

/** Input buffer of a publisher: a large frame in few reads. */
const PUBLISHER_READ_BYTES = 64 * 1024;

/** Input buffer of a viewer, who sends acknowledgements and little else. */
const VIEWER_READ_BYTES = 512;

/** How long a client whose connect was refused may take to read that and leave. */
const REFUSED_STAY_MS = 1_000;

export class RtmpConnection implements Connection, ServerSessionEvents, OutletEvents, RtmpPeer {
  readonly id: string;
  readonly edge: Edge;
  readonly log: Log;
  readonly session: ServerSession;
  readonly outlet: Outlet;
  readonly remoteAddress: string;
  readonly secure: boolean;
  readonly #conn: ClientSocket;
  readonly #publishes: RtmpPublishes;
  readonly #plays: RtmpPlays;
  readonly #pace: PublisherPace;
  /** For how long it has done nothing. */
  #idleSeconds = 0;
  #connected: ConnectRequest | undefined;
  #proved: Credentials | undefined;
  #decision: Promise<unknown> | undefined;
  #readBytes = READ_BYTES;
  #bytesIn = 0;
  #failure: string | undefined;
  redirected = false;

  constructor(conn: ClientSocket, edge: Edge) {
    this.#conn = conn;
    this.edge = edge;
    this.id = edge.sessions.newId();
    this.remoteAddress = hostPort(conn.remoteAddr);
    this.secure = conn.secure === true;
    this.log = edge.ports.log.with({ connection: this.id, peer: this.remoteAddress });
    this.outlet = new Outlet(conn, this, edge.traffic.rtmp);
    this.session = new ServerSession(this, { random: randomBytes(HANDSHAKE_BYTES) });
    this.#pace = new PublisherPace(edge);
    this.#publishes = new RtmpPublishes(this);
    this.#plays = new RtmpPlays(this);
  }

  /** What the client said of itself; nothing is published or played before it. */
  get connected(): ConnectRequest {
    return this.#connected!;
  }

  get proved(): Credentials | undefined {
    return this.#proved;
  }

  /** Bytes read from the socket. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** Serves the connection; resolves when it is over. Never rejects. */
  async run(): Promise<void> {
    this.edge.sweep.add(this.outlet);
    try {
      await this.#readAll();
    } catch (error) {
      this.#note(error);
    }
    this.#release();
  }

  overdue(): Overdue | undefined {
    const { handshakeMs, idleMs } = this.edge.limits;
    const idleForMs = ++this.#idleSeconds * 1000;
    if (this.#connected === undefined) {
      return idleForMs > handshakeMs ? "handshake-timeout" : undefined;
    }
    if (this.#publishes.size === 0 && this.#plays.size === 0) {
      return idleForMs > idleMs ? "idle-timeout" : undefined;
    }
    this.#idleSeconds = 0;
    if (this.#publishes.closeSilent()) this.#failure ??= "publisher silent";
    return undefined;
  }

  /** Sends what the session has to say. */
  answer(): void {
    const bytes = this.session.takeOutput();
    if (bytes !== undefined) this.outlet.send(bytes);
  }

  redirect(address: string): boolean {
    if (this.redirected) return true;
    const url = reconnectUrl(this.connected.tcUrl, address, this.secure);
    if (!this.session.requestReconnect(url, "The node leaves; go on at another one.")) return false;
    this.redirected = true;
    this.log.info("asked to reconnect", { address });
    this.answer();
    return true;
  }

  /** Ends what the peer publishes and plays, tells it why, and closes. */
  leave(reason: string, shared: boolean): void {
    this.#failure ??= reason;
    this.#publishes.leave(reason, shared);
    this.#plays.leave(reason);
    this.closeWhenSent();
  }

  /** Says goodbye: closes once what was said has been sent. */
  closeWhenSent(): void {
    this.answer();
    this.outlet.closeWhenSent();
  }

  closeUnlessBusy(): void {
    if (this.#publishes.size === 0 && this.#plays.size === 0) this.closeWhenSent();
  }

  connect(request: ConnectRequest): void {
    const decision = this.edge.rtmpChallenges.decide(request);
    if (!decision.ok) return this.#refuseConnect(decision);
    this.#proved = decision.credentials;
    this.#connected = request;
    this.#idleSeconds = 0;
    this.session.acceptConnect();
  }

  publish(request: PublishRequest): void {
    this.#readBytes = PUBLISHER_READ_BYTES;
    this.#await(this.#publishes.start(request));
  }

  play(request: PlayRequest): void {
    if (this.#readBytes === READ_BYTES) this.#readBytes = VIEWER_READ_BYTES;
    this.#await(this.#plays.start(request));
  }

  pause(streamId: number, paused: boolean): void {
    this.#plays.pause(streamId, paused);
  }

  receive(streamId: number, kind: "audio" | "video", enabled: boolean): void {
    this.#plays.receive(streamId, kind, enabled);
  }

  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    this.#publishes.media(streamId, typeId, timestampMs, body);
  }

  ended(streamId: number, command: string): void {
    this.#publishes.end(streamId, command);
    this.#plays.end(streamId);
  }

  viewerOver(viewer: Viewer): void {
    this.#plays.over(viewer);
    this.answer();
  }

  outletFailed(reason: string): void {
    this.#failure ??= reason;
  }

  async #readAll(): Promise<void> {
    let buffer = new Uint8Array(this.#readBytes);
    while (true) {
      const bytes = await this.#conn.read(buffer);
      if (bytes === null) return;
      this.#bytesIn += bytes;
      this.edge.traffic.rtmp.in += bytes;
      this.session.feed(buffer.subarray(0, bytes));
      this.#turnOver();
      if (this.#decision !== undefined) await this.#decide();
      if (this.#publishes.size > 0) await this.#keepPace(bytes);
      // What a connection turns out to be decides how much it reads at once.
      if (buffer.length !== this.#readBytes) buffer = new Uint8Array(this.#readBytes);
    }
  }

  #refuseConnect({ description, wrong }: Extract<ConnectDecision, { ok: false }>): void {
    if (wrong) this.edge.admission.refuse("unauthorized");
    this.#failure = wrong ? "wrong credentials" : "asked for credentials";
    this.session.refuseConnect("NetConnection.Connect.Rejected", description);
    // Clients close when they have read why; what they send meanwhile must not reset the socket.
    this.edge.ports.timers.after(REFUSED_STAY_MS, () => this.outlet.close());
  }

  /** One batch of input may ask for several decisions. */
  #await(decision: Promise<void>): void {
    const former = this.#decision;
    this.#decision = former === undefined ? decision : Promise.all([former, decision]);
  }

  /** Waits for decisions; the input kept meanwhile may ask for the next. */
  async #decide(): Promise<void> {
    while (this.#decision !== undefined) {
      const decision = this.#decision;
      this.#decision = undefined;
      await decision;
      this.session.resume();
      this.#turnOver();
    }
  }

  async #keepPace(bytes: number): Promise<void> {
    if (await this.#pace.keep(bytes, this.#publishes.bitsPerSecondMax)) return;
    this.#failure ??= "above its bit rate";
    this.#publishes.tooFast();
  }

  /** A batch of input has been parsed. */
  #turnOver(): void {
    this.answer();
    this.edge.hub.flusher.settle();
  }

  #note(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.edge.admission.refuse("protocol-error");
      const { protocol, section, offset } = error;
      this.log.warn("peer broke the protocol", { error: error.message, protocol, section, offset });
    } else if (this.#failure === undefined && !isSocketClosed(error)) {
      this.log.error("connection failed", { error: String(error) });
    }
  }

  #release(): void {
    if (this.#failure !== undefined) this.log.info("closed", { reason: this.#failure });
    this.#publishes.closeAll();
    this.#plays.closeAll();
    this.outlet.close();
    this.edge.sweep.delete(this.outlet);
  }
}
