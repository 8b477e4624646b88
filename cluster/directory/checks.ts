/**
 * What a caller may ask of a directory: limits of names, times and records, the same for every
 * implementation, so that what one takes the others take.
 *
 * @module
 */
import type {
  ClaimRequest,
  LoadReport,
  Member,
  OwnedKey,
  Ownership,
  Suspicion,
  Timeline,
} from "./directory.ts";

/** Longest node, zone and host name, in UTF-16 code units. */
export const NODE_NAME_LENGTH_MAX = 128;

/** Longest key of an owned thing: a stream's name at its longest, and a job's around it. */
export const OWNED_KEY_LENGTH_MAX = 4_096;

/** Longest host name or address, with its port: a DNS name has at most 253 characters. */
export const ADDRESS_LENGTH_MAX = 300;

/** Most client addresses of a member: one a protocol, some families twice. */
export const ADDRESSES_MAX = 32;

/** Longest token of a claim and longest shared secret. */
export const TOKEN_LENGTH_MAX = 1_024;

/** Longest lease, vote window or grace, in milliseconds: an hour is for ever here. */
export const SPAN_MS_MAX = 3_600_000;

/** Most nodes of a mesh; links and loads grow with them. One more is refused. */
export const MEMBERS_MAX = 1_000;

/** Most nodes whose leases one renewal looks at: those a node shares media with, and some more. */
export const WATCHED_MAX = MEMBERS_MAX;

/**
 * Most incarnations remembered as dead, for {@link DEAD_KEPT_MS}; the oldest are forgotten first.
 * A process that comes back after ten thousand other deaths has found its links cut long before.
 */
export const DEAD_MAX = 10_000;

/** How long a dead incarnation is remembered, in milliseconds: a day. */
export const DEAD_KEPT_MS = 24 * 3_600_000;

/** How long the epoch of a released thing is remembered, in milliseconds: a day. */
export const RELEASED_KEPT_MS = 24 * 3_600_000;

/**
 * How long the record of what is owned is kept after it was written, in milliseconds: two days.
 * Owners write theirs again each hour; one that is not was of a node that died with it.
 */
export const OWNED_KEPT_MS = 48 * 3_600_000;

/** How long a timeline is kept after it was written, in milliseconds. */
export const TIMELINE_KEPT_MS = 3_600_000;

/**
 * Longest pause between two calls about members, of all nodes together, in milliseconds. Longer
 * means that nobody could reach the directory: twice the usual time between renewals.
 */
export const PULSE_GAP_MS_MAX = 1_500;

/** @throws {TypeError} Not a node's name. */
export function checkNode(node: string): void {
  checkText("node", node, NODE_NAME_LENGTH_MAX, 1);
}

/** @throws {TypeError | RangeError} Not a node's name and an incarnation of it. */
export function checkIncarnation(node: string, incarnation: number, least = 1): void {
  checkNode(node);
  checkInteger("incarnation", incarnation, least, Number.MAX_SAFE_INTEGER);
}

/** @throws {TypeError | RangeError} A field of the member is not what its docstring says. */
export function checkMember(member: Member): void {
  checkIncarnation(member.node, member.incarnation, 0);
  checkText("address", member.address, ADDRESS_LENGTH_MAX, 1);
  checkInteger("port", member.port, 0, 65_535);
  checkText("host", member.host, NODE_NAME_LENGTH_MAX);
  checkText("zone", member.zone, NODE_NAME_LENGTH_MAX);
  checkOneOf("role", member.role, ["any", "edge", "origin"]);
  checkState(member.state);
  if (!(member.weight > 0 && member.weight <= 1_000)) {
    throw new RangeError(`Cannot ask the directory: weight is ${member.weight}, above 0 to 1000`);
  }
  const addresses = Object.entries(member.addresses);
  checkInteger("number of addresses", addresses.length, 0, ADDRESSES_MAX);
  for (const [protocol, address] of addresses) {
    checkText("protocol", protocol, NODE_NAME_LENGTH_MAX, 1);
    checkText("address", address, ADDRESS_LENGTH_MAX, 1);
  }
}

/** @throws {TypeError} Neither "up" nor "draining". */
export function checkState(state: string): void {
  checkOneOf("state", state, ["up", "draining"]);
}

