/**
 * Goal: timers deliver exactly what is still wanted; idle actors go to sleep.
 * Method: virtual time; cancels and failures are placed before, between and after firing.
 *
 * @module
 */
import type { ActorContext, Reply } from "../../../actors/runtime/actor.ts";
import { TIMERS_PER_ACTOR_MAX } from "../../../actors/runtime/actor_timer.ts";
import { Alarm, DueQueue } from "../../../actors/runtime/due_queue.ts";
import type { Timer } from "../../../actors/runtime/ports.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import {
  crash,
  deferTo,
  Journal,
  SCRIPT,
  type Script,
  ScriptActor,
  scriptSystem,
} from "./fixture.ts";

Deno.test("sendAfter() delivers at its time, in order, in the actor's turn", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.act((context) => {
    context.sendAfter(200, "note", "second");
    context.sendAfter(100, "note", "first");
    context.sendAfter(200, "note", "third");
  });
  await ports.advance(99);
  assertEquals(journal.take(), ["started"]);
  await ports.advance(1);
  assertEquals(journal.take(), ["first"]);
  await ports.advance(100);
  assertEquals(journal.take(), ["second", "third"]);
});

Deno.test("sendAfter() is delivered although the mailbox is full", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.act((context) => {
    context.sendAfter(10, "note", "timer");
    return new Promise(() => {});
  });
  await ports.runUntilIdle();
  while (ref.tell.note("flood"));
  await ports.advance(5_000);
  assertEquals(journal.take(), ["started", ...Array(8).fill("flood"), "timer"]);
});

Deno.test("a timer cancelled before, and after it fired but before delivery, is silent", async () => {
  const { ports, journal, ref, system } = scriptSystem();
  const timers: Timer[] = [];
  ref.tell.act((context) => {
    timers.push(context.sendAfter(10, "note", "cancelled in time"));
    timers.push(context.sendAfter(20, "note", "cancelled in the mailbox"));
    context.sendAfter(30, "note", "kept");
  });
  await ports.runUntilIdle();
  timers[0].cancel();
  ref.tell.act(() => new Promise(() => {}));
  await ports.advance(50); // The others have fired and wait in the mailbox of a suspended actor.
  timers[1].cancel();
  timers[1].cancel();
  await ports.advance(5_000);
  assertEquals(journal.take(), ["started", "kept"]);
  assertEquals(system.counters.failures, 0);
});

Deno.test("timers of a former incarnation are never delivered, fired or not", async () => {
  const { ports, journal, ref } = scriptSystem();
  let former: ActorContext<Script> | undefined;
  ref.tell.act((context) => {
    former = context;
    context.sendAfter(10, "note", "fired before the failure");
    context.sendAfter(5_050, "note", "due during the back-off");
    context.sendAfter(9_000, "note", "due after the restart");
    return new Promise((_, reject) => ports.timers.after(4_999, () => reject(new Error("x"))));
  });
  await ports.advance(20_000);
  assertEquals(journal.take(), ["started", "started", "stopped"]); // Idle at last.
  former!.sendAfter(10, "note", "from a late handler");
  former!.stop();
  assertEquals(ports.pendingCount, 0);
  await ports.advance(100);
  assertEquals(journal.take(), []);
});

Deno.test("a late handler of a former incarnation cannot stop its successor", async () => {
  const { ports, journal, ref, system } = scriptSystem();
  let former: ActorContext<Script> | undefined;
  ref.tell.act((context) => {
    former = context;
    crash();
  });
  await ports.advance(100);
  former!.stop();
  former!.sendAfter(0, "note", "ghost");
  await ports.advance(10);
  assertEquals([journal.take(), system.count()], [["started", "started"], 1]);
});

Deno.test("timers that were cancelled by a restart leave nothing in the event loop", async () => {
  const { ports, system } = scriptSystem();
  const ref = system.spawn(SCRIPT, "s", new ScriptActor(new Journal()));
  ref.tell.act((context) => void context.sendAfter(1_000_000, "note", "never"));
  await ports.runUntilIdle();
  assertEquals(system.queue.size, 1);
  ref.tell.act(crash);
  await ports.runUntilIdle();
  assertEquals(system.queue.size, 0);
});

Deno.test("a timer of zero delay that sets another does not keep input and output waiting", async () => {
  const { ports, ref, system } = scriptSystem();
  const rounds: number[] = [];
  const alarm: Alarm = new Alarm(() => {
    rounds.push(rounds.length);
    if (rounds.length < 3) system.queue.add(alarm, 0);
  });
  system.queue.add(alarm, 0);
  ref.tell.act(() => rounds.push(-1));
  await ports.runUntilIdle();
  assertEquals(rounds, [0, -1, 2]);
});

