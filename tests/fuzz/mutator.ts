/**
 * Turns well-formed inputs into hostile ones: the same seed gives the same bytes on every machine.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { Random } from "../../actors/runtime/ports.ts";
import { randomInteger } from "../support/random.ts";

/** Longest input, in bytes: four times the largest recorded connection. */
export const INPUT_BYTES_MAX = 64 * 1024;

/** Most bytes that one change adds, removes or moves; nesting has its own. */
const RUN_BYTES_MAX = 4096;

/** Most repetitions of a few bytes: a level of AMF takes five, the stack ends near level 10,000. */
const REPETITIONS_MAX = 16_384;

/** Changes to one input: mostly few, so that what is behind the first check is reached. */
const CHANGES_MAX = 8;

/** One change; may return the very `input`, changed, which is the mutator's own copy. */
type Change = (input: Uint8Array, context: Context) => Uint8Array;

interface Context {
  readonly random: Random;
  readonly seeds: readonly Uint8Array[];
}

/** Numbers at which bytes, lengths and counts go wrong, in 1 to 8 bytes. */
const EXTREMES = [
  ...["00", "01", "7f", "80", "ff", "fe"],
  ...["0000", "0001", "7fff", "8000", "ffff", "fffe"],
  ...["000000", "7fffff", "800000", "ffffff", "fffffe"],
  ...["00000000", "7fffffff", "80000000", "ffffffff", "fffffffe", "01000000", "00010000"],
  ...["0000000000000000", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff"],
  ...["7ff0000000000000", "fff0000000000000", "7ff8000000000000", "4340000000000000"], // Doubles.
].map((hex) => Uint8Array.fromHex(hex));

const TEXTS = [
  ...["0", "-1", "65536", "2147483648", "4294967296", "9007199254740993", "1e309", "NaN"],
  ...["99999999999999999999999", "-0", "0x10", "../..", "%00", "%", "\0", "__proto__", "\r\n"],
].map((text) => new TextEncoder().encode(text));

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setExtreme,
  setExtreme,
  setLengthOfRest,
  truncate,
  removeRun,
  repeatRun,
  moveRun,
  splice,
  insertSame,
  insertPattern,
  insertText,
];

/** An input made of `seeds`; never longer than {@link INPUT_BYTES_MAX}, never one of the seeds. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const context = { random, seeds };
  if (random.next() < 0.01) return noise(random);
  let input: Uint8Array = pick(seeds, random).slice();
  // One in 32 stays as it is: what is well-formed must pass, too.
  const changes = random.next() < 1 / 32 ? 0 : 1 + logInteger(random, CHANGES_MAX);
  for (let change = 0; change < changes; change++) input = pick(CHANGES, random)(input, context);
  return input.length > INPUT_BYTES_MAX ? input.slice(0, INPUT_BYTES_MAX) : input;
}

function noise(random: Random): Uint8Array {
  return new Uint8Array(logInteger(random, RUN_BYTES_MAX)).map(() => randomInteger(random, 256));
}

function flipBit(input: Uint8Array, { random }: Context): Uint8Array {
  if (input.length > 0) input[place(input, random)] ^= 1 << randomInteger(random, 8);
  return input;
}

function setByte(input: Uint8Array, { random }: Context): Uint8Array {
  if (input.length > 0) input[place(input, random)] = randomInteger(random, 256);
  return input;
}

function setExtreme(input: Uint8Array, { random }: Context): Uint8Array {
  return overwrite(input, place(input, random), pick(EXTREMES, random));
}

/** A length field that says what is left, or one more or less: the off-by-one of every parser. */
function setLengthOfRest(input: Uint8Array, { random }: Context): Uint8Array {
  const at = place(input, random);
  const bytes = 1 + randomInteger(random, 4);
  const left = input.length - at - bytes + randomInteger(random, 3) - 1;
  const field = new Uint8Array(4);
  new DataView(field.buffer).setInt32(0, left);
  const bigEndian = field.subarray(4 - bytes);
  return overwrite(input, at, random.next() < 0.8 ? bigEndian : bigEndian.toReversed());
}

function truncate(input: Uint8Array, { random }: Context): Uint8Array {
  return input.subarray(0, randomInteger(random, input.length + 1));
}

function removeRun(input: Uint8Array, { random }: Context): Uint8Array {
  const [from, to] = run(input, random);
  return concatBytes(input.subarray(0, from), input.subarray(to));
}

function repeatRun(input: Uint8Array, { random }: Context): Uint8Array {
  const [from, to] = run(input, random);
  return concatBytes(input.subarray(0, to), input.subarray(from));
}

/** Writes a run over another place. */
function moveRun(input: Uint8Array, { random }: Context): Uint8Array {
  const [from, to] = run(input, random);
  return input.copyWithin(place(input, random), from, to);
}

function splice(input: Uint8Array, { random, seeds }: Context): Uint8Array {
  const other = pick(seeds, random);
  return concatBytes(
    input.subarray(0, place(input, random)),
    other.subarray(place(other, random)),
  );
}

function insertSame(input: Uint8Array, { random }: Context): Uint8Array {
  const byte = random.next() < 0.5 ? pick([0, 0xff], random) : randomInteger(random, 256);
  return insert(input, random, new Uint8Array(logInteger(random, RUN_BYTES_MAX)).fill(byte));
}

/** Some bytes of the input many times: what nests, nests deeply. */
function insertPattern(input: Uint8Array, { random }: Context): Uint8Array {
  const from = place(input, random);
  const pattern = input.subarray(from, from + 1 + randomInteger(random, 8));
  const wanted = pattern.length * logInteger(random, REPETITIONS_MAX);
  const repeated = new Uint8Array(Math.min(wanted, INPUT_BYTES_MAX));
  for (let at = 0; at < repeated.length; at += pattern.length) {
    repeated.set(pattern.subarray(0, repeated.length - at), at);
  }
  // Right behind the pattern: a container that opens within itself.
  return concatBytes(input.subarray(0, from), repeated, input.subarray(from));
}

function insertText(input: Uint8Array, { random }: Context): Uint8Array {
  const text = pick(TEXTS, random);
  if (random.next() < 0.5) return overwrite(input, place(input, random), text);
  return insert(input, random, text);
}

function insert(input: Uint8Array, random: Random, bytes: Uint8Array): Uint8Array {
  const at = place(input, random);
  return concatBytes(input.subarray(0, at), bytes, input.subarray(at));
}

/** Whatever reaches beyond the end is left out. */
function overwrite(input: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  input.set(bytes.subarray(0, Math.max(0, input.length - at)), Math.min(at, input.length));
  return input;
}

/** A place in `input`; half of the time near its start, where headers are. */
function place(input: Uint8Array, random: Random): number {
  if (random.next() < 0.5) return randomInteger(random, input.length);
  return Math.min(logInteger(random, input.length), Math.max(0, input.length - 1));
}

/** A stretch of `input`, more often short than long. */
function run(input: Uint8Array, random: Random): [from: number, to: number] {
  const from = place(input, random);
  return [from, Math.min(input.length, from + logInteger(random, RUN_BYTES_MAX))];
}

/** From 0 to `max`, each order of magnitude as likely as the next. */
function logInteger(random: Random, max: number): number {
  return Math.floor((max + 1) ** random.next()) - 1;
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[randomInteger(random, list.length)];
}
