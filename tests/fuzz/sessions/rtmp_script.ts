/**
 * Hostile RTMP clients: recorded and made messages in any order, most of them changed.
 *
 * Changes that leave the chunks in step (bodies, types, stream ids, timestamps, order, AMF values)
 * are frequent, for what comes behind them is read too; those that break the framing are rare. A
 * ping after some messages is answered when all before it have been dealt with.
 *
 * @module
 */
import type { Random } from "../../../actors/runtime/ports.ts";
import { ChunkReader } from "../../../protocols/rtmp/chunk_reader.ts";
import { flvTags } from "../../support/flv_frames.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import {
  amf0,
  type Amf0Value,
  bytesOf,
  C0_C1,
  C2,
  chunkHeader,
  HANDSHAKE_BYTES,
  message,
  uint32,
} from "../../support/wire/rtmp_bytes.ts";
import { connectCommands } from "../../support/wire/rtmp_connection.ts";
import { mutate } from "../mutator.ts";
import { cutUp, MARK_EVERY, pick, type Progress, type Script } from "./script.ts";

/** A message before it is put into chunks. */
interface Step {
  readonly typeId: number;
  readonly streamId: number;
  readonly chunkStreamId: number;
  readonly timestampMs: number;
  readonly body: Uint8Array;
  readonly changed: boolean;
}

/** Chunk size after the handshake, in bytes: one chunk a message is cheap to write. */
const CHUNK_BYTES = 65_536;

/** Messages of a connection. */
const STEPS_MIN = 24;
const STEPS_MAX = 200;

const VECTORS = new URL("../../vectors/", import.meta.url);
const COMMAND = 20;
const DATA = 18;
const USER_CONTROL = 4;

const MEDIA: readonly Step[] = [
  ...["h264_aac.flv", "enhanced_av1_flac.flv", "enhanced_hevc_opus.flv", "mp3.flv"],
  ...["tracks_h264_hevc_aac_opus.flv", "h263.flv", "enhanced_vp9_ac3.flv"],
].flatMap((name) => flvTags(Deno.readFileSync(new URL(`flv_small/${name}`, VECTORS))))
  .filter(({ body }) => body.length < 8_192)
  .map(({ typeId, timestampMs, body }) => ({ ...step(typeId, 1, body), timestampMs }));

const RECORDED: readonly Step[] = [
  ...["ffmpeg_5.1_publish.bin", "gstreamer_1.22_rtmp2sink_publish.bin"],
  ...["ffmpeg_5.1_play.bin", "rtmpdump_2.4_play.bin"],
].flatMap((name) => recorded(Deno.readFileSync(new URL(`rtmp_sessions/${name}`, VECTORS))));

const NAMES = Array.from({ length: 16 }, (_, at) => `fuzz${at}`);
const COMMANDS: readonly string[] = [
  ...["createStream", "publish", "play", "closeStream", "deleteStream", "pause", "receiveAudio"],
  ...["receiveVideo", "FCPublish", "FCUnpublish", "FCSubscribe", "releaseStream", "seek", "play2"],
  ...["getStreamLength", "_checkbw", "_result", "_error", "onStatus", "nonsense", "__proto__"],
];
const VALUES: readonly Amf0Value[] = [
  ...[null, true, false, 0, 1, 2, -1, 33, NaN, Infinity, 2 ** 53, -2000, "", "live", "../x"],
  ...["a%2fb", "a\0b", "x".repeat(600), "é東🎥", "*", "fuzz1", "fuzz2?user=a&pass=b"],
  ...[{}, { a: 1 }, { a: { b: { c: null } } }, { app: "live", tcUrl: "rtmp://x/y" }],
];
const TIMES_MS = [0, 1, 40, 1_000, 0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0xffffffff];

/** The script of one connection, the same for the same seed. */
export function rtmpScript(seed: number): Script {
  const random = seededRandom(seed);
  const steps = stepsOf(random);
  const parts: Uint8Array[] = [...opening(random)];
  let inputs = 0;
  steps.forEach((step, at) => {
    parts.push(message(step, step.body, CHUNK_BYTES));
    if (step.changed) inputs++;
    if (at % MARK_EVERY === MARK_EVERY - 1 || at === steps.length - 1) parts.push(mark(inputs));
  });
  const confirmable = inputs;
  if (random.next() < 0.4) {
    parts.push(broken(random), mark(++inputs));
  }
  const progress = new PongReader(confirmable);
  return { kind: "rtmp", listener: "rtmp", pieces: cutUp(parts, random), inputs, progress };
}

function opening(random: Random): Uint8Array[] {
  const connect = connectCommands("host", pick(["live", "live", "live", "", "a/b"], random));
  const size = message({ chunkStreamId: 2, typeId: 1 }, uint32(CHUNK_BYTES));
  return [C0_C1, C2, connect, size];
}

/** Publishing, playing, or commands in any order; then changed. */
function stepsOf(random: Random): Step[] {
  const count = STEPS_MIN + randomInteger(random, STEPS_MAX - STEPS_MIN);
  const name = pick(NAMES, random);
  const kind = random.next();
  const steps: Step[] = [];
  if (kind < 0.6) steps.push(call(1, "publish", 3, null, name, "live"));
  else if (kind < 0.8) steps.push(call(1, "play", 3, null, pick(["steady", name], random), -2000));
  let from = randomInteger(random, MEDIA.length);
  while (steps.length < count) {
    const what = random.next();
    if (what < 0.85) steps.push(changeOrNot(MEDIA[from++ % MEDIA.length], MEDIA, random));
    else if (what < 0.853) steps.push(changeOrNot(pick(RECORDED, random), RECORDED, random));
    else steps.push(anyCommand(random));
  }
  return reordered(steps, random);
}

