/**
 * The directory of many hosts: in Redis, through the scripts of `lua.ts`.
 *
 * @module
 */
import {
  checkClaim,
  checkEpoch,
  checkIncarnation,
  checkKey,
  checkMember,
  checkOwner,
  checkSecret,
  checkSpan,
  checkState,
  checkSuspicion,
  checkTimeline,
  checkWatched,
} from "./checks.ts";
import type {
  ClaimRequest,
  ClaimResult,
  Directory,
  Joined,
  Member,
  MembershipView,
  MemberState,
  OwnedKey,
  Ownership,
  RenewResult,
  Suspicion,
  Timeline,
} from "./directory.ts";
import { RedisConnection, type RedisConnectionOptions } from "./redis_connection.ts";
import { RedisKeys } from "./redis_keys.ts";
import {
  decodeClaim,
  decodeJoined,
  decodeOwner,
  decodeRenewed,
  decodeTimeline,
  decodeView,
  encodeLoad,
  encodeMember,
  encodeTimeline,
  OWNER_FIELDS,
  TIMELINE_FIELDS,
} from "./redis_replies.ts";

export interface RedisDirectoryOptions extends RedisConnectionOptions {
  /** Name of the mesh; meshes in one Redis know nothing of each other. */
  readonly mesh: string;
}

/** Ready at once; calls are rejected until Redis is there. */
export class RedisDirectory implements Directory {
  readonly #redis: RedisConnection;
  readonly #keys: RedisKeys;
  /** Keys that every script about members takes first. */
  readonly #control: readonly string[];

  /** @throws {URIError} The mesh's name is not Unicode text. */
  constructor(options: RedisDirectoryOptions) {
    this.#keys = new RedisKeys(options.mesh);
    const { members, dead, view, pulse, load, events, hint } = this.#keys.control;
    this.#control = [members, dead, view, pulse, load, events, hint];
    this.#redis = new RedisConnection(options);
  }

  get roundTrips(): number {
    return this.#redis.roundTrips;
  }

  async join(member: Member, leaseMs: number): Promise<Joined> {
    checkMember(member);
    checkSpan("leaseMs", leaseMs);
    const { node, incarnation, state } = member;
    const args = [node, incarnation, leaseMs, state, encodeMember(member)];
    return decodeJoined(await this.#redis.run("hwJoin", this.#keysOf(node), args));
  }

  async renew(options: Parameters<Directory["renew"]>[0]): Promise<RenewResult> {
    const { node, incarnation, leaseMs, load, watched } = options;
    checkIncarnation(node, incarnation);
    checkSpan("leaseMs", leaseMs);
    checkWatched(watched);
    const keys = [...this.#keysOf(node), ...watched.map((other) => this.#keys.lease(other))];
    const args = [node, incarnation, leaseMs, encodeLoad(load)];
    return decodeRenewed(await this.#redis.run("hwRenew", keys, args), watched);
  }

  async members(): Promise<MembershipView> {
    return decodeView(await this.#redis.run("hwMembers", this.#control, []));
  }

  async isDead(node: string, incarnation: number): Promise<boolean> {
    checkIncarnation(node, incarnation);
    return await this.#redis.run("hwIsDead", this.#control, [node, incarnation]) === 1;
  }

  async setState(node: string, incarnation: number, state: MemberState): Promise<boolean> {
    checkIncarnation(node, incarnation);
    checkState(state);
    return await this.#redis.run("hwSetState", this.#control, [node, incarnation, state]) === 1;
  }

  async suspect(suspicion: Suspicion): Promise<"expelled" | "noted" | "gone"> {
    checkSuspicion(suspicion);
    const { node, incarnation, voter, votesNeeded, windowMs, strong, graceMs } = suspicion;
    const args = [node, incarnation, voter, votesNeeded, windowMs, strong ? 1 : 0, graceMs];
    const reply = await this.#redis.run("hwSuspect", this.#keysOf(node), args);
    return reply === "expelled" || reply === "noted" ? reply : "gone";
  }

  async leave(node: string, incarnation: number): Promise<void> {
    checkIncarnation(node, incarnation);
    await this.#redis.run("hwLeave", this.#keysOf(node), [node, incarnation]);
  }

  async claim(key: OwnedKey, request: ClaimRequest): Promise<ClaimResult> {
    checkKey(key);
    checkClaim(request);
    const { node, incarnation, expectedEpoch, deadlineUs, token } = request;
    const args = [node, incarnation, expectedEpoch, deadlineUs, token];
    return decodeClaim(await this.#redis.run("hwClaim", [this.#keys.owned(key)], args));
  }

  async lookup(keys: readonly OwnedKey[]): Promise<(Ownership | undefined)[]> {
    keys.forEach(checkKey);
    const records = keys.map((key) => this.#keys.owned(key));
    return (await this.#redis.readHashes(records, OWNER_FIELDS)).map(decodeOwner);
  }

  async reassert(key: OwnedKey, owner: Ownership): Promise<Ownership> {
    checkKey(key);
    checkOwner(owner);
    const args = [owner.node, owner.incarnation, owner.epoch];
    const reply = await this.#redis.run("hwReassert", [this.#keys.owned(key)], args);
    return decodeOwner(reply) ?? owner;
  }

  async release(key: OwnedKey, epoch: number): Promise<boolean> {
    checkKey(key);
    checkEpoch(epoch);
    return await this.#redis.run("hwRelease", [this.#keys.owned(key)], [epoch]) === 1;
  }

  async writeTimeline(stream: string, timeline: Timeline): Promise<void> {
    checkKey({ kind: "s", key: stream });
    checkTimeline(timeline);
    const args = [timeline.epoch, ...encodeTimeline(timeline)];
    await this.#redis.run("hwTimeline", [this.#keys.timeline(stream)], args);
  }

  async readTimeline(stream: string): Promise<Timeline | undefined> {
    checkKey({ kind: "s", key: stream });
    const keys = [this.#keys.timeline(stream)];
    const [fields] = await this.#redis.readHashes(keys, [...TIMELINE_FIELDS]);
    return decodeTimeline(fields);
  }

  async sharedSecret(proposed: string): Promise<string> {
    checkSecret(proposed);
    return String(await this.#redis.run("hwSecret", [this.#keys.secret], [proposed]));
  }

  onHint(callback: () => void): void {
    this.#redis.onMessage(this.#keys.control.hint, callback);
  }

  close(): Promise<void> {
    return this.#redis.close();
  }

  /** The keys of a script about one node. */
  #keysOf(node: string): string[] {
    return [...this.#control, this.#keys.lease(node), this.#keys.votes(node)];
  }
}
