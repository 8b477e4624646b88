/**
 * ElasticChaos: a hundred streams on a mesh whose nodes come, drain, die, stand still and are cut
 * off at random, one every five seconds, and what must hold all the while. The seed is printed, and
 * does the same again as far as a real machine lets it.
 *
 * Looked at each second: every publisher at a node that is well has one owner, within five seconds
 * of each fault; viewers' numbers and timestamps rise; those at nodes that nothing happened to, of
 * publishers at such nodes, miss nothing. In the end: the records of ownership were what a register
 * with compare-and-set allows.
 *
 * @module
 */
import { contention } from "../support/contention.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { ClaimHistory, wrongWrites } from "./claim_history.ts";
import { Cast } from "./elastic_cast.ts";
import { Ground } from "./ground.ts";
import { missingNetwork, REDIS } from "./network.ts";
import type { StreamItem } from "./scene.ts";

export interface ElasticOptions {
  readonly forMs: number;
  readonly seed: number;
  readonly streams?: number;
  readonly viewers?: number;
  readonly told?: (text: string) => void;
}

/** What a run came to. */
export interface ElasticOutcome {
  readonly wrong: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  readonly looks: number;
  /** Longest that a stream was without its one owner while its publisher was well. */
  readonly ownerlessMs: number;
  readonly writes: number;
  readonly viewers: number;
  readonly lostWithCause: number;
  readonly reconnects: number;
  /** All that happened, in order, to be kept as JSON. */
  readonly history: readonly Happening[];
}

export interface Happening {
  readonly atMs: number;
  readonly what: string;
  readonly [field: string]: unknown;
}

const NAMES = ["n1", "n2", "n3", "n4", "n5", "n6"] as const;
const ABSENT = ["n5", "n6"];
const FAULT_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/** Nodes that must be well, so that there are always most of them on one side. */
const WELL_MIN = 3;

/** One owner by then after whatever happened, in milliseconds. */
const OWNED_MS_MAX = 5_000;

/** A node is taken for well this long after it came back, in milliseconds. */
const WELL_AFTER_MS = 3_000;

/** How long nodes stand still or are cut off, in milliseconds. */
const STOP_MS = [500, 4_000] as const;
const CUT_MS = [1_000, 8_000] as const;

/** Stands for any stream that two nodes own at once. */
const TWICE = "more owners than streams";

type Kind = "join" | "drain" | "kill" | "stop" | "cut";

/** Runs it. @throws {Error} The mesh could not even be started. */
export async function elasticChaos(options: ElasticOptions): Promise<ElasticOutcome> {
  const cables = await missingNetwork() === undefined;
  const args = ["--drain-timeout", "3s"];
  await using ground = await Ground.start({ names: NAMES, absent: ABSENT, cables, args });
  const chaos = new Elastic(ground, options, cables);
  return await chaos.run();
}

class Elastic {
  readonly #ground: Ground;
  readonly #options: ElasticOptions;
  readonly #cables: boolean;
  readonly #random;
  readonly #startMs = performance.now();
  readonly #history: Happening[] = [];
  readonly #wrong = new Set<string>();
  readonly #counts: Record<string, number> = {};
  readonly #strokes = new Map<string, number>();
  /** Nodes that are not well, until then; Infinity while something is done to them. */
  readonly #unwell = new Map<string, number>(ABSENT.map((name) => [name, Infinity]));
  /** Nodes that are not there. */
  readonly #absent = new Set<string>(ABSENT);
  readonly #running = new Set<Promise<void>>();
  readonly #ownerlessSince = new Map<string, number>();
  readonly #cast: Cast;
  readonly #paths: readonly string[];
  #ownerlessMs = 0;
  #looks = 0;

