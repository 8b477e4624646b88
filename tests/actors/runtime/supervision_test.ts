/**
 * Goal: an actor that fails is restarted alone, at exact times, and given up when it goes on.
 * Method: scripted failures on virtual time; the journal shows each life of the actor.
 *
 * @module
 */
import { RestartWindow } from "../../../actors/runtime/supervisor.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { crash, SCRIPT, ScriptActor, scriptSystem } from "./fixture.ts";

Deno.test("RestartWindow.next() doubles the back-off and forgets after 10 s", () => {
  const window = new RestartWindow();
  assertEquals([0, 1_000, 2_000].map((nowMs) => window.next(nowMs)), [100, 200, 400]);
  assertEquals(window.next(9_999), undefined, "a fourth within 10 s");
  assertEquals(window.next(10_000), 400, "the first no longer counts");
  assertEquals(window.next(10_500), undefined);
  assertEquals(window.next(30_000), 100);
});

Deno.test("a failed actor comes back after 100, 200 and 400 ms, then is given up", async () => {
  const escalated: unknown[] = [];
  const { ports, journal, system, ref } = scriptSystem({
    onEscalate: (kind, key, error) => escalated.push([kind, key, (error as Error).message]),
  });
  system.ref(SCRIPT, "bystander").tell.note("undisturbed");
  for (const backoffMs of [100, 200, 400]) {
    const asked = ref.ask.act(crash);
    await ports.runUntilIdle();
    assertEquals(await asked, { ok: false, error: "failed" });
    journal.take();
    assert(ref.tell.note("waits"));
    await ports.advance(backoffMs - 1);
    assertEquals(journal.take(), []);
    await ports.advance(1);
    assertEquals(journal.take(), ["started", "waits"]);
  }
  assertEquals(escalated, []);
  const last = ref.ask.act(crash);
  const waiting = ref.ask.note("waits in vain");
  await ports.runUntilIdle();
  assertEquals(await last, { ok: false, error: "failed" });
  assertEquals(await waiting, { ok: false, error: "stopped" });
  assertEquals(journal.take(), ["stopped"]);
  assertEquals(escalated, [["script", "a", "broken on purpose"]]);
  assertEquals([system.counters.failures, system.counters.escalations], [4, 1]);
  assertEquals(ports.linesWith("actor failed").length, 4);
  assertEquals(ports.linesWith("actor given up").length, 1);
  assertEquals(system.count(), 1, "the bystander");
});

Deno.test("messages wait in the bounded mailbox during the back-off", async () => {
  const { ports, journal, ref } = scriptSystem();
  ref.tell.act(crash);
  await ports.runUntilIdle();
  journal.take();
  for (let i = 0; i < 8; i++) assert(ref.tell.note(`${i}`));
  assertEquals(ref.tell.note("8"), false);
  await ports.advance(100);
  assertEquals(journal.take(), ["started", "0", "1", "2", "3", "4", "5", "6", "7"]);
});

Deno.test("an actor that throws in started, or cannot be made, is supervised alike", async () => {
  for (const where of ["create", "started", "started, later"]) {
    const escalated: string[] = [];
    const { ports, journal, system } = scriptSystem({
      onEscalate: (_kind, key) => escalated.push(key),
    });
    let lives = 0;
    const ref = system.spawn(SCRIPT, "s", () => {
      lives++;
      if (where === "create") throw new Error("cannot be made");
      const actor = new ScriptActor(journal);
      const started = (): void | Promise<void> => {
        if (where === "started") throw new Error("cannot start");
        return Promise.reject(new Error("cannot start"));
      };
      return Object.assign(actor, { started });
    });
    const asked = ref.ask.note("never");
    await ports.advance(699);
    assertEquals([lives, escalated], [3, []], where);
    await ports.advance(1);
    assertEquals([lives, escalated], [4, ["s"]], where);
    assertEquals(await asked, { ok: false, error: "stopped" });
    assertEquals(system.count(), 0);
  }
});

Deno.test("an asynchronous started() holds messages back and has 5 s", async () => {
  const { ports, journal, system } = scriptSystem();
  const gates: PromiseWithResolvers<void>[] = [];
  const ref = system.spawn(SCRIPT, "s", () =>
    Object.assign(new ScriptActor(journal), {
      started: (): Promise<void> => {
        gates.push(Promise.withResolvers<void>());
        return gates[gates.length - 1].promise;
      },
    }));
  ref.tell.note("waits");
  await ports.advance(5_099);
  assertEquals([gates.length, system.counters.failures], [1, 1]);
  await ports.advance(1);
  assertEquals([gates.length, journal.take()], [2, []]);
  gates[1].resolve();
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["waits"]);
});

Deno.test("an instance is stopped instead of restarted", async () => {
  const escalated: string[] = [];
  const { ports, journal, system } = scriptSystem({
    onEscalate: (_kind, key) => escalated.push(key),
  });
  const ref = system.spawn(SCRIPT, "socket", new ScriptActor(journal));
  ref.tell.act(crash);
  await ports.runUntilIdle();
  assertEquals(journal.take(), ["started", "stopped"]);
  assertEquals([escalated, system.count()], [["socket"], 0]);
  // Its kind is registered, so the next message wakes a virtual actor of the same key.
  assert(ref.tell.note("x"));
});

Deno.test("an actor without a handler for a listed message cannot start", async () => {
  const { ports, system } = scriptSystem();
  system.spawn(SCRIPT, "s", { note: () => 1 } as unknown as ScriptActor);
  await ports.runUntilIdle();
  assertEquals([system.counters.escalations, system.count()], [1, 0]);
});

Deno.test("what stopped() and the escalation hook throw is logged and ends there", async () => {
  const { ports, journal, system } = scriptSystem({ onEscalate: crash });
  const actor = Object.assign(new ScriptActor(journal), { stopped: crash });
  system.spawn(SCRIPT, "s", actor).tell.act(crash);
  const late = Object.assign(new ScriptActor(journal), {
    stopped: () => Promise.reject(new Error("later")),
  });
  system.spawn(SCRIPT, "t", late as unknown as ScriptActor);
  system.stop(SCRIPT, "t");
  await ports.runUntilIdle();
  assertEquals(system.count(), 0);
  assertEquals(ports.linesWith("actor failed while it was stopped").length, 2);
  assertEquals(ports.linesWith("escalation hook failed").length, 1);
});

Deno.test("stop() during the back-off ends the actor", async () => {
  const { ports, journal, system, ref } = scriptSystem();
  ref.tell.act(crash);
  await ports.runUntilIdle();
  system.stop(SCRIPT, "a");
  await ports.advance(1_000);
  assertEquals(journal.take(), ["started", "stopped"]);
  assertEquals([system.count(), ports.pendingCount <= 1], [0, true]);
});
