/**
 * One viewer of a live body over HTTP or WebSocket: a socket whose request was read.
 *
 * The answer's head waits until there is something to play; until then the request can still be
 * refused with a proper status. After the head only shared pages follow.
 *
 * @module
 */
import type { EncodingClass } from "../stream/encodings.ts";
import { streamKey, type StreamName } from "../stream/stream_key.ts";
import type { StreamCore } from "../stream/stream_core.ts";
import { Viewer } from "../stream/viewer.ts";
import type { Track } from "../../protocols/media/track.ts";
import type { Log, Timer } from "../runtime/ports.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import { hostPort } from "./host_port.ts";
import { Outlet, type OutletEvents } from "./outlet.ts";
import { isSocketClosed } from "./socket_closed.ts";
import type { EdgeProtocol } from "./session_table.ts";

/** Input buffer: a viewer sends a ping now and then. */
const READ_BYTES = 256;

export interface LiveViewerOptions {
  readonly edge: Edge;
  readonly conn: ClientSocket;
  readonly protocol: Exclude<EdgeProtocol, "rtmp">;
  readonly stream: StreamName;
  /** The stream's data; it may not be live yet. */
  readonly core: StreamCore;
  readonly encodingClass: EncodingClass;
  /** Whether the format can carry these tracks; a whole answer that refuses when it cannot. */
  readonly refuse: (tracks: readonly Track[]) => Uint8Array | undefined;
  /** How long it waits for a publisher, in milliseconds. */
  readonly playWaitMs: number;
  readonly userAgent: string;
  /** Head of the answer that accepts. */
  readonly accept: Uint8Array;
  /** What ends a body whose node leaves; nothing where the end of the connection says it. */
  readonly farewell?: Uint8Array;
  /** Whole answer for a stream that nobody publishes in time. */
  readonly notFound: Uint8Array;
}

export class LiveViewer implements OutletEvents {
  readonly id: string;
  readonly outlet: Outlet;
  readonly #options: LiveViewerOptions;
  readonly #viewer: Viewer;
  readonly #log: Log;
  readonly #peer: string;
  readonly #timer: Timer | undefined;
  #bytesIn = 0;
  #released = false;

  constructor(options: LiveViewerOptions) {
    const { edge, conn, core } = options;
    this.#options = options;
    this.id = edge.sessions.newId();
    this.#peer = hostPort(conn.remoteAddr);
    this.#log = edge.ports.log.with({ session: this.id, peer: this.#peer });
    this.outlet = new Outlet(conn, this, edge.traffic[options.protocol]);
    this.#viewer = new Viewer(core, options.encodingClass, {
      joined: () => this.#joined(),
      wake: () => this.outlet.pump(),
    });
    this.#timer = core.live
      ? undefined
      : edge.ports.timers.after(options.playWaitMs, () => this.#giveUp());
    this.#list();
    this.outlet.viewers.push(this.#viewer);
    this.outlet.pump();
  }

  /**
   * Reads what the client sends until it leaves or the viewer is done with; resolves then. Never
   * rejects.
   */
  async run(feed: (bytes: Uint8Array) => void): Promise<void> {
    const { conn, edge, protocol } = this.#options;
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (let bytes = await conn.read(buffer); bytes !== null; bytes = await conn.read(buffer)) {
        this.#bytesIn += bytes;
        edge.traffic[protocol].in += bytes;
        feed(buffer.subarray(0, bytes));
      }
    } catch (error) {
      if (!isSocketClosed(error)) this.#log.error("viewer failed", { error });
    }
    this.#release();
  }

  viewerOver(): void {
    this.outlet.closeWhenSent();
  }

  outletFailed(reason: string): void {
    this.#log.info("closed", { reason });
    this.#release();
  }

  #joined(): void {
    this.#timer?.cancel();
    const { stream, protocol, accept, refuse } = this.#options;
    const refused = refuse(this.#viewer.core.log.head.tracks);
    if (refused !== undefined) {
      this.outlet.send(refused);
      return this.outlet.closeWhenSent();
    }
    this.#log.info("playing", { stream: streamKey(stream), protocol });
    this.outlet.send(accept);
  }

  /** The wait is over; a publisher that came meanwhile but sent no key frame yet is waited for. */
  #giveUp(): void {
    if (this.#viewer.core.live || this.#released) return;
    const { edge, stream } = this.#options;
    edge.admission.refuse("not-found");
    this.#log.info("play refused", { stream: streamKey(stream), reason: "nobody publishes it" });
    this.outlet.send(this.#options.notFound);
    this.outlet.closeWhenSent();
  }

  #list(): void {
    const { edge, protocol, stream, userAgent } = this.#options;
    edge.sweep.add(this.outlet);
    edge.sessions.add({
      id: this.id,
      protocol,
      role: "play",
      stream,
      remoteAddress: this.#peer,
      userAgent,
      startedAtMs: edge.ports.clock.wallMs(),
      outlet: this.outlet,
      viewer: this.#viewer,
      bytesIn: () => this.#bytesIn,
      kick: () => this.outlet.closeWhenSent(),
      depart: () => this.#depart(),
    });
  }

  /** Ends the body behind what is being written, which is whole frames. */
  #depart(): void {
    const { farewell } = this.#options;
    if (farewell !== undefined) this.outlet.send(farewell);
    this.outlet.closeWhenSent();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    const { edge } = this.#options;
    this.#timer?.cancel();
    this.#viewer.close();
    this.outlet.viewers.length = 0;
    this.outlet.close();
    edge.sweep.delete(this.outlet);
    edge.sessions.delete(this.id);
  }
}