  constructor(ground: Ground, options: ElasticOptions, cables: boolean) {
    this.#ground = ground;
    this.#options = options;
    this.#cables = cables;
    this.#random = seededRandom(options.seed);
    this.#paths = Array.from({ length: options.streams ?? 100 }, (_, n) => `live/e${n}`);
    this.#cast = new Cast({
      any: () => ground.node(this.#pick(this.#well)),
      strokes: (name) => this.#strokes.get(name) ?? 0,
    });
  }

  async run(): Promise<ElasticOutcome> {
    const { forMs, viewers = 30 } = this.#options;
    const [server] = await this.#ground.redis.admins();
    const claims = await ClaimHistory.follow(server);
    try {
      await this.#cast.publish(this.#paths);
      const untilMs = performance.now() + forMs;
      await Promise.all([
        this.#disturb(untilMs),
        this.#watch(untilMs, viewers),
        this.#lookOn(untilMs + OWNED_MS_MAX + WELL_AFTER_MS),
      ]);
      await Promise.all(this.#running);
      for (let place = 0; place < viewers; place++) this.#say(this.#cast.judge(place));
    } finally {
      claims.stop();
      await this.#cast.end();
    }
    this.#say(wrongWrites(claims.writes));
    const reconnects = [...this.#cast.encoders.values()];
    return {
      wrong: [...this.#wrong],
      faults: this.#counts,
      looks: this.#looks,
      ownerlessMs: this.#ownerlessMs,
      writes: claims.writes.length,
      viewers: this.#cast.viewersSeen,
      lostWithCause: this.#cast.lostWithCause,
      reconnects: reconnects.reduce((sum, encoder) => sum + encoder.reconnects, 0),
      history: [
        ...this.#history,
        ...claims.attempts.map((attempt) => ({ what: "claim", ...attempt })),
        ...claims.writes.map((write) => ({ what: "write", ...write })),
      ],
    };
  }

  /** Nodes that nothing is done to, and nothing was done to a moment ago. */
  get #well(): string[] {
    const nowMs = performance.now();
    return NAMES.filter((name) => (this.#unwell.get(name) ?? 0) <= nowMs);
  }

  async #disturb(untilMs: number): Promise<void> {
    while (performance.now() + FAULT_EVERY_MS < untilMs) {
      await delay(FAULT_EVERY_MS);
      const kind = this.#pick(this.#possible());
      if (kind === undefined) continue;
      this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
      const done = this.#do(kind).catch((error) => this.#say([`${kind}: ${error}`]))
        .finally(() => this.#running.delete(done));
      this.#running.add(done);
    }
  }

  #possible(): Kind[] {
    const kinds: Kind[] = this.#absent.size > 0 ? ["join", "join"] : [];
    if (this.#well.length > WELL_MIN) kinds.push("drain", "kill", "stop");
    if (this.#well.length > WELL_MIN && this.#cables && this.#running.size === 0) kinds.push("cut");
    return kinds;
  }

  async #do(kind: Kind): Promise<void> {
    const ground = this.#ground;
    if (kind === "join") {
      const name = this.#pick([...this.#absent]);
      this.#absent.delete(name);
      this.#note(kind, name);
      await ground.restart(name);
      return this.#over(name);
    }
    const name = this.#pick(this.#well);
    this.#note(kind, name);
    if (kind === "drain") {
      await ground.leave(name);
      this.#absent.add(name);
    } else if (kind === "kill") {
      ground.kill(name);
      this.#absent.add(name);
    } else if (kind === "stop") {
      ground.pause(name);
      await delay(this.#between(STOP_MS));
      ground.resume(name);
      this.#over(name);
    } else {
      const others = NAMES.filter((other) => other !== name && !this.#absent.has(other));
      await ground.separate([name], [REDIS, ...others]);
      await delay(this.#between(CUT_MS));
      await ground.unite([name], [REDIS, ...others]);
      this.#over(name);
    }
  }

  /** Something begins to happen to a node. */
  #note(what: Kind, node: string): void {
    this.#strokes.set(node, (this.#strokes.get(node) ?? 0) + 1);
    this.#unwell.set(node, Infinity);
    this.#happened({ what, node });
    this.#options.told?.(`${this.#nowS()} ${what} ${node}`);
  }

  #over(node: string): void {
    this.#unwell.set(node, performance.now() + WELL_AFTER_MS);
    this.#happened({ what: "over", node });
  }

  /** Viewers come and go, each for some seconds. */
  async #watch(untilMs: number, viewers: number): Promise<void> {
    const perViewerMs = 12_000;
    for (let place = 0; performance.now() < untilMs; place = (place + 1) % viewers) {
      this.#say(await this.#cast.watch(place, this.#pick(this.#paths)));
      await delay(perViewerMs / viewers);
    }
  }

  async #lookOn(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      const startMs = performance.now();
      await this.#look(startMs);
      await delay(Math.max(0, LOOK_EVERY_MS - (performance.now() - startMs)));
    }
  }

  /** Asks a node that is well who owns what. */
  async #look(nowMs: number): Promise<void> {
    const well = this.#well;
    const node = this.#ground.node(this.#pick(well));
    const streams = await streamsAt(node);
    if (streams === undefined) {
      if (this.#well.includes(node.ready.node)) this.#say([`${node.ready.node} does not answer`]);
      return;
    }
    this.#looks++;
    const bad = this.#paths.filter((path) => {
      const at = this.#cast.encoders.get(path)?.at;
      if (at === undefined || !this.#well.includes(at)) return false;
      const info = streams.get(path);
      return info?.state !== "live" || !NAMES.some((name) => name === info.owner) ||
        this.#unwell.get(info.owner) === Infinity;
    });
    const owners = await this.#ownersAt(well);
    if (owners > this.#paths.length) bad.push(TWICE);
    this.#happened({ what: "look", asked: node.ready.node, well, owners, bad });
    this.#age(bad, nowMs);
  }

  /** Streams that these nodes own, by their own word. */
  async #ownersAt(names: readonly string[]): Promise<number> {
    const counts = await Promise.all(names.map(async (name) => {
      try {
        const text = await (await this.#ground.node(name).fetchMetrics()).text();
        return Number(/^headwater_streams\{state="live"[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
      } catch {
        return 0; // It suffers since.
      }
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #age(bad: readonly string[], nowMs: number): void {
    for (const path of [...this.#ownerlessSince.keys()]) {
      if (!bad.includes(path)) this.#ownerlessSince.delete(path);
    }
    for (const path of bad) {
      const sinceMs = this.#ownerlessSince.get(path) ?? nowMs;
      this.#ownerlessSince.set(path, sinceMs);
      this.#ownerlessMs = Math.max(this.#ownerlessMs, nowMs - sinceMs);
      if (nowMs - sinceMs > OWNED_MS_MAX * contention()) {
        this.#say([`not one owner for more than ${OWNED_MS_MAX} ms: ${path}`]);
      }
    }
  }

  #say(texts: readonly string[]): void {
    for (const text of texts) {
      if (this.#wrong.has(text)) continue;
      this.#wrong.add(text);
      this.#happened({ what: "wrong", text });
      this.#options.told?.(`${this.#nowS()} WRONG ${text}`);
    }
  }

  #happened(happening: Omit<Happening, "atMs"> & { readonly what: string }): void {
    this.#history.push({ atMs: Date.now(), ...happening });
  }

  #nowS(): string {
    return `${((performance.now() - this.#startMs) / 1_000).toFixed(1)} s`;
  }

  #pick<T>(among: readonly T[]): T {
    return among[randomInteger(this.#random, among.length)];
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.#random.next() * (most - least);
  }
}

/** All streams as a node knows them; `undefined` when it gives no answer. */
async function streamsAt(node: TestNode): Promise<Map<string, StreamItem> | undefined> {
  interface Item extends StreamItem {
    readonly app: string;
    readonly name: string;
  }
  try {
    const { items } = await node.api<{ items: readonly Item[] }>("streams?limit=1000");
    return new Map(items.map((item) => [`${item.app}/${item.name}`, item]));
  } catch {
    return undefined;
  }
}
