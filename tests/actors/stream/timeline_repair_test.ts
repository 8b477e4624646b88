// Goal: whatever a publisher's clock does, the timeline rises per track, without jumps the wall
//   clock did not make, and audio and video do not move against each other.
// Method: feeds two tracks with a faulty clock and compares distances before and after.
import {
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
      const dtsUs = repair.place(track, clockUs(trueUs), trueUs / 1000);
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
    placed.push({ track, trueUs, dtsUs: repair.place(track, sourceUs, trueUs / 1000)! });
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
  repair.place(VIDEO, 0, 0);
  const dtsUs = repair.place(VIDEO, 8_000_000, 8_000);
  assertEquals(dtsUs, TIMELINE_START_US + 8_000_000);
  assertEquals(sumOfRepairs(repair.counts), 0);
});

Deno.test("TimelineRepair.place() lets one track stall and come back", () => {
  const repair = new TimelineRepair();
  repair.place(VIDEO, 0, 0);
  repair.place(AUDIO, 0, 0);
  for (let t = 20_000; t < 9_000_000; t += 20_000) repair.place(AUDIO, t, t / 1000);
  assertEquals(repair.place(VIDEO, 9_000_000, 9_000), TIMELINE_START_US + 9_000_000);
  assertEquals(sumOfRepairs(repair.counts), 0);
});

Deno.test("TimelineRepair.place() lifts equal and reordered times, presentation stays", () => {
  const repair = new TimelineRepair();
  const sourceUs = [0, 120_000, 40_000, 80_000, 240_000, 240_000];
  const placedUs = sourceUs.map((us) => repair.place(VIDEO, us, 0)! - TIMELINE_START_US);
  assertEquals(placedUs, [0, 120_000, 120_001, 120_002, 240_000, 240_001]);
  assertEquals(repair.usedOffsetUs, TIMELINE_START_US);
  assertEquals(repair.counts.lifted, 2); // Equal ones are the wire's rounding.
});

Deno.test("TimelineRepair.place() leaves out what is older than the timeline", () => {
  const repair = new TimelineRepair();
  repair.place(AUDIO, 2_000_000, 0);
  assertEquals(repair.place(VIDEO, 500_000, 0), undefined);
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
      const dtsUs = repair.place(track, sourceUs, i * 20);
      if (dtsUs === undefined) continue;
      assert(dtsUs > last[track], `seed ${seed}, frame ${i}`);
      assert(dtsUs < 3_600_000_000, `seed ${seed}, frame ${i}: ${dtsUs} has run away`);
      last[track] = dtsUs;
    }
  }
});
