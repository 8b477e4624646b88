/**
 * Goal: messages arrive once, in order, within the bounds of the mailbox, and only by listed names.
 * Method: a scripted actor on virtual time; what it did is compared with what was sent.
 *
 * @module
 */
import { actorKind } from "../../../actors/runtime/protocol.ts";
import { ActorSystem } from "../../../actors/runtime/system.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { SCRIPT, type Script, SCRIPT_MAILBOX_MAX, ScriptActor, scriptSystem } from "./fixture.ts";

const TEXTS = Array.from({ length: SCRIPT_MAILBOX_MAX }, (_, i) => `${i}`);

Deno.test("tell() wakes an actor and keeps the order of each sender", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  assertEquals(system.count(), 0);
  for (const text of TEXTS) assert(ref.tell.note(text));
  assertEquals(journal.take(), [], "no handler runs within a call of tell");
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", ...TEXTS]);
  assertEquals([system.count(), system.count("script"), system.count("other")], [1, 1, 0]);
});

Deno.test("tell() is refused by a full mailbox, ask() is answered busy", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  for (const text of TEXTS) assert(ref.tell.note(text));
  assertEquals(ref.tell.note("one too many"), false);
  assertEquals(await ref.ask.note("one too many"), { ok: false, error: "busy" });
  assertEquals(system.counters.refused, 2);
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", ...TEXTS]);
  assert(ref.tell.note("room again"));
  assertEquals(system.asksInFlight, 0);
});

Deno.test("tell() of a drop-oldest message drops the oldest of its name, in the middle too", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.note("0");
  ref.tell.gauge("g1");
  ref.tell.note("2");
  const dropped = ref.ask.gauge("g3");
  for (const text of ["4", "5", "6", "7"]) assert(ref.tell.note(text));
  assert(ref.tell.gauge("g8")); // Takes the place of g1.
  assert(ref.tell.gauge("g9")); // Takes the place of g3, whose caller is told.
  assertEquals(ref.tell.note("full"), false);
  assertEquals(await dropped, { ok: false, error: "busy" });
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", "0", "2", "4", "5", "6", "7", "g8", "g9"]);
});

Deno.test("tell() of a drop-oldest message is refused when none of its name waits", () => {
  const { ref } = scriptSystem();
  for (const text of TEXTS) assert(ref.tell.note(text));
  assertEquals(ref.tell.gauge("g"), false);
});

Deno.test("tell() of a drop-oldest message does not drop another of that policy", () => {
  const ports = new VirtualPorts();
  type Two = { a: { req: number; res: void }; b: { req: number; res: void } };
  const kind = actorKind<Two>({
    name: "two",
    messages: ["a", "b"],
    mailboxMax: 1,
    policies: { a: "drop-oldest", b: "drop-oldest" },
  });
  const system = new ActorSystem(ports);
  system.register(kind, () => ({ a() {}, b() {} }));
  const ref = system.ref(kind, "k");
  assertEquals([ref.tell.a(1), ref.tell.b(1), ref.tell.a(2)], [true, false, true]);
});

Deno.test("tell() of a coalescing message replaces the waiting one and keeps its place", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.setting("x=1");
  ref.tell.setting("y=1");
  for (const text of ["2", "3", "4", "5", "6", "7"]) assert(ref.tell.note(text));
  assert(ref.tell.setting("x=2"), "a full mailbox still coalesces");
  assertEquals(ref.tell.setting("z=1"), false, "but takes no new key");
  const asked = await ref.ask.setting("y=2");
  assertEquals(asked, { ok: false, error: "busy" }, "an ask has its own answer: never coalesced");
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", "x=2", "y=1", "2", "3", "4", "5", "6", "7"]);
  ref.tell.setting("x=3"); // The handled one is no longer there to be replaced.
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["x=3"]);
});

