/**
 * Messages per second that one core carries through the actor runtime, with trivial handlers.
 *
 * Run as main it prints a table: `deno run tests/bench/actor_runtime.ts`.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Log, Ports } from "../../actors/runtime/ports.ts";
import { actorKind } from "../../actors/runtime/protocol.ts";
import type { ActorRef } from "../../actors/runtime/ref.ts";
import { ActorSystem } from "../../actors/runtime/system.ts";

/** One row of the table. */
export interface ActorBenchResult {
  readonly name: string;
  readonly messagesPerSecond: number;
}

/** How long each row is measured, in milliseconds, after a third of it to warm up. */
const ROW_MS = 600;

/** Messages sent before the loop is given back; fits the mailbox. */
const BATCH = 4_096;

type Counter = {
  add: { req: number; res: undefined };
  get: { req: undefined; res: number };
};

const COUNTER = actorKind<Counter>({
  name: "counter",
  messages: ["add", "get"],
  mailboxMax: BATCH,
});

/** Tells handled by all counters; what was sent is waited for. */
let handled = 0;

class CounterActor {
  #sum = 0;

  add(amount: number): undefined {
    this.#sum += amount;
    handled++;
  }

  get(): number {
    return this.#sum;
  }
}

/** Measures tells and asks at one actor and spread over 1,000; about four seconds. */
export async function benchActorRuntime(): Promise<ActorBenchResult[]> {
  const results: ActorBenchResult[] = [];
  for (const actors of [1, 1_000]) {
    const system = new ActorSystem(realPorts());
    system.register(COUNTER, () => new CounterActor());
    const refs = Array.from({ length: actors }, (_, i) => system.ref(COUNTER, `${i}`));
    const where = actors === 1 ? "1 actor" : `${actors} actors`;
    results.push({
      name: `tell, ${where}`,
      messagesPerSecond: await rate(() => sendTells(refs)),
    });
    results.push({
      name: `tell through a kept function, ${where}`,
      messagesPerSecond: await rate(() => sendKept(refs.map((ref) => ref.tell.add))),
    });
    results.push({
      name: `ask, ${where}`,
      messagesPerSecond: await rate(() => sendAsks(refs)),
    });
    await system.shutdown();
  }
  return results;
}

function sendTells(refs: readonly ActorRef<Counter>[]): Promise<void> {
  const awaited = handled + BATCH;
  for (let i = 0, at = 0; i < BATCH; i++) {
    if (!refs[at].tell.add(1)) throw new Error("Cannot measure tells: one was refused");
    if (++at === refs.length) at = 0;
  }
  return untilHandled(awaited);
}

function sendKept(tells: readonly ((amount: number) => boolean)[]): Promise<void> {
  const awaited = handled + BATCH;
  for (let i = 0, at = 0; i < BATCH; i++) {
    if (!tells[at](1)) throw new Error("Cannot measure tells: one was refused");
    if (++at === tells.length) at = 0;
  }
  return untilHandled(awaited);
}

async function sendAsks(refs: readonly ActorRef<Counter>[]): Promise<void> {
  const replies = [];
  for (let i = 0; i < BATCH; i++) replies.push(refs[i % refs.length].ask.get(undefined));
  for (const reply of await Promise.all(replies)) {
    if (!reply.ok) throw new Error(`Cannot measure asks: one was answered ${reply.error}`);
  }
}

/** Messages per second of `batch`, which sends {@link BATCH} and waits until they are handled. */
async function rate(batch: () => Promise<void>): Promise<number> {
  await run(batch, ROW_MS / 3);
  return await run(batch, ROW_MS);
}

async function run(batch: () => Promise<void>, ms: number): Promise<number> {
  const startMs = performance.now();
  let messages = 0;
  while (performance.now() - startMs < ms) {
    await batch();
    messages += BATCH;
  }
  return messages / (performance.now() - startMs) * 1_000;
}

async function untilHandled(awaited: number): Promise<void> {
  while (handled < awaited) await new Promise((resolve) => void setImmediate(resolve));
}

function realPorts(): Ports {
  const silent: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (message, fields) => console.error(message, fields),
    with: () => silent,
  };
  return {
    clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
    timers: {
      after(delayMs, callback) {
        const timer = setTimeout(callback, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
      soon: (callback) => void setImmediate(callback),
    },
    random: { next: () => Math.random() },
    log: silent,
  };
}

if (import.meta.main) {
  for (const { name, messagesPerSecond } of await benchActorRuntime()) {
    console.log(`${name.padEnd(40)} ${(messagesPerSecond / 1e6).toFixed(1).padStart(6)} M/s`);
  }
}