Deno.test("sendAfter() has a maximum, a range and a closed list of names", async () => {
  const { ports, ref } = scriptSystem();
  const seen: string[] = [];
  ref.tell.act((context) => {
    for (const delayMs of [-1, NaN, Infinity, 2 ** 31]) {
      seen.push(assertThrows(() => context.sendAfter(delayMs, "note", ""), RangeError).name);
    }
    const sendAfter = context.sendAfter.bind(context) as (ms: number, name: string) => Timer;
    seen.push(assertThrows(() => sendAfter(1, "constructor"), RangeError).name);
    const timers = Array.from(
      { length: TIMERS_PER_ACTOR_MAX },
      () => context.sendAfter(1_000, "note", ""),
    );
    seen.push(assertThrows(() => context.sendAfter(1, "note", ""), RangeError).name);
    for (const timer of timers) timer.cancel();
    context.sendAfter(1, "note", "");
  });
  await ports.runUntilIdle();
  assertEquals(seen, Array(6).fill("RangeError"));
});

Deno.test("an idle actor is stopped after idleMs, and woken by the next message", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  ref.tell.note("1");
  await ports.advance(9_000);
  ref.tell.note("2");
  await ports.advance(9_999);
  assertEquals([journal.take(), system.count()], [["started", "1", "2"], 1]);
  await ports.advance(1);
  assertEquals([journal.take(), system.count(), ports.pendingCount], [["stopped"], 0, 0]);
  ref.tell.note("3");
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", "3"]);
});

Deno.test("an actor whose message comes just before its sleep stays awake", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.note("1");
  await ports.runUntilIdle();
  // Due at the same moment as the alarm and before the turn that would put the actor to sleep.
  ports.timers.after(10_000, () => ports.timers.soon(() => {}));
  ports.timers.after(9_999.5, () => ports.timers.after(0.5, () => ref.tell.note("2")));
  await ports.advance(10_000);
  assertEquals(journal.take(), ["started", "1", "2"]);
  await ports.advance(9_999);
  assertEquals(journal.take(), []);
  await ports.advance(1);
  assertEquals(journal.take(), ["stopped"]);
});

Deno.test("timers, deferred answers and suspension keep an actor awake", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const asked = ref.ask.act(deferTo((reply) => replies.push(reply)), { timeoutMs: 600_000 });
  await ports.advance(100_000);
  assertEquals(system.count(), 1);
  replies[0].send("done");
  assertEquals(await asked, { ok: true, value: "done" });
  ref.tell.act((context) => void context.sendAfter(50_000, "note", "timer"));
  await ports.advance(49_999);
  assertEquals(journal.take(), ["started"]);
  const slow = ref.ask.act(() => new Promise(() => {}), { timeoutMs: 40_000 });
  await ports.advance(40_000);
  assertEquals((await slow).ok, false);
  assertEquals(journal.take(), ["timer"]);
  await ports.advance(10_000);
  assertEquals([journal.take(), system.count()], [["stopped"], 0]);
});

Deno.test("a spawned actor does not go to sleep", async () => {
  const { ports, journal, system } = scriptSystem();
  system.spawn(SCRIPT, "socket", () => new ScriptActor(journal));
  await ports.advance(100_000);
  assertEquals([journal.take(), system.count()], [["started"], 1]);
});

Deno.test("DueQueue calls in order of time, whatever is removed and moved", () => {
  const ports = new VirtualPorts();
  const queue = new DueQueue(ports.clock, ports.timers);
  const random = seededRandom(7);
  const called: Alarm[] = [];
  const expected = new Map<Alarm, { dueMs: number; order: number }>();
  for (let order = 0; order < 3_000; order++) {
    const known = [...expected.keys()];
    const choice = random.next();
    if (choice < 0.7 || known.length === 0) {
      const alarm: Alarm = new Alarm(() => called.push(alarm));
      const dueMs = randomInteger(random, 500);
      queue.add(alarm, dueMs);
      expected.set(alarm, { dueMs, order });
    } else {
      const alarm = known[randomInteger(random, known.length)];
      if (choice < 0.85) {
        queue.remove(alarm);
        expected.delete(alarm);
      } else {
        const dueMs = randomInteger(random, 500);
        queue.add(alarm, dueMs);
        expected.set(alarm, { dueMs, order });
      }
    }
  }
  assertEquals(queue.size, expected.size);
  for (let ms = 0; ms < 500; ms += 50) {
    ports.advanceSync(50);
    assert(called.every((alarm) => expected.get(alarm)!.dueMs <= ports.nowMs));
  }
  const order = [...expected].sort(([, a], [, b]) => a.dueMs - b.dueMs || a.order - b.order);
  assertEquals(called.length, order.length);
  assert(called.every((alarm, index) => alarm === order[index][0]), "seed 7");
  assertEquals([queue.size, ports.pendingCount], [0, 0]);
});