function changeOrNot(original: Step, others: readonly Step[], random: Random): Step {
  if (random.next() < 0.1) return original;
  const step = { ...original, changed: true };
  const { typeId } = step;
  const how = random.next();
  if (how < 0.12) return { ...step, timestampMs: pick(TIMES_MS, random) };
  if (how < 0.2) return { ...step, streamId: pick([0, 1, 2, 3, 0xffffffff], random) };
  if (how < 0.26) return { ...step, chunkStreamId: 3 + randomInteger(random, 100) };
  if (how < 0.3 && typeId !== COMMAND) {
    // Types 1 to 3 are obeyed by the chunk reader: they belong to what breaks the framing.
    return { ...step, typeId: pick(random.next() < 0.1 ? FATAL_TYPES : TYPES, random) };
  }
  const seeds = [step.body, pick(others, random).body];
  return { ...step, body: mutate(seeds, random).subarray(0, CHUNK_BYTES) };
}

/** Well-formed AMF that makes little sense. */
function anyCommand(random: Random): Step {
  const values = Array.from({ length: randomInteger(random, 5) }, () => pick(VALUES, random));
  const named = random.next() < 0.3 ? [null, pick(NAMES, random), ...values] : [null, ...values];
  const streamId = random.next() < 0.8 ? 1 : randomInteger(random, 20);
  const made = call(streamId, pick(COMMANDS, random), randomInteger(random, 5), ...named);
  if (random.next() > 0.01) return { ...made, changed: true };
  return { ...made, changed: true, body: mutate([made.body], random).subarray(0, CHUNK_BYTES) };
}

/** Some come twice, some change places. */
function reordered(steps: Step[], random: Random): Step[] {
  for (let at = 1; at < steps.length; at++) {
    const chance = random.next();
    if (chance < 0.02) steps.splice(at, 0, { ...steps[at], changed: true });
    if (chance < 0.98) continue;
    const other = 1 + randomInteger(random, steps.length - 1);
    [steps[at], steps[other]] = [steps[other], { ...steps[at], changed: true }];
  }
  return steps;
}

/** Something after which nothing can be understood. */
function broken(random: Random): Uint8Array {
  const { body, ...head } = pick(random.next() < 0.5 ? MEDIA : RECORDED, random);
  const whole = message(head, body, CHUNK_BYTES);
  const how = random.next();
  if (how < 0.3) {
    const bodyBytes = pick([0, 1, body.length + 1, 65_537, 0x800000, 0xffffff], random);
    return bytesOf(chunkHeader({ ...head, bodyBytes }, 0), body);
  }
  if (how < 0.4) return message({ chunkStreamId: 2, typeId: 1 }, uint32(pick(SIZES, random)));
  if (how < 0.5) return message({ chunkStreamId: 2, typeId: 2 }, uint32(pick(SIZES, random)));
  return mutate([whole], random);
}

/** Types that take any body, and those whose body must be what it says. */
const TYPES = [8, 9, 18, 19, 0, 7, 255];
const FATAL_TYPES = [4, 5, 6, 15, 16, 17, 22];
const SIZES = [0, 1, 127, 128, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff];

function step(typeId: number, streamId: number, body: Uint8Array): Step {
  const chunkStreamId = typeId === COMMAND ? 3 : typeId === DATA ? 5 : typeId === 8 ? 4 : 6;
  return { typeId, streamId, chunkStreamId, timestampMs: 0, body, changed: false };
}

function call(streamId: number, ...values: readonly Amf0Value[]): Step {
  return step(COMMAND, streamId, amf0(...values));
}

/** The messages of a recorded client, without those that the chunk reader obeys. */
function recorded(connection: Uint8Array): Step[] {
  const steps: Step[] = [];
  const reader = new ChunkReader(({ typeId, streamId, body }) => {
    if (body.length < 8_192) steps.push(step(typeId, streamId, body.slice()));
    return true;
  });
  reader.messageBytesMax = 16_777_215;
  reader.feed(connection.subarray(1 + 2 * HANDSHAKE_BYTES));
  return steps;
}

/** A pingRequest (7.1.7) with the number of inputs before it. */
function mark(inputs: number): Uint8Array {
  return message({ chunkStreamId: 2, typeId: USER_CONTROL }, bytesOf(0, 6, uint32(inputs)));
}

/** A pingResponse as the node sends it: message header from the length on, and the event. */
const PONG = Uint8Array.of(0, 0, 6, USER_CONTROL, 0, 0, 0, 0, 0, 7);

/** Looks for pingResponses; the rest of what the node sends is other tests' business. */
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
    const length = PONG.length + 4;
    for (let at = all.indexOf(7); at >= 0; at = all.indexOf(7, at + 1)) {
      const from = at - PONG.length + 1;
      if (from < 0 || from + length > all.length) continue;
      if (!PONG.every((byte, index) => all[from + index] === byte)) continue;
      const said = new DataView(all.buffer, all.byteOffset + at + 1, 4).getUint32(0);
      this.inputs = Math.max(this.inputs, said);
    }
    this.#rest = all.slice(Math.max(0, all.length - length + 1));
  }
}
