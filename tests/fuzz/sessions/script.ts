/**
 * What one hostile client sends over one socket, and how its answers tell how far the node came.
 *
 * @module
 */
import type { Random } from "../../../actors/runtime/ports.ts";
import { bytesOf } from "../../support/wire/rtmp_bytes.ts";
import { randomInteger } from "../../support/random.ts";

/** Well-formed steps between which a node is asked how far it came. */
export const MARK_EVERY = 8;

/** Reads what the node answers; says how many inputs it has dealt with for certain. */
export interface Progress {
  push(bytes: Uint8Array): void;
  /** Of the script's inputs. */
  readonly inputs: number;
  /** All that can be confirmed is. */
  readonly complete: boolean;
}

/** One connection's worth of input. */
export interface Script {
  readonly kind: "rtmp" | "http" | "websocket";
  readonly listener: "rtmp" | "http";
  /** Written one after the other; odd splits are fuzz, too. */
  readonly pieces: readonly Uint8Array[];
  /** Mutated messages, requests or frames in it. */
  readonly inputs: number;
  readonly progress: Progress;
}

/** Most pieces of a connection: each is a write and a read of its own. */
const PIECES_MAX = 24;

/** Cuts what a connection sends, mostly into few pieces, wherever it hits. */
export function cutUp(parts: readonly Uint8Array[], random: Random): Uint8Array[] {
  const all = bytesOf(...parts);
  const count = randomInteger(random, random.next() < 0.1 ? PIECES_MAX : 3);
  const cuts = Array.from({ length: count }, () => randomInteger(random, all.length + 1));
  cuts.sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const to of [...cuts, all.length]) {
    if (to > from) pieces.push(all.subarray(from, to));
    from = to;
  }
  return pieces;
}

/** One of a list. */
export function pick<T>(list: readonly T[], random: Random): T {
  return list[randomInteger(random, list.length)];
}
