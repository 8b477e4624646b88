/**
 * Hostile WebSocket players: a proper upgrade, then changed frames (RFC 6455, section 5.2).
 *
 * Pings between them are answered when all before them have been dealt with.
 *
 * @module
 */
import type { Random } from "../../../actors/runtime/ports.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { bytesOf, uint32 } from "../../support/wire/rtmp_bytes.ts";
import { mutate } from "../mutator.ts";
import { cutUp, MARK_EVERY, pick, type Progress, type Script } from "./script.ts";

const FRAMES_MIN = 16;
const FRAMES_MAX = 160;

const UPGRADE = new TextEncoder().encode(
  "GET /live/steady.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
);

const TEXT = 1;
const BINARY = 2;
const PING = 9;
const PONG = 10;

const PAYLOADS = ["", "{}", '{"type":"ping"}', "x".repeat(125), "y".repeat(300)]
  .map((payload) => new TextEncoder().encode(payload));

/** The script of one connection, the same for the same seed. */
export function webSocketScript(seed: number): Script {
  const random = seededRandom(seed);
  const count = FRAMES_MIN + randomInteger(random, FRAMES_MAX - FRAMES_MIN);
  const parts: Uint8Array[] = [UPGRADE];
  let inputs = 0;
  for (; inputs < count;) {
    parts.push(changedFrame(random));
    if (++inputs % MARK_EVERY === 0 || inputs === count) parts.push(mark(inputs));
  }
  if (random.next() < 0.6) {
    parts.push(mutate([frame(BINARY, PAYLOADS[2]), frame(8, PAYLOADS[1])], random));
    inputs++;
  }
  const progress = new PongReader(count);
  return { kind: "websocket", listener: "http", pieces: cutUp(parts, random), inputs, progress };
}

/** A frame that may be sent, with whatever in it. */
function changedFrame(random: Random): Uint8Array {
  const payload = mutate(PAYLOADS, random);
  const how = random.next();
  if (how < 0.4) return frame(pick([PING, PONG], random), payload.subarray(0, 125));
  const opcode = pick([TEXT, BINARY], random);
  if (how < 0.8) return frame(opcode, payload.subarray(0, 4_096));
  // A message in two fragments with a control frame between.
  return bytesOf(
    frame(opcode, payload.subarray(0, 100), false),
    frame(PONG, payload.subarray(0, 20)),
    frame(0, payload.subarray(100, 1_000)),
  );
}

function frame(opcode: number, payload: Uint8Array, fin = true): Uint8Array {
  const { length } = payload;
  const size = length < 126
    ? Uint8Array.of(0x80 | length)
    : Uint8Array.of(0x80 | 126, length >> 8, length & 255);
  const key = [0x11, 0x22, 0x33, 0x44];
  const masked = payload.map((byte, at) => byte ^ key[at & 3]);
  return bytesOf((fin ? 0x80 : 0) | opcode, size, Uint8Array.from(key), masked);
}

/** Six bytes, so that no pong of a changed ping is taken for its answer by chance. */
const MARK = Uint8Array.of(0xc0, 0xff);

function mark(inputs: number): Uint8Array {
  return frame(PING, bytesOf(MARK, uint32(inputs)));
}

const PONG_HEAD = bytesOf(0x80 | PONG, 6, MARK);

class PongReader implements Progress {
  inputs = 0;
  readonly #wanted: number;
  #rest = new Uint8Array(0);

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  get complete(): boolean {
    return this.inputs >= this.#wanted;
  }

  push(bytes: Uint8Array): void {
    const all = bytesOf(this.#rest, bytes);
    const length = PONG_HEAD.length + 4;
    for (let at = all.indexOf(0x8a); at >= 0; at = all.indexOf(0x8a, at + 1)) {
      if (at + length > all.length) break;
      if (!PONG_HEAD.every((byte, index) => all[at + index] === byte)) continue;
      const view = new DataView(all.buffer, all.byteOffset + at + PONG_HEAD.length, 4);
      this.inputs = Math.max(this.inputs, view.getUint32(0));
    }
    this.#rest = all.slice(Math.max(0, all.length - length + 1));
  }
}
