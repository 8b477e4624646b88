/**
 * Goal: every ask is answered exactly once, in time, whatever the handler does.
 * Method: a scripted actor on virtual time answers at once, later, never, and twice.
 *
 * @module
 */
import type { Reply } from "../../../actors/runtime/actor.ts";
import { DEFERRED } from "../../../actors/runtime/actor.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { settlePromises } from "../../support/virtual_ports.ts";
import { crash, deferTo, SCRIPT, type Script, scriptSystem } from "./fixture.ts";

const DEADLINE = { ok: false, error: "deadline" } as const;
const FAILED = { ok: false, error: "failed" } as const;

/** Follows a promise without waiting for it. */
function watch<T>(promise: Promise<T>): { value: T | undefined } {
  const seen: { value: T | undefined } = { value: undefined };
  promise.then((value) => seen.value = value);
  return seen;
}

Deno.test("ask() resolves to the answer", async () => {
  const { ports, ref, system } = scriptSystem();
  const asked = ref.ask.note("x");
  assertEquals(system.asksInFlight, 1);
  await ports.runUntilIdle();
  assertEquals(await asked, { ok: true, value: 1 });
  assertEquals(system.asksInFlight, 0);
});

Deno.test("ask() refuses a timeout out of range and more asks than the maximum", async () => {
  const { ports, ref } = scriptSystem({ asksMax: 2 });
  for (const timeoutMs of [0, -1, NaN, Infinity, 600_001]) {
    assertThrows(() => ref.ask.note("x", { timeoutMs }), RangeError);
  }
  const first = [ref.ask.note("x"), ref.ask.note("x")];
  assertEquals(await ref.ask.note("x"), { ok: false, error: "busy" });
  await ports.runUntilIdle();
  assertEquals((await Promise.all(first)).map((reply) => reply.ok), [true, true]);
});

Deno.test("ask() of a kind that nobody registered here is unreachable", async () => {
  const { system, ref } = scriptSystem();
  const other = system.ref<Script>({ ...SCRIPT, name: "unregistered" }, "a");
  assertEquals(await other.ask.note("x"), { ok: false, error: "unreachable" });
  assertEquals(other.tell.note("x"), false);
  assertEquals([ref.kind, ref.key, other.kind], ["script", "a", "unregistered"]);
});

Deno.test("ask() is answered at its deadline exactly, and dropped when its turn comes", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  ref.tell.act(() => new Promise(() => {})); // Suspends the actor for 5 s.
  await ports.runUntilIdle();
  journal.take();
  const short = watch(ref.ask.note("short", { timeoutMs: 100 }));
  const usual = watch(ref.ask.note("usual", { timeoutMs: 5_001 }));
  await ports.advance(99.9);
  assertEquals(short.value, undefined);
  await ports.advance(0.1);
  assertEquals(short.value, DEADLINE);
  await ports.advance(4_899);
  assertEquals(usual.value, undefined);
  await ports.advance(1);
  assertEquals(usual.value, { ok: true, value: 1 });
  assertEquals(journal.take(), ["usual"], "the expired one never reached its handler");
  assertEquals(system.counters.expired, 1);
});

Deno.test("an ask sent between a wake-up and its turn has its full time", async () => {
  const { ports, ref, system } = scriptSystem();
  ref.tell.act((context) => void context.sendAfter(5_000, "note", "timer"));
  await ports.runUntilIdle();
  const asked: Promise<unknown>[] = [];
  // Woken by its timer, the system has a turn scheduled when the ask is sent.
  ports.timers.after(5_000, () => asked.push(system.ref(SCRIPT, "b").ask.note("x")));
  await ports.advance(5_000);
  assertEquals(await asked[0], { ok: true, value: 1 });
});

Deno.test("a tell that waited 30 s is dropped", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  const block = ref.ask.act(() => new Promise(() => {}), { timeoutMs: 60_000 });
  await ports.runUntilIdle();
  journal.take();
  ref.tell.note("at 0");
  await ports.advance(30_000.1);
  ref.tell.note("at 30");
  await ports.advance(30_000);
  assertEquals(await block, DEADLINE);
  assertEquals(journal.take(), ["at 30"]);
  assertEquals(system.counters.expired, 1);
});

Deno.test("defer() lets the actor go on and answers later, once", async () => {
  const { ports, ref, system } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const asked = ref.ask.act(deferTo((reply) => replies.push(reply)));
  const after = ref.ask.note("next");
  await ports.runUntilIdle();
  assertEquals(await after, { ok: true, value: 1 });
  assertEquals(replies[0].open, true);
  assertEquals([replies[0].send("late"), replies[0].send("twice")], [true, false]);
  assertEquals(replies[0].open, false);
  assertEquals(await asked, { ok: true, value: "late" });
  assertEquals(system.asksInFlight, 0);
});

