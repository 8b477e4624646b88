/**
 * Plays one seed: nodes, publishers and viewers on one clock, a storm of faults, and a calm after
 * it in which all must be well.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { streamKey, type StreamName } from "../../actors/stream/stream_key.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { Invariants } from "./invariants.ts";
import type { Mutant } from "./mutants.ts";
import { type Action, type Appointment, makeSchedule } from "./schedule.ts";
import { disturb } from "./disturb.ts";
import { DirectoryWeather } from "./sim_directory.ts";
import { SimNetwork } from "./sim_network.ts";
import { SimNode } from "./sim_node.ts";
import { SimProcess } from "./sim_process.ts";
import { SimPublisher } from "./sim_publisher.ts";
import { SimStore } from "./sim_store.ts";
import { SimTime } from "./sim_time.ts";
import { SimViewer } from "./sim_viewer.ts";
import { OwnerWatch } from "./owner_watch.ts";
import { Trace } from "./trace.ts";
import { Troubles } from "./troubles.ts";

/** Shortest simulation, in milliseconds: the calm and what is checked in it. */
export const SIM_MS_MIN = 25_000;

/** A simulation ends with a calm of this length, in milliseconds. */
const CALM_MS = 16_500;

/** Within so much of it all must be well again (I5); then planned moves begin (I3). */
const SETTLE_MS = 5_000;

/**
 * The same after a directory has lost data: for five seconds from when a node reaches it again that
 * node takes nothing that may have an owner.
 */
const SETTLE_LOST_MS = 6_500;

/** After these, or some of them, a directory has lost data. */
const LOSSES: ReadonlySet<Action["kind"]> = new Set([
  ...["directory-wipe", "directory-away", "failover", "usurp"] as const,
]);

/** A frame that was sent then must have reached its viewers after this, in milliseconds. */
const ARRIVAL_MS = 1_500;

/** Distance of looks at what must always hold, in milliseconds. */
const LOOK_MS = 100;

const PUBLISHERS = 3;
const VIEWERS_PER_STREAM = 3;

/** Most wrong clocks may differ, in milliseconds. */
const CLOCK_OFFSET_MS = 1_000_000;
const WALL_SKEW_MS = 4_000;

/** A stream whose publisher is lost is held for this long, in milliseconds. */
const HOLD_MS = 20_000;

export interface SimOptions {
  readonly seed: number;
  /** Virtual time, in milliseconds. */
  readonly virtualMs?: number;
  readonly nodes?: number;
  /** Breaks a rule on purpose. */
  readonly mutant?: Mutant;
  /** Keeps the whole trace. */
  readonly wholeTrace?: boolean;
}

/** What one seed came to. */
export interface SimResult {
  readonly seed: number;
  /** What did not hold; empty when all did. */
  readonly faults: readonly string[];
  readonly schedule: readonly Appointment[];
  readonly trace: readonly string[];
  readonly hash: string;
  /** Events, records that viewers saw, and times that some were left out. */
  readonly events: number;
  readonly records: number;
  readonly jumps: number;
}

/** Plays a seed to its end. */
export async function simulate(options: SimOptions): Promise<SimResult> {
  return await new Simulation(options).play();
}

export class Simulation {
  readonly time = new SimTime();
  readonly trace: Trace;
  readonly names: readonly string[];
  /** The newest start of each node, dead or not. */
  readonly nodes = new Map<string, SimNode>();
  readonly publishers: SimPublisher[] = [];
  readonly viewers: SimViewer[] = [];
  readonly #options: SimOptions;
  readonly #random: Random;
  readonly #weather: DirectoryWeather;
  readonly #network: SimNetwork;
  readonly #invariants: Invariants;
  readonly #troubles: Troubles;
  readonly #owners: OwnerWatch;
  readonly #schedule: readonly Appointment[];
  readonly #endMs: number;
  #strict = false;
  #starts = 0;

