/**
 * What the scripts answer, made into values and checked: other versions of this program, and
 * people, write to the same Redis.
 *
 * @module
 */
import { checkMember, soundLoad, timelineFields } from "./checks.ts";
import {
  type ClaimResult,
  DirectoryUnavailable,
  type Joined,
  type LoadReport,
  type Member,
  type MembershipView,
  type Ownership,
  type RenewResult,
  type Timeline,
} from "./directory.ts";

/** Fields of an owned thing's hash, in the order in which they are read. */
export const OWNER_FIELDS = ["epoch", "node", "inc"];

/** Fields of a timeline's hash, in the order in which they are read. */
export const TIMELINE_FIELDS = [
  "epoch",
  "generation",
  "nextSeq",
  "newestDtsUs",
  "segment",
  "discontinuities",
] as const;

/** What a member's record says besides node, incarnation and state. */
export function encodeMember(member: Member): string {
  const { address, port, host, zone, role, addresses, weight } = member;
  return JSON.stringify({ address, port, host, zone, role, addresses, weight });
}

export function encodeLoad(load: LoadReport): string {
  return JSON.stringify(soundLoad(load));
}

/** Answer of hwJoin. @throws {DirectoryUnavailable} The mesh is full. */
export function decodeJoined(reply: unknown): Joined {
  const [kind, incarnation, view, nowUs] = texts(reply);
  if (kind === "full") throw new DirectoryUnavailable("Cannot join: the mesh has all its nodes");
  return { incarnation: integer(incarnation), view: integer(view), nowUs: integer(nowUs) };
}

/** Answer of hwRenew; `watched` is what was asked. */
export function decodeRenewed(reply: unknown, watched: readonly string[]): RenewResult {
  if (!Array.isArray(reply)) throw strange(reply);
  const [kind, view, nowUs, silent, loads] = reply;
  if (kind === "fenced" || kind === "unknown") return { ok: false, reason: kind };
  return {
    ok: true,
    view: integer(view),
    nowUs: integer(nowUs),
    silent: texts(silent).map((index) => watched[integer(index)]),
    loads: decodeMap(loads, decodeLoad),
  };
}

/** Answer of hwMembers. Records that make no sense to us are left out. */
export function decodeView(reply: unknown): MembershipView {
  if (!Array.isArray(reply)) throw strange(reply);
  return { view: integer(reply[0]), members: decodeMap(reply[1], decodeMember) };
}

/** Answer of hwClaim. */
export function decodeClaim(reply: unknown): ClaimResult {
  const [kind, epoch, node, incarnation] = texts(reply);
  if (kind === "late") return { kind };
  if (kind === "won") return { kind, epoch: integer(epoch) };
  return { kind: "lost", owner: ownerOf(epoch, node, incarnation) };
}

/** Answer of hwReassert, or the fields of a record; `undefined` when there is no record. */
export function decodeOwner(reply: unknown): Ownership | undefined {
  const [epoch, node, incarnation] = nullable(reply);
  return epoch === null ? undefined : ownerOf(epoch, node ?? "", incarnation ?? "0");
}

/** Fields of a timeline; `undefined` when there is none that is whole. */
export function decodeTimeline(reply: unknown): Timeline | undefined {
  const values = nullable(reply).map((text) => text === null ? NaN : Number(text));
  if (values.length < TIMELINE_FIELDS.length || !values.every(Number.isSafeInteger)) {
    return undefined;
  }
  const [epoch, generation, nextSeq, newestDtsUs, segment, discontinuities] = values;
  return { epoch, generation, nextSeq, newestDtsUs, segment, discontinuities };
}

/** A timeline as pairs of field and value, the epoch left to the script. */
export function encodeTimeline(timeline: Timeline): string[] {
  const { epoch: _epoch, ...fields } = timelineFields(timeline);
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

/** "incarnation|state|JSON" */
function decodeMember(node: string, text: string): Member | undefined {
  const parts = /^(\d{1,16})\|([a-z]+)\|(.*)$/s.exec(text);
  const described = parts === null ? undefined : readObject(parts[3]);
  if (parts === null || described === undefined) return undefined;
  // Taken as a member first and then looked at field by field.
  const { address, port, host, zone, role, addresses, weight } = described as unknown as Member;
  const member: Member = {
    node,
    incarnation: Number(parts[1]),
    address,
    port,
    host,
    zone,
    role,
    state: parts[2] as Member["state"],
    addresses,
    weight,
  };
  return isMember(member) ? member : undefined;
}

function isMember(member: Member): boolean {
  if (typeof member.addresses !== "object" || member.addresses === null) return false;
  try {
    checkMember(member);
    return true;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}

function decodeLoad(_node: string, text: string): LoadReport | undefined {
  const load = readObject(text);
  // What is no number becomes 0.
  return load === undefined ? undefined : soundLoad(load as unknown as LoadReport);
}

/** Name and text in turn; values that make no sense are left out. */
function decodeMap<T>(
  reply: unknown,
  decode: (name: string, text: string) => T | undefined,
): Map<string, T> {
  const flat = texts(reply);
  const map = new Map<string, T>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const value = decode(flat[index], flat[index + 1]);
    if (value !== undefined) map.set(flat[index], value);
  }
  return map;
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function ownerOf(epoch: string, node: string, incarnation: string): Ownership {
  return { epoch: integer(epoch), node, incarnation: integer(incarnation) };
}

function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw strange(reply);
  return reply.map(String);
}

function nullable(reply: unknown): (string | null)[] {
  if (!Array.isArray(reply)) throw strange(reply);
  return reply;
}

function integer(value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw strange(value);
  return number;
}

function strange(reply: unknown): DirectoryUnavailable {
  const kind = Array.isArray(reply) ? "list" : typeof reply;
  return new DirectoryUnavailable(`Cannot read the directory's answer: a ${kind} out of place`);
}