Deno.test("defer() expires with the deadline of its ask", async () => {
  const { ports, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const asked = ref.ask.act(deferTo((reply) => replies.push(reply)), { timeoutMs: 300 });
  await ports.advance(300);
  assertEquals(await asked, DEADLINE);
  assertEquals([replies[0].open, replies[0].send("too late")], [false, false]);
});

Deno.test("defer() for a tell is closed from the start; outside a handler it throws", async () => {
  const { ports, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  let later = (): unknown => undefined;
  ref.tell.act((context) => {
    later = () => context.defer();
    return deferTo((reply) => replies.push(reply))(context);
  });
  await ports.runUntilIdle();
  assertEquals([replies[0].open, replies[0].send(1)], [false, false]);
  assertThrows(later, TypeError);
});

Deno.test("an answer at once wins over a reply that was taken", async () => {
  const { ports, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const asked = ref.ask.act((context) => {
    replies.push(context.defer());
    return "at once";
  });
  await ports.runUntilIdle();
  assertEquals(await asked, { ok: true, value: "at once" });
  assertEquals(replies[0].send("later"), false);
});

Deno.test("DEFERRED without defer() fails the actor", async () => {
  const { ports, ref, system } = scriptSystem();
  const asked = ref.ask.act(() => DEFERRED);
  await ports.runUntilIdle();
  assertEquals(await asked, FAILED);
  assertEquals(system.counters.failures, 1);
});

Deno.test("a restart answers failed, a stop answers stopped, to what was deferred", async () => {
  const { ports, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const first = ref.ask.act(deferTo((reply) => replies.push(reply)));
  ref.tell.act(crash);
  await ports.runUntilIdle();
  assertEquals([await first, replies[0].send(1)], [FAILED, false]);
  await ports.advance(100);
  const second = ref.ask.act(deferTo((reply) => replies.push(reply)));
  ref.tell.act((context) => context.stop());
  await ports.runUntilIdle();
  assertEquals([await second, replies[1].send(1)], [{ ok: false, error: "stopped" }, false]);
});

Deno.test("a promise suspends its own actor only, until it settles", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  const gate = Promise.withResolvers<string>();
  const asked = ref.ask.act(() => gate.promise);
  ref.tell.note("after");
  system.ref(SCRIPT, "other").tell.note("other");
  await ports.advance(1_000);
  assertEquals(journal.take(), ["started", "started", "other"]);
  gate.resolve("done");
  await settlePromises();
  assertEquals(journal.take(), [], "no handler runs within the settling of a promise");
  await ports.runUntilIdle();
  assertEquals(await asked, { ok: true, value: "done" });
  assertEquals(journal.take(), ["after"]);
});

Deno.test("a promise past the ask's deadline frees its actor; its result is ignored", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  const gate = Promise.withResolvers<string>();
  const asked = ref.ask.act(() => gate.promise, { timeoutMs: 700 });
  ref.tell.note("after");
  await ports.advance(699);
  assertEquals(journal.take(), ["started"]);
  await ports.advance(1);
  assertEquals(await asked, DEADLINE);
  assertEquals(journal.take(), ["after"]);
  gate.resolve("late");
  await ports.runUntilIdle();
  assertEquals(ports.linesWith("late result of a handler ignored").length, 1);
  assertEquals([system.counters.late, system.counters.failures], [1, 0]);
});

Deno.test("a late rejection is logged and fails nobody", async () => {
  const { ports, system, ref } = scriptSystem();
  const gate = Promise.withResolvers<string>();
  ref.tell.act(() => gate.promise);
  await ports.advance(5_000); // A tell's handler has the usual 5 s.
  gate.reject(new Error("late"));
  const asked = ref.ask.note("alive");
  await ports.runUntilIdle();
  assertEquals(await asked, { ok: true, value: 1 });
  assertEquals([system.counters.late, system.counters.failures], [1, 0]);
});

Deno.test("a rejected promise fails the actor and answers failed", async () => {
  const { ports, system, ref } = scriptSystem();
  const asked = ref.ask.act(() => Promise.reject(new Error("broken on purpose")));
  await ports.runUntilIdle();
  assertEquals(await asked, FAILED);
  const next = ref.ask.note("after the restart");
  await ports.advance(99);
  assertEquals(system.counters.failures, 1);
  await ports.advance(1);
  assertEquals(await next, { ok: true, value: 1 });
});

Deno.test("a promise may resolve to DEFERRED", async () => {
  const { ports, ref } = scriptSystem();
  const replies: Reply<unknown>[] = [];
  const asked = ref.ask.act((context) => Promise.resolve(deferTo((r) => replies.push(r))(context)));
  await ports.runUntilIdle();
  assert(replies[0].send("at last"));
  assertEquals(await asked, { ok: true, value: "at last" });
});

Deno.test("stop() ends a suspended actor at once", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  const gate = Promise.withResolvers<string>();
  const asked = ref.ask.act(() => gate.promise);
  await ports.runUntilIdle();
  system.stop(SCRIPT, "a");
  await ports.runUntilIdle();
  assertEquals(await asked, { ok: false, error: "stopped" });
  assertEquals(journal.take(), ["started", "stopped"]);
  gate.reject(new Error("nobody cares"));
  await ports.runUntilIdle();
  assertEquals(system.counters.failures, 0);
});
