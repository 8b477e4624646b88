// Goal: packets come out in order, each once, and every gap is told.
// Method: made-up orders; then seeded loss, doubling and reordering against a plain account of what
// was sent.
import type { RtpPacket } from "../../../protocols/rtp/packet.ts";
import {
  PacketSequence,
  REORDER_HOLD_US,
  REORDER_PACKETS_MAX,
} from "../../../protocols/rtp/sequence.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

function packet(sequence: number, ssrc = 7): RtpPacket {
  return {
    ...{ payloadType: 96, marker: false, sequence: sequence & 0xffff, timestamp: 0, ssrc },
    ...{ payload: Uint8Array.of(sequence >>> 8, sequence), extension: undefined },
  };
}

/** Numbers as delivered, "-N" for N lost, "new" for a restart. */
function recording(reorders: boolean) {
  const log: (number | string)[] = [];
  const sequence = new PacketSequence({
    packet: ({ sequence, payload }) => {
      assertEquals(payload, Uint8Array.of(sequence >>> 8, sequence));
      log.push(sequence);
    },
    lost: (packets) => log.push(`-${packets}`),
    restarted: () => log.push("new"),
  }, { reorders });
  return { log, sequence };
}

function delivered(numbers: readonly number[], reorders = true): (number | string)[] {
  const { log, sequence } = recording(reorders);
  numbers.forEach((number, at) => sequence.push(packet(number), at));
  sequence.flush();
  return log;
}

Deno.test("push() puts packets in order, also over the wrap", () => {
  assertEquals(delivered([65_534, 0, 65_535, 2, 1, 3]), [65_534, 65_535, 0, 1, 2, 3]);
});

Deno.test("push() leaves out duplicates and what comes after its turn", () => {
  const { log, sequence } = recording(true);
  [5, 6, 6, 8, 8, 5, 7, 7].forEach((number) => sequence.push(packet(number), 0));
  assertEquals(log, [5, 6, 7, 8]);
  assertEquals(sequence.late, 4);
});

Deno.test("push() tells of a gap at once where nothing is reordered", () => {
  assertEquals(delivered([1, 2, 5, 6], false), [1, 2, "-2", 5, 6]);
});

Deno.test("expire() gives up on a gap when its time has come, not before", () => {
  const { log, sequence } = recording(true);
  sequence.push(packet(1), 0);
  sequence.push(packet(3), 1_000);
  assertEquals(sequence.dueUs, 1_000 + REORDER_HOLD_US);
  sequence.expire(999 + REORDER_HOLD_US);
  assertEquals(log, [1]);
  sequence.expire(1_000 + REORDER_HOLD_US);
  assertEquals(log, [1, "-1", 3]);
  assertEquals(sequence.dueUs, undefined);
});

Deno.test("push() keeps no more than the window", () => {
  const { log, sequence } = recording(true);
  sequence.push(packet(0), 0);
  for (let number = 2; number <= REORDER_PACKETS_MAX; number++) sequence.push(packet(number), 0);
  assertEquals(log, [0]);
  sequence.push(packet(REORDER_PACKETS_MAX + 1), 0);
  assertEquals(log.slice(0, 3), [0, "-1", 2]);
  assertEquals(log.length, 2 + REORDER_PACKETS_MAX);
});

Deno.test("push() keeps no more than its share of bytes", () => {
  const { log, sequence } = recording(true);
  const large = (number: number) => ({ ...packet(number), payload: new Uint8Array(60_000) });
  const plain = new PacketSequence({
    packet: ({ sequence }) => log.push(sequence),
    lost: (packets) => log.push(`-${packets}`),
    restarted: () => log.push("new"),
  }, { reorders: true });
  plain.push(large(0), 0);
  for (let number = 2; number < 20; number++) plain.push(large(number), 0);
  assertEquals(log.slice(0, 3), [0, "-1", 2]);
  assertEquals(sequence.dueUs, undefined);
});

Deno.test("push() follows another source when two of its packets come in a row", () => {
  const { log, sequence } = recording(true);
  sequence.push(packet(1), 0);
  sequence.push(packet(900, 8), 0);
  sequence.push(packet(2), 0); // A stray packet changes nothing.
  sequence.push(packet(901, 8), 0);
  assertEquals(log, [1, 2]);
  sequence.push(packet(902, 8), 0);
  assertEquals(log, [1, 2, "new", 901, 902]);
});

Deno.test("push() follows the same source when it begins to count anew", () => {
  assertEquals(delivered([1, 2, 30_000, 30_001, 30_002]), [1, 2, "new", 30_000, 30_001, 30_002]);
  assertEquals(delivered([1, 2, 30_000, 3]), [1, 2, 3]);
});

Deno.test("push() delivers all that came, in order, whatever the path did", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = seededRandom(seed);
    const sent = Array.from({ length: 400 }, (_, at) => 65_400 + at);
    const arrived = sent.filter((_, at) => at === 0 || random.next() > 0.03)
      .map((number, at) => ({ number, at: at === 0 ? -1 : at + randomInteger(random, 12) }))
      .sort((a, b) => a.at - b.at).map(({ number }) => number);
    const doubled = arrived.flatMap((number) => random.next() < 0.02 ? [number, number] : [number]);
    const log = delivered(doubled);
    const unique = [...new Set(arrived)].sort((a, b) => a - b);
    assertEquals(log.filter((entry) => typeof entry === "number"), unique.map((n) => n & 0xffff));
    let lost = 0;
    for (const entry of log) if (typeof entry === "string") lost -= Number(entry);
    const missing = unique[unique.length - 1] - unique[0] + 1 - unique.length;
    assert(lost === missing, `seed ${seed}: ${lost} told lost, ${missing} are`);
  }
});
