/**
 * One RTSP connection: a socket, the session that understands its bytes, and the stream that the
 * peer publishes or plays.
 *
 * The read loop hands bytes to the session; the session calls back, in order, from within. While a
 * request awaits its decision the socket is read on: who is gone must be noticed.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import type {
  AnnounceRequest,
  RtspServerEvents,
  RtspServerRequest,
  SetupRequest,
} from "../../protocols/rtsp/server_events.ts";
import { RtspServerSession } from "../../protocols/rtsp/server_session.ts";
import type { Log } from "../runtime/ports.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import { hostPort } from "./host_port.ts";
import type { Connection, Overdue } from "./listener.ts";
import { Outlet, type OutletEvents } from "./outlet.ts";
import { PublisherPace } from "./publisher_pace.ts";
import type { RtspInput } from "./rtsp_input.ts";
import type { RtspPeer } from "./rtsp_peer.ts";
import { RtspStreams } from "./rtsp_streams.ts";
import { isSocketClosed } from "./socket_closed.ts";

/** Input buffer of a publisher: a large frame in few reads. */
const PUBLISHER_READ_BYTES = 64 * 1024;

/** Input buffer of everybody else, who sends a few requests and then reports. */
const READ_BYTES = 2 * 1024;

/** Seconds of silence after which a session over UDP is over; players ask at least this often. */
const SESSION_TIMEOUT_SECONDS = 60;

/** Such a session gets this many seconds more: its sign of life may be under way. */
const SESSION_GRACE_SECONDS = 10;

/** Characters of a session's id: nobody guesses 96 bits. */
const SESSION_ID_DIGITS = 24;

export class RtspConnection implements Connection, RtspServerEvents, OutletEvents, RtspPeer {
  readonly id: string;
  readonly edge: Edge;
  readonly log: Log;
  readonly session: RtspServerSession;
  readonly outlet: Outlet;
  readonly remoteAddress: string;
  readonly localHost: string;
  readonly remoteHost: string;
  readonly secure: boolean;
  readonly #input: RtspInput;
  readonly #streams: RtspStreams;
  readonly #pace: PublisherPace;
  #idleSeconds = 0;
  #failure: string | undefined;
  #released = false;
  #redirected = false;
  bytesIn = 0;

  /** @param input Where its bytes come from, when not from `conn`. */
  constructor(conn: ClientSocket, edge: Edge, input: RtspInput = conn) {
    this.#input = input;
    this.edge = edge;
    this.id = edge.sessions.newId();
    const remote = conn.remoteAddr;
    this.remoteAddress = hostPort(remote);
    this.remoteHost = plainHost(remote);
    this.secure = conn.secure === true;
    this.localHost = plainHost(conn.localAddr);
    this.log = edge.ports.log.with({ connection: this.id, peer: this.remoteAddress });
    this.outlet = new Outlet(conn, this, edge.traffic.rtsp);
    this.session = new RtspServerSession(this, {
      newSessionId: () => sessionId(edge),
      timeoutSeconds: SESSION_TIMEOUT_SECONDS,
      server: "Headwater",
    });
    this.#streams = new RtspStreams(this);
    this.#pace = new PublisherPace(edge);
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
    if (this.session.requests === 0) {
      return idleForMs > handshakeMs ? "handshake-timeout" : undefined;
    }
    if (this.session.waiting) this.#idleSeconds = 0;
    if (!this.#streams.busy) return idleForMs > idleMs ? "idle-timeout" : undefined;
    if (this.#streams.closeSilent()) this.#failure ??= "publisher silent";
    // On TCP the connection itself shows that both are there.
    const mostMs = (SESSION_TIMEOUT_SECONDS + SESSION_GRACE_SECONDS) * 1000;
    return this.#streams.overUdp && idleForMs > mostMs ? "idle-timeout" : undefined;
  }

  alive(): void {
    this.#idleSeconds = 0;
  }

  redirect(address: string): boolean {
    if (this.#redirected) return true;
    const location = this.#streams.locationAt(address);
    if (location === undefined || !this.session.redirect(location)) return false;
    this.#redirected = true;
    this.log.info("asked to go elsewhere", { address });
    this.answer();
    return true;
  }

  answer(): void {
    const bytes = this.session.takeOutput();
    if (bytes !== undefined) this.outlet.send(bytes);
  }

  /** Ends what the peer publishes and plays, and closes. */
  leave(reason: string, shared: boolean): void {
    this.#failure ??= reason;
    this.#streams.close(shared);
    this.closeWhenSent();
  }

  closeWhenSent(): void {
    this.answer();
    this.outlet.closeWhenSent();
  }

  describe(request: RtspServerRequest): void {
    this.#decide(this.#streams.describe(request));
  }

  announce(request: AnnounceRequest): void {
    this.#decide(this.#streams.announce(request));
  }

  setup(request: SetupRequest): void {
    this.#decide(this.#streams.setup(request));
  }

  play(request: RtspServerRequest): void {
    this.#decide(this.#streams.play(request));
  }

  record(request: RtspServerRequest): void {
    this.#decide(this.#streams.record(request));
  }

  paused(): void {
    this.#streams.paused();
  }

  ended(): void {
    this.log.info("session ended by its client");
    // Who was asked to go elsewhere says goodbye here first.
    this.#streams.end(this.#redirected);
  }

  interleaved(channel: number, packet: Uint8Array): void {
    this.#streams.interleaved(channel, packet);
  }

  viewerOver(): void {
    this.#streams.over();
  }

  outletFailed(reason: string): void {
    this.#failure ??= reason;
  }

  async #readAll(): Promise<void> {
    let buffer = new Uint8Array(READ_BYTES);
    while (true) {
      const bytes = await this.#input.read(buffer);
      if (bytes === null) return;
      this.bytesIn += bytes;
      this.edge.traffic.rtsp.in += bytes;
      this.alive();
      this.session.feed(buffer.subarray(0, bytes));
      this.#turnOver();
      const { bitsPerSecondMax } = this.#streams;
      if (bitsPerSecondMax === undefined) continue;
      if (!await this.#pace.keep(bytes, bitsPerSecondMax)) this.#streams.tooFast();
      if (buffer.length < PUBLISHER_READ_BYTES) buffer = new Uint8Array(PUBLISHER_READ_BYTES);
    }
  }

  /** Goes on with what was kept, once a request has been decided about. */
  #decide(decision: Promise<void>): void {
    decision.catch((error) => {
      this.log.error("request failed", { error });
      this.session.refuse(500);
    }).then(() => {
      if (this.#released) return;
      try {
        if (!this.session.waiting) this.session.resume();
        this.#turnOver();
      } catch (error) {
        this.#note(error);
        this.closeWhenSent();
      }
    });
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
    this.#released = true;
    if (this.#failure !== undefined) this.log.info("closed", { reason: this.#failure });
    this.#streams.close(true);
    this.answer(); // What is wrong with the last request.
    this.outlet.closeWhenSent();
    this.edge.sweep.delete(this.outlet);
  }
}

function sessionId({ ports: { random } }: Edge): string {
  let id = "";
  while (id.length < SESSION_ID_DIGITS) id += Math.floor(random.next() * 16).toString(16);
  return id;
}

/** An IPv4 address as such, also when a socket of both families shows it otherwise. */
function plainHost({ hostname }: Deno.NetAddr): string {
  return hostname.replace(/^::ffff:(?=[\d.]+$)/i, "");
}
