// Goal: whatever a publisher's clock does, the timeline rises per track, without jumps the wall
//   clock did not make, and audio and video do not move against each other.
// Method: feeds two tracks with a faulty clock and compares distances before and after.
import {
  noRepairs,
  sumOfRepairs,
  TIMELINE_START_US,
  TimelineRepair,
} from "../../../actors/stream/timeline_repair.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const VIDEO = 0;
const AUDIO = 1;
const VIDEO_US = 40_000;
const AUDIO_US = 20_000;

interface Placed {
  readonly track: number;
  readonly trueUs: number;
  readonly dtsUs: number;
}

/** Two tracks in step for `seconds`; `clockUs` tells what the source's clock shows. */
function run(seconds: number, clockUs: (trueUs: number) => number, startUs?: number) {
  const repair = new TimelineRepair({ startUs });
  const placed: Placed[] = [];
  for (let trueUs = 0; trueUs < seconds * 1_000_000; trueUs += AUDIO_US) {
    const tracks = trueUs % VIDEO_US === 0 ? [VIDEO, AUDIO] : [AUDIO];
    for (const track of tracks) {
      const dtsUs = repair.place(track, { sourceUs: clockUs(trueUs), nowMs: trueUs / 1000 });
      if (dtsUs !== undefined) placed.push({ track, trueUs, dtsUs });
    }
  }
  return { repair, placed };
}

function assertRises(placed: readonly Placed[]): void {
  const last = new Map<number, number>();
  for (const { track, dtsUs } of placed) {
    assert(dtsUs > (last.get(track) ?? -1), `track ${track} at ${dtsUs}`);
    last.set(track, dtsUs);
  }
}

/** Audio minus video at frames that belong together. */
function skews(placed: readonly Placed[]): Set<number> {
  const video = new Map(placed.filter(({ track }) => track === VIDEO).map((p) => [p.trueUs, p]));
  return new Set(
    placed.filter(({ track, trueUs }) => track === AUDIO && video.has(trueUs))
      .map(({ trueUs, dtsUs }) => dtsUs - video.get(trueUs)!.dtsUs),
  );
}

Deno.test("TimelineRepair.place() leaves a good clock alone, wherever it starts", () => {
  for (const start of [0, 5_000_000, 4_294_957_296_000, -7_000_000]) {
    const { repair, placed } = run(20, (trueUs) => trueUs + start);
    assertEquals(sumOfRepairs(repair.counts), 0);
    assert(placed.every(({ trueUs, dtsUs }) => dtsUs === trueUs + TIMELINE_START_US));
  }
});

Deno.test("TimelineRepair.place() continues where the stream's owner says", () => {
  const { placed } = run(1, (trueUs) => trueUs + 99_000_000, 777_000_000);
  assertEquals(placed[0].dtsUs, 777_000_000);
});

for (
  const [name, jumpUs, kind] of [
    ["back by 5 s", -5_000_000, "backward"],
    ["back to zero", -10_000_000, "backward"],
    ["ahead by an hour", 3_600_000_000, "forward"],
  ] as const
) {
  Deno.test(`TimelineRepair.place() takes out a jump ${name}`, () => {
    const { repair, placed } = run(20, (trueUs) => trueUs < 10_000_000 ? trueUs : trueUs + jumpUs);
    assertRises(placed);
    assertEquals(repair.counts[kind], 1);
    assertEquals([...skews(placed)], [0]);
    const stepsUs = placed.filter(({ track }) => track === VIDEO)
      .map(({ dtsUs }, i, all) => i === 0 ? VIDEO_US : dtsUs - all[i - 1].dtsUs);
    assertEquals(new Set(stepsUs), new Set([VIDEO_US]));
  });
}