  constructor(options: SimOptions) {
    const { seed, virtualMs = 60_000, nodes = 5, mutant, wholeTrace } = options;
    if (virtualMs < SIM_MS_MIN) throw new RangeError(`Cannot simulate less than ${SIM_MS_MIN} ms`);
    this.#options = options;
    const random = this.#random = seededRandom(seed);
    const fork = () => seededRandom(Math.floor(random.next() * 2 ** 32));
    this.trace = new Trace(this.time, wholeTrace);
    this.names = Array.from({ length: nodes }, (_, i) => `n${i}`);
    const store = mutant?.store?.(this.time.clock) ?? new SimStore(this.time.clock);
    this.#weather = new DirectoryWeather(store, this.time, fork());
    const network = this.#network = new SimNetwork(this.time, fork(), this.names);
    this.#invariants = new Invariants(this.time, this.trace);
    const troubles = this.#troubles = new Troubles(this.names);
    const fault = (text: string) => this.#invariants.fault(text);
    this.#owners = new OwnerWatch({ weather: this.#weather, network, troubles, fault });
    this.#endMs = virtualMs;
    const streams: StreamName[] = Array.from(
      { length: PUBLISHERS },
      (_, i) => ({ app: "live", name: `s${i}` }),
    );
    this.#schedule = makeSchedule({
      random: fork(),
      nodes: this.names,
      streams: streams.map(streamKey),
      viewers: PUBLISHERS * VIEWERS_PER_STREAM,
      fromMs: 2_000,
      untilMs: virtualMs - CALM_MS,
    });
    for (const name of this.names.slice(0, 2 + randomInteger(random, nodes - 1))) this.#start(name);
    for (const name of streams) this.#addClients(name, fork);
  }

  async play(): Promise<SimResult> {
    for (const { atMs, action } of this.#schedule) this.time.after(atMs, () => this.#do(action));
    const calmMs = this.#endMs - CALM_MS;
    this.time.after(calmMs, () => this.#calm());
    const lost = this.#schedule.some(({ action }) => LOSSES.has(action.kind));
    this.time.after(calmMs + (lost ? SETTLE_LOST_MS : SETTLE_MS), () => this.#settled());
    this.#look();
    await this.time.runUntil(this.#endMs);
    const sum = (of: (viewer: SimViewer) => number) =>
      this.viewers.reduce((total, viewer) => total + of(viewer), 0);
    return {
      seed: this.#options.seed,
      faults: this.#invariants.faults,
      schedule: this.#schedule,
      trace: this.trace.lines,
      hash: this.trace.hash,
      events: this.time.events,
      records: sum(({ records }) => records),
      jumps: sum(({ jumps }) => jumps),
    };
  }

  get #living(): SimNode[] {
    return [...this.nodes.values()].filter(({ process }) => !process.dead);
  }

  #addClients(name: StreamName, fork: () => Random): void {
    const random = fork();
    const { time, trace } = this;
    const nodeOf = () => this.#anyOf(random, this.#living.filter(({ open }) => open));
    const fault = (text: string) => this.#invariants.fault(text);
    this.publishers.push(new SimPublisher({ name, time, random, trace, fault, nodeOf }));
    for (let i = 0; i < VIEWERS_PER_STREAM; i++) {
      this.viewers.push(
        new SimViewer({
          ...{ label: `viewer ${this.viewers.length} of ${name.name}`, name, time, random, trace },
          nodeOf,
          fault,
          strict: () => this.#strict,
          seen: (core, record) => this.#invariants.seen(core, record),
        }),
      );
    }
  }

  #anyOf<T>(random: Random, from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[randomInteger(random, from.length)];
  }

  #start(name: string): void {
    const known = this.nodes.get(name);
    if (known !== undefined && !known.process.dead) return;
    // A host that had vanished is there again: its peers' old sockets learn that it was restarted.
    for (const other of this.names) {
      this.#network.release(name, other);
      this.#network.release(other, name);
    }
    const random = this.#random;
    const process = new SimProcess({
      ...{ name, time: this.time, trace: this.trace },
      seed: Math.floor(random.next() * 2 ** 32),
      clockOffsetMs: Math.floor(CLOCK_OFFSET_MS * random.next()),
      wallSkewMs: Math.round(WALL_SKEW_MS * (2 * random.next() - 1)),
    });
    this.trace.note(() => `start ${name} (${++this.#starts})`);
    const node = new SimNode({
      ...{ process, weather: this.#weather, network: this.#network.network, holdMs: HOLD_MS },
      takeover: (stream) => stream !== "s1",
    });
    this.#options.mutant?.node?.(node);
    this.#invariants.watch(node);
    this.nodes.set(name, node);
    void node.mesh.start();
  }

  #do(action: Action): void {
    const { kind, ...rest } = action;
    this.trace.note(() => `** ${kind} ${Object.values(rest).join(" ")}`);
    this.#troubles.note(action, this.time.nowMs);
    switch (action.kind) {
      case "start":
        return this.#start(action.node);
      case "kill":
      case "vanish":
        return this.#kill(action.node, action.kind === "vanish");
      case "pause":
        return this.#pause(action.node, action.forMs);
      case "clock-jump":
        return this.nodes.get(action.node)?.process.jump(action.byMs);
      case "wall-jump":
        return this.nodes.get(action.node)?.process.setWall(action.byMs);
      case "drain":
        return this.#drain(action.node);
      case "move":
        return this.#move(action.stream, action.node);
      case "usurp":
        return this.#usurp(action.stream, action.forMs);
      case "republish":
        return this.publishers.find(({ name }) => streamKey(name) === action.stream)
          ?.reconnect(action.lost);
      case "zap":
        return this.viewers[action.viewer].zap();
      default:
        return disturb(action, this.#network, this.#weather, this.time);
    }
  }

  #kill(name: string, silently: boolean): void {
    const node = this.nodes.get(name);
    if (node !== undefined && this.#living.length >= 3) this.#end(node, silently);
  }

  #end(node: SimNode, silently: boolean): void {
    const { name } = node;
    if (node.process.dead) return;
    node.process.kill();
    node.vanished = silently;
    if (silently) {
      for (const other of this.names) {
        if (other === name) continue;
        this.#network.hold(name, other);
        this.#network.hold(other, name);
      }
    }
    this.#network.network.kill(name);
    this.trace.note(() => `${name} is dead`);
  }

  #pause(name: string, forMs: number): void {
    const node = this.nodes.get(name);
    if (node === undefined || !node.process.running) return;
    node.process.pause();
    this.time.after(forMs, () => node.process.resume());
  }

  #drain(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined || !node.open || this.#living.length < 3) return;
    node.process.run(() => {
      node.drain().then(() => {
        const left = node.mesh.ownership.size;
        this.trace.note(() => `${name} has drained, ${left} streams are left`);
        if (this.#strict && left > 0) this.#invariants.fault(`I3 ${name} could not drain`);
        for (const publisher of this.publishers) {
          if (publisher.session?.node === node) publisher.reconnect(true);
        }
        node.process.timers.after(1_000, () => {
          node.leave().then(() => this.#end(node, false));
        });
      });
    });
  }

  #move(stream: string, to: string): void {
    const owner = this.#living.find(({ mesh }) => mesh.ownership.ownEpoch(stream) !== undefined);
    if (owner === undefined) return;
    owner.process.run(() => {
      owner.mesh.system.ref(STREAM, stream).ask.move({ to }).then((result) => {
        this.trace.note(() => `${stream} to ${to}: ${JSON.stringify(result)}`);
      });
    });
  }

  /**
   * A stream's owner is cut off from the directory until another node has the stream. Then the data
   * is lost, and the old owner is the first to tell the directory what it owns.
   */
  #usurp(stream: string, forMs: number): void {
    const old = this.#living.find(({ mesh }) => mesh.ownership.ownEpoch(stream) !== undefined);
    if (old === undefined || !old.process.running) return;
    this.#weather.cut(old.name);
    this.time.after(forMs, () => {
      this.#weather.heal(old.name);
      this.#weather.store.wipe();
      for (const node of this.#living) {
        if (node === old || node.mesh.ownership.ownEpoch(stream) === undefined) continue;
        this.#pause(node.name, 1_500);
        for (const peer of this.names) this.#network.network.cut(node.name, peer);
      }
    });
  }

  #calm(): void {
    this.trace.note(() => "** calm");
    this.#network.calm();
    this.#weather.calm();
    for (const { process } of this.#living) process.resume();
  }

  /** All must be well; then streams are moved, which nobody may notice. */
  #settled(): void {
    this.trace.note(() => "** settled");
    this.#invariants.checkOwners(this.#living, this.publishers);
    this.#strict = true;
    const beats = new Map(this.publishers.map(({ name, beat }) => [name.name, beat]));
    this.time.after(ARRIVAL_MS, () => {
      this.#invariants.checkArrivals(this.viewers, beats);
      for (const { name } of this.publishers) this.#movePlanned(streamKey(name));
    });
    this.time.after(2 * ARRIVAL_MS, () => {
      for (const { name } of this.publishers) this.#movePlanned(streamKey(name));
    });
    this.time.after(3 * ARRIVAL_MS, () => {
      const node = this.#anyOf(this.#random, this.#living.filter(({ open }) => open));
      if (node !== undefined) this.#do({ kind: "drain", node: node.name });
    });
    this.time.after(this.#endMs - this.time.nowMs - ARRIVAL_MS, () => {
      this.#invariants.checkOwners(this.#living, this.publishers);
      const last = new Map(this.publishers.map(({ name, beat }) => [name.name, beat]));
      this.time.after(ARRIVAL_MS - 1, () => this.#invariants.checkArrivals(this.viewers, last));
    });
  }

  #movePlanned(stream: string): void {
    const to = this.#anyOf(this.#random, this.#living.filter(({ open }) => open));
    if (to !== undefined) this.#move(stream, to.name);
  }

  #look(): void {
    this.time.after(LOOK_MS, () => {
      for (const viewer of this.viewers) viewer.look();
      this.#invariants.check(this.#living);
      const sessions = this.publishers.flatMap(({ session }) => session?.node ?? []);
      this.#owners.check(this.#living, new Set(sessions), this.time.nowMs);
      this.#look();
    });
  }
}
