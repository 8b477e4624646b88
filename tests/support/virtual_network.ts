/**
 * A network in memory, on virtual time: connections with delay and bounded buffers between hosts,
 * and every way in which they fail. The same calls in the same order give the same history.
 *
 * A direction that is *held* carries nothing on: what is sent waits, first in the network, then, as
 * buffers are bounded, in the sender. That is a cable that was pulled (hold both), and a process
 * that does not read (hold what comes to it). Released, everything arrives, as TCP would have it.
 *
 * @module
 */
import type { Clock, Timers } from "../../actors/runtime/ports.ts";
import {
  DialError,
  type LinkListener,
  type LinkSocket,
  type LinkTransport,
} from "../../cluster/link/transport.ts";

/** Bytes under way in one direction of a connection, unread ones included. */
const BUFFER_BYTES = 256 * 1024;

export interface VirtualNetworkOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** One way, in milliseconds; 0.1 unless given. */
  readonly delayMs?: (from: string, to: string) => number;
}

export class VirtualNetwork {
  readonly #options: VirtualNetworkOptions;
  readonly #hosts = new Map<string, Map<number, (socket: LinkSocket) => void>>();
  /** Directions that are held, as "from to". */
  readonly #held = new Set<string>();
  #nextPort = 10_000;
  /** Every connection that is not over on both ends, oldest first. */
  readonly connections = new Set<VirtualConnection>();
  /** Dials so far. */
  dials = 0;

  constructor(options: VirtualNetworkOptions) {
    this.#options = options;
  }

  /** The network as host `name` sees it; its address is its name. */
  transport(name: string): LinkTransport {
    return {
      dial: (address, port, timeoutMs) => this.#dial(name, address, port, timeoutMs),
      listen: (accepted) => this.#listen(name, accepted),
    };
  }

  /** Nothing gets from `from` to `to` any more, on present and future connections. */
  hold(from: string, to: string): void {
    this.#held.add(`${from} ${to}`);
    for (const connection of this.connections) connection.pipe(from, to)?.hold();
  }

  /** What was held arrives. */
  release(from: string, to: string): void {
    this.#held.delete(`${from} ${to}`);
    for (const connection of this.connections) connection.pipe(from, to)?.release();
  }

  /** The cable between two hosts is pulled. */
  part(a: string, b: string): void {
    this.hold(a, b);
    this.hold(b, a);
  }

  /** It is back. */
  join(a: string, b: string): void {
    this.release(a, b);
    this.release(b, a);
  }

  /** All connections between two hosts break; new ones can be made. */
  cut(a: string, b: string): void {
    for (const connection of this.connections) {
      if (connection.pipe(a, b) !== undefined) connection.reset();
    }
  }

  /** The host's process is gone: its connections end and its ports refuse. */
  kill(host: string): void {
    this.#hosts.delete(host);
    for (const connection of this.connections) {
      if (connection.hosts.includes(host)) connection.reset();
    }
  }

  /** Milliseconds from one host to another. */
  delayMs(from: string, to: string): number {
    return this.#options.delayMs?.(from, to) ?? 0.1;
  }