Deno.test("TimelineRepair.place() keeps tracks together when they jump one after the other", () => {
  const repair = new TimelineRepair();
  const placed: Placed[] = [];
  const place = (track: number, trueUs: number, sourceUs: number) => {
    placed.push({ track, trueUs, dtsUs: repair.place(track, { sourceUs, nowMs: trueUs / 1000 })! });
  };
  for (let t = 0; t < 10_000_000; t += 40_000) {
    place(VIDEO, t, t + 50_000_000);
    place(AUDIO, t, t + 50_000_000);
  }
  for (let t = 10_000_000; t < 12_000_000; t += 40_000) {
    place(VIDEO, t, t - 10_000_000); // The encoder restarted; its audio comes 200 ms late.
    if (t >= 10_200_000) place(AUDIO, t - 200_000, t - 200_000 - 10_000_000);
    else place(AUDIO, t + 1, t + 50_000_000 - 300_000 + 300_000);
  }
  assertRises(placed);
  const [skew] = skews(placed.filter(({ trueUs }) => trueUs > 10_300_000));
  assertEquals(skew, 0);
  assertEquals(repair.counts.backward, 1);
});

Deno.test("TimelineRepair.place() keeps a true pause", () => {
  const repair = new TimelineRepair();
  repair.place(VIDEO, { sourceUs: 0, nowMs: 0 });
  const dtsUs = repair.place(VIDEO, { sourceUs: 8_000_000, nowMs: 8_000 });
  assertEquals(dtsUs, TIMELINE_START_US + 8_000_000);
  assertEquals(sumOfRepairs(repair.counts), 0);
});

Deno.test("TimelineRepair.place() lets one track stall and come back", () => {
  const repair = new TimelineRepair();
  repair.place(VIDEO, { sourceUs: 0, nowMs: 0 });
  repair.place(AUDIO, { sourceUs: 0, nowMs: 0 });
  for (let t = 20_000; t < 9_000_000; t += 20_000) {
    repair.place(AUDIO, { sourceUs: t, nowMs: t / 1000 });
  }
  assertEquals(
    repair.place(VIDEO, { sourceUs: 9_000_000, nowMs: 9_000 }),
    TIMELINE_START_US + 9_000_000,
  );
  assertEquals(sumOfRepairs(repair.counts), 0);
});

Deno.test("TimelineRepair.place() keeps equal and jittered times a millisecond apart", () => {
  const repair = new TimelineRepair();
  const sourceMs = [0, 40, 40, 40, 35, 80, 120];
  const placedMs = sourceMs.map((ms) => {
    const dtsUs = repair.place(VIDEO, { sourceUs: ms * 1000, nowMs: ms })!;
    return (dtsUs - TIMELINE_START_US) / 1000;
  });
  assertEquals(placedMs, [0, 40, 41, 42, 43, 80, 120]);
  assertEquals(repair.usedOffsetUs, TIMELINE_START_US);
  assertEquals(repair.counts, { ...noRepairs(), lifted: 3 });
});

Deno.test("TimelineRepair.place() makes up decode times where presentation times come", () => {
  for (const presentationOnly of [undefined, true] as const) {
    for (const order of [[0, 3, 1, 2], [0, 4, 2, 1, 3]]) {
      const repair = new TimelineRepair({ presentationOnly });
      const placed: { ptsUs: number; dtsUs: number }[] = [];
      for (let count = 0; count < 40; count++) {
        const cycle = order.length - 1;
        const group = Math.floor((count - 1) / cycle) * cycle;
        const frame = count === 0 ? 0 : group + order[(count - 1) % cycle + 1];
        const sourceUs = frame * 40_000;
        const dtsUs = repair.place(VIDEO, { sourceUs, nowMs: 40 * count, reorders: count > 0 })!;
        placed.push({ ptsUs: sourceUs + repair.usedOffsetUs, dtsUs });
      }
      assert(placed.every(({ dtsUs }, at) => at === 0 || dtsUs > placed[at - 1].dtsUs));
      // Within two groups it has been learnt how many frames are held back.
      const late = placed.slice(2 * order.length).filter(({ dtsUs, ptsUs }) => dtsUs > ptsUs);
      assertEquals(late, []);
      // A format that never has them needs no repair.
      assertEquals(repair.counts.reordered > 0, presentationOnly === undefined);
      assertEquals([repair.counts.backward, repair.counts.lifted], [0, 0]);
    }
  }
});

