/**
 * Looks who owns what in a simulation: nobody beside another for long, nobody who cannot know
 * whether it still does, and nobody is robbed whom nothing ails.
 *
 * @module
 */
import type { SimNode } from "./sim_node.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { DirectoryWeather } from "./sim_directory.ts";
import type { Troubles } from "./troubles.ts";

/**
 * Two nodes may own a stream for so long, in milliseconds: the one that others have expelled gives
 * up when its lease is over, or looks after it when it can.
 */
const OVERLAP_MS_MAX = 6_500;

/** A node that hears nobody drops its publishers after ten seconds; it looks now and then. */
const ALONE_MS_MAX = 13_000;

export interface OwnerWatchOptions {
  readonly weather: DirectoryWeather;
  readonly network: SimNetwork;
  readonly troubles: Troubles;
  readonly fault: (text: string) => void;
}

export class OwnerWatch {
  readonly #options: OwnerWatchOptions;
  /** Since when a stream has had several owners. */
  readonly #sharedSinceMs = new Map<string, number>();
  readonly #aloneSinceMs = new Map<string, number>();
  readonly #incarnations = new Map<SimNode, number>();

  constructor(options: OwnerWatchOptions) {
    this.#options = options;
  }

  /** @param publishers Nodes that have a publisher. */
  check(living: readonly SimNode[], publishers: ReadonlySet<SimNode>, nowMs: number): void {
    this.#checkOverlaps(living, nowMs);
    for (const node of living) {
      this.#checkAlone(node, living, publishers, nowMs);
      this.#checkExpelled(node, nowMs);
    }
  }

  /** I8: of two owners one gives way, where anybody could have made the second one. */
  #checkOverlaps(living: readonly SimNode[], nowMs: number): void {
    const { weather, fault } = this.#options;
    const owners = new Map<string, string[]>();
    const running = living.filter(({ process }) => process.running);
    for (const { name, mesh } of running) {
      for (const key of mesh.ownership.keys()) owners.set(key, [...owners.get(key) ?? [], name]);
    }
    for (const [key, names] of owners) {
      const known = weather.answers && names.some((name) => !weather.isCut(name)) &&
        names.every((name) => this.#mustKnow(name, living));
      if (names.length < 2 || !known) {
        this.#sharedSinceMs.delete(key);
        continue;
      }
      const sinceMs = this.#sharedSinceMs.get(key) ?? nowMs;
      this.#sharedSinceMs.set(key, sinceMs);
      if (nowMs - sinceMs < OVERLAP_MS_MAX) continue;
      this.#sharedSinceMs.set(key, nowMs);
      fault(`I8 ${key} has two owners since ${OVERLAP_MS_MAX} ms: ${names.join(", ")}`);
    }
    for (const key of this.#sharedSinceMs.keys()) {
      if (!owners.has(key)) this.#sharedSinceMs.delete(key);
    }
  }

  /**
   * Whether a node must find out that others may have taken its place: it reaches the directory, or
   * somebody who does, or hears too few to take for granted that nobody reaches it.
   */
  #mustKnow(name: string, living: readonly SimNode[]): boolean {
    const { weather, network } = this.#options;
    const heard = living.filter((other) =>
      other.name !== name && other.process.running && !network.isHeld(other.name, name) &&
      !network.isHeld(name, other.name)
    );
    return !weather.isCut(name) || heard.some((other) => !weather.isCut(other.name)) ||
      2 * (heard.length + 1) < living.length;
  }

  /** I8: who hears neither the directory nor anybody else gives up. */
  #checkAlone(
    node: SimNode,
    living: readonly SimNode[],
    publishers: ReadonlySet<SimNode>,
    nowMs: number,
  ): void {
    const { weather, network, fault } = this.#options;
    const { name, mesh, process } = node;
    const others = living.filter((other) => other !== node);
    const alone = process.running && mesh.membership.members.size > 1 && weather.isCut(name) &&
      others.every((other) => network.isHeld(other.name, name) && network.isHeld(name, other.name));
    if (!alone) return void this.#aloneSinceMs.delete(name);
    const sinceMs = this.#aloneSinceMs.get(name) ?? nowMs;
    this.#aloneSinceMs.set(name, sinceMs);
    if (nowMs - sinceMs < ALONE_MS_MAX) return;
    this.#aloneSinceMs.set(name, nowMs);
    const owned = mesh.ownership.keys();
    if (owned.length > 0) fault(`I8 ${name} is alone and owns ${owned.join(", ")}`);
    if (publishers.has(node)) fault(`I8 ${name} is alone and keeps a publisher`);
  }

  /** I9: a directory that comes back, with or without its data, costs nobody its place. */
  #checkExpelled(node: SimNode, nowMs: number): void {
    const { troubles, fault } = this.#options;
    const { incarnation } = node.mesh.membership;
    if (incarnation === 0 || !node.process.running) return;
    const known = this.#incarnations.get(node);
    this.#incarnations.set(node, incarnation);
    if (known === undefined || known === incarnation || troubles.ails(node.name, nowMs)) return;
    fault(`I9 ${node.name} was expelled, and nothing ailed it`);
  }
}