  #listen(host: string, accepted: (socket: LinkSocket) => void): LinkListener {
    const port = this.#nextPort++;
    let ports = this.#hosts.get(host);
    if (ports === undefined) this.#hosts.set(host, ports = new Map());
    ports.set(port, accepted);
    return { port, close: () => void ports.delete(port) };
  }

  #dial(from: string, to: string, port: number, timeoutMs: number): Promise<LinkSocket> {
    this.dials++;
    const { promise, resolve, reject } = Promise.withResolvers<LinkSocket>();
    const { timers } = this.#options;
    if (this.#held.has(`${from} ${to}`) || this.#held.has(`${to} ${from}`)) {
      timers.after(timeoutMs, () => reject(new DialError(`No answer from ${to}`, false)));
      return promise;
    }
    timers.after(this.delayMs(from, to) + this.delayMs(to, from), () => {
      const accepted = this.#hosts.get(to)?.get(port);
      if (accepted === undefined) return reject(new DialError(`${to}:${port} refused`, true));
      const connection = new VirtualConnection(this, [from, to], this.#options);
      this.connections.add(connection);
      if (this.#held.has(`${from} ${to}`)) connection.pipes[0].hold();
      if (this.#held.has(`${to} ${from}`)) connection.pipes[1].hold();
      accepted(connection.sockets[1]);
      resolve(connection.sockets[0]);
    });
    return promise;
  }
}

/** One connection; its first host dialled. */
export class VirtualConnection {
  readonly hosts: readonly [string, string];
  /** From the first host to the second, and back. */
  readonly pipes: readonly [VirtualPipe, VirtualPipe];
  readonly sockets: readonly [LinkSocket, LinkSocket];
  readonly #network: VirtualNetwork;

  constructor(
    network: VirtualNetwork,
    hosts: readonly [string, string],
    options: VirtualNetworkOptions,
  ) {
    this.#network = network;
    this.hosts = hosts;
    const [a, b] = hosts;
    this.pipes = [
      new VirtualPipe(options, () => network.delayMs(a, b)),
      new VirtualPipe(options, () => network.delayMs(b, a)),
    ];
    const [there, back] = this.pipes;
    this.sockets = [this.#socket(b, there, back), this.#socket(a, back, there)];
  }

  /** What carries bytes from one host to another; `undefined` when this connection does not. */
  pipe(from: string, to: string): VirtualPipe | undefined {
    if (from === this.hosts[0] && to === this.hosts[1]) return this.pipes[0];
    return from === this.hosts[1] && to === this.hosts[0] ? this.pipes[1] : undefined;
  }

  /** Breaks it; what was under way is lost. */
  reset(): void {
    for (const pipe of this.pipes) pipe.break();
    // What is held tells nobody before it is released.
    if (!this.pipes.some((pipe) => pipe.held)) this.#network.connections.delete(this);
  }

  #socket(remoteAddress: string, out: VirtualPipe, into: VirtualPipe): LinkSocket {
    let closed = false;
    return {
      remoteAddress,
      read: (bytes) => closed ? Promise.reject(new Error("closed here")) : into.read(bytes),
      write: (bytes) => closed ? Promise.reject(new Error("closed here")) : out.write(bytes),
      close: () => {
        if (closed) return;
        closed = true;
        out.end();
        into.abandon();
        if (out.over && into.over) this.#network.connections.delete(this);
      },
    };
  }
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** One direction of a connection. */
export class VirtualPipe {
  readonly #options: VirtualNetworkOptions;
  readonly #delayMs: () => number;
  /** What has arrived and was not read. */
  readonly #arrived: Uint8Array[] = [];
  #bytes = 0;
  #lastArrivalMs = 0;
  #held = false;
  #ending = false;
  #ended = false;
  #broken = false;
  #reading: Waiting<number | null> & { into: Uint8Array } | undefined;
  #writing: Waiting<number> & { bytes: Uint8Array } | undefined;
  /** Bytes that were taken from the sender. */
  taken = 0;

  constructor(options: VirtualNetworkOptions, delayMs: () => number) {
    this.#options = options;
    this.#delayMs = delayMs;
  }

  /** Nobody sends any more. */
  get over(): boolean {
    return this.#ending || this.#broken;
  }

  get held(): boolean {
    return this.#held;
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (this.#broken) this.break();
    else this.#deliver();
  }

  read(into: Uint8Array): Promise<number | null> {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    this.#reading = { into, resolve, reject };
    this.#deliver();
    return promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#writing = { bytes, resolve, reject };
    this.#take();
    return promise;
  }

  /** The sender closes: the reader comes to the end of what was sent. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#writing?.reject(new Error("closed here"));
    this.#writing = undefined;
    this.#later(() => {
      this.#ended = true;
      this.#deliver();
    });
  }

  /** The reader closes: writes fail once the sender learns of it. */
  abandon(): void {
    this.#reading?.reject(new Error("closed here"));
    this.#reading = undefined;
    this.#later(() => this.break());
  }

  /** Broken for both ends, as soon as they can know. */
  break(): void {
    this.#broken = true;
    if (this.#held) return;
    this.#reading?.reject(new Error("connection reset"));
    this.#writing?.reject(new Error("connection reset"));
    this.#reading = this.#writing = undefined;
    this.#arrived.length = 0;
  }

  #take(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    if (this.#broken && !this.#held) {
      this.#writing = undefined;
      return writing.reject(new Error("connection reset"));
    }
    const room = BUFFER_BYTES - this.#bytes;
    if (room <= 0) return;
    const chunk = writing.bytes.slice(0, room);
    this.#writing = undefined;
    this.#bytes += chunk.length;
    this.taken += chunk.length;
    this.#later(() => {
      this.#arrived.push(chunk);
      this.#deliver();
    });
    writing.resolve(chunk.length);
  }

  #deliver(): void {
    const reading = this.#reading;
    if (reading === undefined || this.#held) return;
    if (this.#broken) {
      this.#reading = undefined;
      return reading.reject(new Error("connection reset"));
    }
    const first = this.#arrived[0];
    if (first === undefined) {
      if (!this.#ended) return;
      this.#reading = undefined;
      return reading.resolve(null);
    }
    const count = Math.min(first.length, reading.into.length);
    reading.into.set(first.subarray(0, count));
    if (count === first.length) this.#arrived.shift();
    else this.#arrived[0] = first.subarray(count);
    this.#bytes -= count;
    this.#reading = undefined;
    reading.resolve(count);
    this.#take();
  }

  /** After the way there, in order. */
  #later(callback: () => void): void {
    const { clock, timers } = this.#options;
    const nowMs = clock.nowMs();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + this.#delayMs());
    timers.after(this.#lastArrivalMs - nowMs, callback);
  }
}