Deno.test("stop() goes before everything that waits", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  ref.tell.note("first");
  await ports.runUntilIdle();
  journal.take();
  const asked = ref.ask.note("waiting");
  ref.tell.note("waiting too");
  system.stop(SCRIPT, "a");
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["stopped"]);
  assertEquals(await asked, { ok: false, error: "stopped" });
  assertEquals([system.count(), system.counters.dropped], [0, 2]);
  assert(ref.tell.note("the next message wakes a new one"));
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", "the next message wakes a new one"]);
});

Deno.test("tell and ask have nothing but the listed names", () => {
  const { ref } = scriptSystem();
  for (const name of ["constructor", "__proto__", "toString", "then", "started", "stopped", ""]) {
    const tell = ref.tell as unknown as Record<string, unknown>;
    const ask = ref.ask as unknown as Record<string, unknown>;
    assertEquals([tell[name], ask[name]], [undefined, undefined], name);
    assertThrows(() => tell[name] = () => true, TypeError);
  }
  assert(ref.tell.note === ref.tell.note, "the function is made once");
});

Deno.test("receiveAsk() and receiveTell() refuse what the kind does not list", async () => {
  const { ports, journal, system } = scriptSystem();
  const hostile = ["constructor", "__proto__", "hasOwnProperty", "started", "stopped", "", "NOTE"];
  for (const name of hostile) {
    assertEquals(system.receiveTell("script", "a", name, "x"), false, name);
    const reply = await system.receiveAsk("script", "a", name, "x", 100);
    assertEquals(reply, { ok: false, error: "unreachable" }, name);
  }
  for (const kind of ["constructor", "__proto__", "nobody"]) {
    assertEquals(system.receiveTell(kind, "a", "note", "x"), false, kind);
  }
  const notKeys = ["", "k".repeat(3_000), undefined, 7, {}] as string[];
  for (const key of notKeys) assertEquals(system.receiveTell("script", key, "note", "x"), false);
  assertEquals(system.receiveTell("script", "a", "setting", null), false, "coalesce() throws");
  assertEquals([system.counters.refused, system.asksInFlight], [23, 0]);
  await ports.runUntilIdle();
  assertEquals(journal.entries.filter((entry) => entry !== "started"), []);

  assert(system.receiveTell("script", "__proto__", "note", "a key may be any text"));
  const reply = system.receiveAsk("script", "a", "note", "well-formed", Infinity);
  await ports.runUntilIdle();
  assertEquals(await reply, { ok: true, value: 1 });
});

Deno.test("a flood at one actor delays another by one slice, and the loop by one turn", async () => {
  const ports = new VirtualPorts();
  const system = new ActorSystem(ports);
  type Work = { work: { req: number; res: undefined } };
  const kind = actorKind<Work>({ name: "worker", messages: ["work"], mailboxMax: 4_096 });
  const done: string[] = [];
  system.register(kind, (key) => ({
    work(costMs: number): undefined {
      ports.spend(costMs);
      done.push(key);
    },
  }));
  for (let i = 0; i < 4_096; i++) system.ref(kind, "flooded").tell.work(0.25);
  system.ref(kind, "other").tell.work(0);
  let loopMs = -1;
  ports.timers.soon(() => loopMs = ports.nowMs);
  await ports.runUntilIdle();
  // The first message is the start signal; the clock is looked at after 1, 1, ... slow messages.
  assert(done.indexOf("other") <= 5, `the other came after ${done.indexOf("other")} messages`);
  assert(loopMs >= 4 && loopMs <= 4.5, `the loop had its turn after ${loopMs} ms`);
  assertEquals(done.length, 4_097);
});

