/**
 * PING and PONG: round-trip time, and what nodes gossip on the way. BYE: a link that is not needed.
 *
 * Source: README.md beside this file, section 4.1.
 *
 * @module
 */
import { Fields } from "./fields.ts";
import type { ReceivedFrame } from "./frame.ts";
import { pack, unpack } from "./packed.ts";

/** Longest reason of a BYE, in characters. */
const REASON_CHARACTERS_MAX = 128;

/** What a node tells about itself with each PING and PONG. */
export interface Gossip {
  /** Newest membership view it knows. */
  readonly view: number;
  /** The directory answers it. */
  readonly redisOk: boolean;
  /** How late its event loop has been lately, in milliseconds. */
  readonly lagMs: number;
}

/** A PING, or the PONG that answers it. */
export interface PulseMessage extends Gossip {
  /** The pinging node's own time; the answer repeats it. */
  readonly t: number;
}

/** The body of a PING or PONG; holds until the next call of `pack`. */
export function writePulse({ t, view, redisOk, lagMs }: PulseMessage): Uint8Array {
  return pack({ t, view, redisOk, lagMs });
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readPulse(frame: ReceivedFrame): PulseMessage {
  const fields = new Fields(unpack(frame, "4.1"), "4.1");
  return {
    t: fields.number("t"),
    view: fields.integer("view"),
    redisOk: fields.boolean("redisOk"),
    lagMs: fields.number("lagMs"),
  };
}

/** The body of a BYE; holds until the next call of `pack`. */
export function writeBye(reason: string): Uint8Array {
  return pack({ reason: reason.slice(0, REASON_CHARACTERS_MAX) });
}

/** The reason. @throws {ProtocolError} It is missing or too long. */
export function readBye(frame: ReceivedFrame): string {
  return new Fields(unpack(frame, "4.1"), "4.1").text("reason", REASON_CHARACTERS_MAX);
}