Deno.test("TimelineRepair.place() knows from the first frame how many are held back", () => {
  const repair = new TimelineRepair({ presentationOnly: true });
  let lastUs = 0;
  for (const frame of [0, 4, 2, 1, 3, 8, 6, 5, 7, 12]) {
    const sourceUs = frame * 40_000;
    const dtsUs = repair.place(VIDEO, { sourceUs, nowMs: 0, reorders: frame > 0, heldBack: 2 })!;
    assert(dtsUs > lastUs && dtsUs <= sourceUs + repair.usedOffsetUs, `frame ${frame}`);
    lastUs = dtsUs;
  }
  assertEquals(sumOfRepairs(repair.counts), 0);
});

for (const backMs of [150, 500, 900]) {
  Deno.test(`TimelineRepair.place() takes out a step back of ${backMs} ms`, () => {
    const stepUs = backMs * 1000;
    const { repair, placed } = run(8, (trueUs) => trueUs < 4_000_000 ? trueUs : trueUs - stepUs);
    assertRises(placed);
    assertEquals(repair.counts, { ...noRepairs(), backward: 1 });
    assertEquals([...skews(placed)], [0]);
  });
}

Deno.test("TimelineRepair.place() lets a track come seconds behind the other", () => {
  const repair = new TimelineRepair();
  repair.place(AUDIO, { sourceUs: 0, nowMs: 0 });
  repair.place(VIDEO, { sourceUs: 0, nowMs: 0 });
  for (let t = 20_000; t < 9_000_000; t += 20_000) {
    repair.place(AUDIO, { sourceUs: t, nowMs: t / 1000 });
    const dtsUs = repair.place(VIDEO, { sourceUs: t / 2, nowMs: t / 1000 });
    assertEquals(dtsUs, TIMELINE_START_US + t / 2);
  }
  assertEquals(sumOfRepairs(repair.counts), 0);
});

Deno.test("TimelineRepair.place() tells each repair and how far it moved a time", () => {
  const told: string[] = [];
  const repair = new TimelineRepair({ repaired: (kind, us) => told.push(`${kind} ${us}`) });
  for (const sourceUs of [0, 40_000, 40_000, -2_000_000, 5_000_000]) {
    repair.place(VIDEO, { sourceUs, nowMs: 0 });
  }
  assertEquals(told, ["lifted 1000", "backward 2081000", "forward 6960000"]);
});

Deno.test("TimelineRepair.place() leaves out what is older than the timeline", () => {
  const repair = new TimelineRepair();
  repair.place(AUDIO, { sourceUs: 2_000_000, nowMs: 0 });
  assertEquals(repair.place(VIDEO, { sourceUs: 500_000, nowMs: 0 }), undefined);
  assertEquals(repair.counts.early, 1);
});

Deno.test("TimelineRepair.place() rises whatever the clock does", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    let sourceUs = 0;
    const repair = new TimelineRepair();
    const last = [-1, -1];
    for (let i = 0; i < 300; i++) {
      const wild = random.next() < 0.05;
      sourceUs += wild ? randomInteger(random, 2e12) - 1e12 : randomInteger(random, 50_000);
      const track = randomInteger(random, 2);
      const dtsUs = repair.place(track, { sourceUs, nowMs: i * 20 });
      if (dtsUs === undefined) continue;
      assert(dtsUs > last[track], `seed ${seed}, frame ${i}`);
      assert(dtsUs < 3_600_000_000, `seed ${seed}, frame ${i}: ${dtsUs} has run away`);
      last[track] = dtsUs;
    }
  }
});
