// Goal: a stream goes over to its backup when that is better, for a reason, and never to and fro.
import { healthOf, SwitchJudge, type SwitchReason } from "../../../actors/stream/switch_judge.ts";
import { NO_VITALS, type Vitals } from "../../../actors/stream/vitals.ts";
import { assertEquals } from "../../support/assert.ts";

const LOOK_MS = 250;
const SOUND: Vitals = { ...NO_VITALS, frames: 125, silentMs: 20 };
const FAULTY: Vitals = { ...SOUND, frames: 100, missing: 20, repairs: 5 };
const WEAK: Vitals = { ...SOUND, rateShare: 0.2 };

/** Looks until there is a reason, for at most `ms`; when there is, after how long. */
function lookFor(
  judge: SwitchJudge,
  played: (atMs: number) => Vitals,
  backup: (atMs: number) => Vitals,
  { fromMs = 0, ms = 20_000 } = {},
): [SwitchReason, number] | undefined {
  for (let atMs = 0; atMs < ms; atMs += LOOK_MS) {
    const reason = judge.look(played(atMs), backup(atMs), fromMs + atMs);
    if (reason !== undefined) return [reason, atMs];
  }
  return undefined;
}

/** Silent from `fromMs` on. */
function falls(fromMs: number): (atMs: number) => Vitals {
  return (atMs) => ({ ...SOUND, silentMs: Math.max(20, atMs - fromMs) });
}

const always = (vitals: Vitals) => () => vitals;

Deno.test("SwitchJudge leaves what is well, and what is no better elsewhere", () => {
  const pairs: [Vitals, Vitals][] = [
    [SOUND, SOUND],
    [SOUND, FAULTY],
    [FAULTY, FAULTY],
    [FAULTY, { ...SOUND, missing: 6 }],
    [WEAK, WEAK],
    [WEAK, { ...SOUND, rateShare: 0.4 }],
    [{ ...SOUND, missing: 8 }, SOUND],
    [{ ...SOUND, rateShare: 0.3 }, SOUND],
  ];
  for (const [played, backup] of pairs) {
    assertEquals(lookFor(new SwitchJudge(), always(played), always(backup)), undefined);
  }
});

Deno.test("SwitchJudge names silence after two looks and 600 ms, or five intervals", () => {
  assertEquals(lookFor(new SwitchJudge(), falls(5_000), always(SOUND)), ["silent", 5_750]);
  const slow = (atMs: number) => ({ ...falls(5_000)(atMs), intervalMs: 500 });
  assertEquals(lookFor(new SwitchJudge(), slow, always(SOUND)), ["silent", 7_750]);
});

Deno.test("SwitchJudge takes a first look after a pause of its own for nothing", () => {
  const judge = new SwitchJudge();
  lookFor(judge, always(SOUND), always(SOUND), { ms: 5_000 });
  assertEquals(judge.look({ ...SOUND, silentMs: 3_000 }, SOUND, 8_000), undefined);
  assertEquals(judge.look(SOUND, SOUND, 8_250), undefined);
});

Deno.test("SwitchJudge wants missing frames and a low bit rate to last", () => {
  const late = (vitals: Vitals) => (atMs: number) => atMs < 5_000 ? SOUND : vitals;
  assertEquals(lookFor(new SwitchJudge(), late(FAULTY), always(SOUND)), ["missing", 6_000]);
  assertEquals(lookFor(new SwitchJudge(), late(WEAK), always(SOUND)), ["bit-rate", 6_000]);
  const atTimes = (atMs: number) => atMs % 1_000 === 0 ? SOUND : WEAK;
  assertEquals(lookFor(new SwitchJudge(), atTimes, always(SOUND)), undefined);
});

Deno.test("SwitchJudge wants a backup that was heard for two seconds, unless nothing else is", () => {
  const gone = always({ ...SOUND, silentMs: 2_000 });
  assertEquals(lookFor(new SwitchJudge(), gone, always(SOUND)), ["silent", 2_000]);
  const comesAndGoes = (atMs: number) => atMs % 1_500 === 0 ? { ...SOUND, silentMs: 900 } : SOUND;
  assertEquals(lookFor(new SwitchJudge(), gone, comesAndGoes), undefined);
  const dead = always({ ...SOUND, silentMs: 6_000 });
  assertEquals(lookFor(new SwitchJudge(), dead, comesAndGoes), ["silent", 250]);
});

Deno.test("SwitchJudge rests after a switch, from everything but silence", () => {
  const judge = new SwitchJudge();
  lookFor(judge, always(SOUND), always(SOUND), { ms: 5_000 });
  judge.switched(5_000);
  assertEquals(lookFor(judge, always(WEAK), always(SOUND), { fromMs: 5_000 }), [
    ...["bit-rate" as const, 10_000] as const,
  ]);
  judge.switched(15_000);
  const fallen = lookFor(judge, falls(2_500), always(SOUND), { fromMs: 15_000 });
  assertEquals(fallen, ["silent", 3_250]);
});

Deno.test("healthOf() names what is wrong", () => {
  const all = [SOUND, { ...SOUND, silentMs: 700 }, FAULTY, WEAK];
  assertEquals(all.map(healthOf), ["ok", "silent", "missing", "bit-rate"]);
});