/** @throws {TypeError | RangeError} Not a whole number of milliseconds within the limits. */
export function checkSpan(what: string, spanMs: number, leastMs = 1): void {
  checkInteger(what, spanMs, leastMs, SPAN_MS_MAX);
}

/** @throws {TypeError | RangeError} A name is none, or there are too many. */
export function checkWatched(watched: readonly string[]): void {
  checkInteger("number of watched nodes", watched.length, 0, WATCHED_MAX);
  for (const node of watched) checkNode(node);
}

/** @throws {TypeError | RangeError} A field is out of its range. */
export function checkSuspicion(suspicion: Suspicion): void {
  checkIncarnation(suspicion.node, suspicion.incarnation);
  checkNode(suspicion.voter);
  checkInteger("votesNeeded", suspicion.votesNeeded, 1, MEMBERS_MAX);
  checkSpan("windowMs", suspicion.windowMs);
  checkSpan("graceMs", suspicion.graceMs, 0);
}

/** @throws {TypeError | RangeError} Not a key of one of the kinds. */
export function checkKey({ kind, key }: OwnedKey): void {
  checkOneOf("kind", kind, ["s", "d", "j"]);
  checkText("key", key, OWNED_KEY_LENGTH_MAX, 1);
}

/** @throws {TypeError | RangeError} A field is out of its range. */
export function checkClaim(request: ClaimRequest): void {
  checkIncarnation(request.node, request.incarnation);
  checkEpoch(request.expectedEpoch, 0);
  checkInteger("deadlineUs", request.deadlineUs, 0, Number.MAX_SAFE_INTEGER);
  checkText("token", request.token, TOKEN_LENGTH_MAX, 1);
}

/** @throws {TypeError | RangeError} Nobody's ownership, or a field is out of its range. */
export function checkOwner(owner: Ownership): void {
  checkIncarnation(owner.node, owner.incarnation);
  checkEpoch(owner.epoch);
}

/** @throws {RangeError} Not an integer that an epoch can be. */
export function checkEpoch(epoch: number, least = 1): void {
  checkInteger("epoch", epoch, least, Number.MAX_SAFE_INTEGER);
}

/** @throws {RangeError} A field is not a whole number, or the epoch is below 1. */
export function checkTimeline(timeline: Timeline): void {
  checkEpoch(timeline.epoch);
  for (const [name, value] of Object.entries(timelineFields(timeline))) {
    checkInteger(name, value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  }
}

/** @throws {TypeError | RangeError} Empty, too long or not Unicode. */
export function checkSecret(secret: string): void {
  checkText("secret", secret, TOKEN_LENGTH_MAX, 1);
}

/**
 * The report with 0 where a figure is no number: a lease must not be lost over a statistic.
 * Fields of other versions are left out.
 */
export function soundLoad(load: LoadReport): LoadReport {
  return {
    cpu: finite(load.cpu),
    lagMs: finite(load.lagMs),
    egressKbps: finite(load.egressKbps),
    streams: finite(load.streams),
    viewers: finite(load.viewers),
  };
}

/** The fields of a timeline and no others. */
export function timelineFields(timeline: Timeline): Timeline {
  const { epoch, generation, nextSeq, newestDtsUs, segment, discontinuities } = timeline;
  return { epoch, generation, nextSeq, newestDtsUs, segment, discontinuities };
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** Texts that are not Unicode would be stored as another text, and two become one. */
function checkText(what: string, text: string, longest: number, shortest = 0): void {
  if (typeof text !== "string" || !text.isWellFormed()) {
    throw new TypeError(`Cannot ask the directory: ${what} is not Unicode text`);
  }
  if (text.length < shortest || text.length > longest) {
    throw new RangeError(
      `Cannot ask the directory: ${what} has ${text.length} characters, ${shortest} to ${longest} are allowed`,
    );
  }
}

function checkInteger(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(
    `Cannot ask the directory: ${what} is ${value}, an integer from ${least} to ${most} fits`,
  );
}

function checkOneOf(what: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new TypeError(
    `Cannot ask the directory: ${what} is ${JSON.stringify(value)}, not one of ${
      allowed.join(" ")
    }`,
  );
}