Deno.test("a slice ends after 64 fast messages", async () => {
  const ports = new VirtualPorts();
  const system = new ActorSystem(ports);
  type Work = { work: { req: undefined; res: undefined } };
  const kind = actorKind<Work>({ name: "worker", messages: ["work"], mailboxMax: 256 });
  const done: string[] = [];
  system.register(kind, (key) => ({ work: (): undefined => void done.push(key) }));
  for (let i = 0; i < 256; i++) system.ref(kind, "flooded").tell.work(undefined);
  system.ref(kind, "other").tell.work(undefined);
  await ports.runUntilIdle();
  assertEquals(done.indexOf("other"), 63); // The start was the first of 64.
});

Deno.test("spawn() refuses a running key and too many actors; ref() refuses bad keys", async () => {
  const { ports, journal, system, ref } = scriptSystem({ actorsMax: 2 });
  system.spawn(SCRIPT, "b", new ScriptActor(journal));
  assertThrows(() => system.spawn(SCRIPT, "b", new ScriptActor(journal)), TypeError);
  ref.tell.note("x");
  assertThrows(() => system.spawn(SCRIPT, "c", new ScriptActor(journal)), RangeError);
  assertEquals(system.ref(SCRIPT, "c").tell.note("x"), false);
  assertEquals(await system.ref(SCRIPT, "c").ask.note("x"), { ok: false, error: "busy" });
  assertThrows(() => system.ref(SCRIPT, ""), RangeError);
  assertThrows(() => system.ref(SCRIPT, "k".repeat(2_049)), RangeError);
  const twin = actorKind<Script>({ ...SCRIPT });
  assertThrows(() => system.ref(twin, "a"), TypeError);
  assertThrows(() => system.register(SCRIPT, () => new ScriptActor(journal)), TypeError);
  await ports.runUntilIdle();
  assertEquals(system.count(), 2);
  assert(system.ref(SCRIPT, "a") === ref, "the reference of a running actor is shared");
});

Deno.test("shutdown() stops every actor, answers what waits, and refuses what comes", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  system.spawn(SCRIPT, "b", new ScriptActor(journal, "b "));
  ref.tell.note("x");
  await ports.runUntilIdle();
  journal.take();
  const suspended = ref.ask.act(() => new Promise(() => {}));
  await ports.runUntilIdle();
  const waiting = ref.ask.note("waiting");
  const over = system.shutdown();
  await ports.runUntilIdle();
  await over;
  assertEquals(journal.take(), ["b stopped", "stopped"]);
  const stopped = { ok: false, error: "stopped" } as const;
  assertEquals([await suspended, await waiting], [stopped, stopped]);
  assertEquals(await ref.ask.note("late"), stopped);
  assertEquals(ref.tell.note("late"), false);
  assertThrows(() => system.spawn(SCRIPT, "c", new ScriptActor(journal)), TypeError);
  assertEquals([system.count(), system.asksInFlight, ports.pendingCount], [0, 0, 0]);
});

Deno.test("shutdown() of a system without actors resolves", async () => {
  await new ActorSystem(new VirtualPorts()).shutdown();
});

Deno.test("actorKind() refuses malformed, reserved and doubled names and bad numbers", () => {
  const good = { name: "k", messages: ["go"], mailboxMax: 1 };
  for (
    const name of ["constructor", "__proto__", "toString", "then", "started", "stopped", "", "a b"]
  ) {
    assertThrows(() => actorKind({ ...good, messages: [name] }), TypeError);
  }
  assertThrows(() => actorKind({ ...good, messages: ["go", "go"] }), TypeError);
  assertThrows(() => actorKind({ ...good, messages: [] }), RangeError);
  assertThrows(() => actorKind({ ...good, name: "" }), TypeError);
  assertThrows(() => actorKind({ ...good, policies: { gone: "drop-oldest" } }), TypeError);
  for (const mailboxMax of [0, 1.5, NaN, 65_537]) {
    assertThrows(() => actorKind({ ...good, mailboxMax }), RangeError);
  }
  assertThrows(() => actorKind({ ...good, idleMs: 0 }), RangeError);
  assertThrows(() => actorKind({ ...good, askTimeoutMs: 600_001 }), RangeError);
});
