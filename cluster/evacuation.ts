/**
 * Gives the streams that a node owns to other nodes before it leaves.
 *
 * Each is moved for itself, while it is live: its viewers everywhere, and its publisher, stay where
 * they are. One that cannot be moved goes on here and is tried again, with another node first.
 *
 * @module
 */
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import type { LoadReport, Member } from "./directory/directory.ts";
import { isPlaceable, placeStream } from "./placement/place_stream.ts";

/** Moves at a time: some milliseconds of work each, most of it waiting for others. */
export const MOVES_AT_ONCE = 50;

/** A move takes at most this long, in milliseconds: each of its steps has a shorter limit. */
export const MOVE_TIMEOUT_MS = 8_000;

/** Pause when no other node would have a stream, in milliseconds. */
export const MOVE_RETRY_MS = 500;

/** How often it is looked for streams that came to be owned here meanwhile, in milliseconds. */
const LOOK_MS = 250;

export interface EvacuationOptions {
  readonly ports: Ports;
  readonly mesh: {
    readonly node: string;
    readonly members: ReadonlyMap<string, Member>;
    readonly loads: ReadonlyMap<string, LoadReport>;
  };
  /** Streams that this node owns and that are live or held, with their publisher's node. */
  readonly streams: () => readonly { readonly key: string; readonly ingest: string | undefined }[];
  /** Makes another node the owner; whether it is over with here. Never rejects. */
  readonly move: (key: string, to: string, timeoutMs: number) => Promise<boolean>;
}

/** What became of earlier tries. */
interface Tried {
  /** Nodes that failed since the last pause. */
  readonly avoid: Set<string>;
  /** Not before this, on the monotonic clock in milliseconds. */
  afterMs: number;
}

export class Evacuation {
  readonly #options: EvacuationOptions;
  readonly #moving = new Set<string>();
  /** Of streams that are still here. */
  readonly #tried = new Map<string, Tried>();
  /** Streams given to each node since the loads were reported. */
  readonly #given = new Map<string, number>();
  #loads: ReadonlyMap<string, LoadReport> | undefined;
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: EvacuationOptions) {
    this.#options = options;
  }

  /** Begins, and goes on until {@link stop}. Resolves as soon as there is nothing left to move. */
  start(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#look();
    return promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#settle();
  }

  #look(): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.ports.timers.after(LOOK_MS, () => this.#look());
    const streams = this.#options.streams();
    const keys = new Set(streams.map(({ key }) => key));
    for (const key of this.#tried.keys()) if (!keys.has(key)) this.#tried.delete(key);
    if (!this.#others.some(isPlaceable)) {
      if (this.#moving.size === 0) this.#settle(); // Nobody would have them.
      return;
    }
    for (const { key, ingest } of streams) {
      if (this.#moving.size >= MOVES_AT_ONCE) return;
      if (!this.#moving.has(key)) this.#begin(key, ingest);
    }
    if (this.#moving.size === 0 && streams.length === 0) this.#settle();
  }

  #begin(key: string, ingest: string | undefined): void {
    const { ports: { clock }, move } = this.#options;
    const tried = this.#tried.get(key);
    const nowMs = clock.nowMs();
    if (tried !== undefined && nowMs < tried.afterMs) return;
    const to = this.#target(key, ingest, tried?.avoid);
    if (to === undefined) {
      this.#tried.set(key, { avoid: new Set(), afterMs: nowMs + MOVE_RETRY_MS });
      return;
    }
    this.#moving.add(key);
    this.#given.set(to, (this.#given.get(to) ?? 0) + 1);
    move(key, to, MOVE_TIMEOUT_MS).then((moved) => {
      this.#moving.delete(key);
      if (!moved) this.#failed(key, to);
      this.#look();
    });
  }

  #failed(key: string, to: string): void {
    const avoid = this.#tried.get(key)?.avoid ?? new Set();
    this.#tried.set(key, { avoid: avoid.add(to), afterMs: 0 });
    this.#options.ports.log.info("stream not moved, it stays for now", { key, to });
  }

  /** The publisher's node, which saves a hop, or the one where it would be placed anew. */
  #target(
    key: string,
    ingest: string | undefined,
    avoid: ReadonlySet<string> = new Set(),
  ): string | undefined {
    const { mesh: { loads } } = this.#options;
    const others = this.#others.filter(({ node }) => !avoid.has(node));
    const there = others.find(({ node }) => node === ingest);
    if (there !== undefined && isPlaceable(there)) return there.node;
    if (loads !== this.#loads) this.#given.clear();
    this.#loads = loads;
    const members = new Map(others.map((member) => [member.node, member]));
    const expected = new Map(others.map(({ node }) => {
      const load = loads.get(node) ?? NO_LOAD;
      return [node, { ...load, streams: load.streams + (this.#given.get(node) ?? 0) }];
    }));
    return placeStream({ key, members, loads: expected });
  }

  get #others(): Member[] {
    const { node, members } = this.#options.mesh;
    return [...members.values()].filter((member) => member.node !== node);
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const NO_LOAD: LoadReport = { cpu: 0, lagMs: 0, egressKbps: 0, streams: 0, viewers: 0 };
