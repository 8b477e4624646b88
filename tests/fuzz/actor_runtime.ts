/**
 * Fuzz target: an actor system under random use, with the promises it must keep.
 *
 * Every ask is answered exactly once and in time, messages of one name from one sender arrive in
 * order, mailboxes and counts stay within their maxima, and after the end nothing is left.
 *
 * @module
 */
import { type ActorContext, DEFERRED } from "../../actors/runtime/actor.ts";
import type { AskReply } from "../../actors/runtime/ask.ts";
import { actorKind } from "../../actors/runtime/protocol.ts";
import { ActorSystem } from "../../actors/runtime/system.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { VirtualPorts } from "../support/virtual_ports.ts";

type Task = {
  readonly number: number;
  readonly kind: "answer" | "throw" | "resolve" | "reject" | "hang" | "defer" | "timer" | "stop";
  readonly ms: number;
};

type Fuzzed = {
  work: { req: Task; res: number };
  telemetry: { req: Task; res: number };
  tick: { req: number; res: undefined };
};

const KINDS = ["answer", "throw", "resolve", "reject", "hang", "defer", "timer", "stop"] as const;
type Outcome = number | typeof DEFERRED | Promise<number>;

const ACTORS_MAX = 6;
const HOSTILE = [
  "constructor",
  "__proto__",
  "started",
  "stopped",
  "then",
  "toString",
  "\0",
  "wörk",
];

const FUZZED = actorKind<Fuzzed>({
  name: "fuzzed",
  messages: ["work", "telemetry", "tick"],
  mailboxMax: 8,
  idleMs: 300,
  askTimeoutMs: 500,
  policies: { telemetry: "drop-oldest" },
});

/** Steps of one input; about 10 ms. */
const FUZZ_STEPS = 200;

/** An input is a seed: its first four bytes count. */
export const ACTOR_RUNTIME_FUZZ_TARGETS: FuzzTarget[] = [{
  name: "actor system under random use",
  seeds: [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)],
  costs: 20,
  run(input) {
    const bytes = new Uint8Array(4);
    bytes.set(input.subarray(0, 4));
    return fuzzActorRuntime(new DataView(bytes.buffer).getUint32(0), FUZZ_STEPS);
  },
}];

/** Plays `steps` random steps from `seed`; throws when a promise is broken. */
export async function fuzzActorRuntime(seed: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  const where = `seed ${seed}`;
  const ports = new VirtualPorts(seed);
  const system = new ActorSystem(ports, { actorsMax: ACTORS_MAX, asksMax: 32 });
  const owed: (() => void)[] = [];
  const handledLast = new Map<string, number>();
  let answered = 0;
  let asked = 0;

  system.register(FUZZED, (key) => {
    const handle = (name: string) => (task: Task, context: ActorContext<Fuzzed>): Outcome => {
      const lane = `${key} ${name}`;
      assert(task.number > (handledLast.get(lane) ?? -1), `${where}: ${lane} out of order`);
      handledLast.set(lane, task.number);
      return perform(task, context, ports, owed);
    };
    return { work: handle("work"), telemetry: handle("telemetry"), tick: () => undefined };
  });

  for (let step = 0; step < steps; step++) {
    const key = `${randomInteger(random, 9)}`;
    const ref = system.ref(FUZZED, key);
    const task: Task = {
      number: step,
      kind: random.next() < 0.6 ? "answer" : KINDS[randomInteger(random, KINDS.length)],
      ms: randomInteger(random, 800),
    };
    const name = random.next() < 0.7 ? "work" : "telemetry";
    switch (randomInteger(random, 8)) {
      case 0:
      case 1:
      case 2:
        ref.tell[name](task);
        break;
      case 3:
      case 4: {
        asked++;
        const timeoutMs = 1 + randomInteger(random, 900);
        const dueMs = ports.nowMs + timeoutMs;
        ref.ask[name](task, { timeoutMs }).then((reply: AskReply<number>) => {
          answered++;
          assert(ports.nowMs <= dueMs, `${where}: answered after the deadline`);
          if (reply.ok) assertEquals(reply.value, task.number, where);
        });
        break;
      }
      case 5:
        owed.splice(randomInteger(random, owed.length + 1), 1)[0]?.();
        break;
      case 6:
        assertEquals(
          system.receiveTell("fuzzed", key, HOSTILE[randomInteger(random, HOSTILE.length)], task),
          false,
          where,
        );
        break;
      default:
        await ports.advance(randomInteger(random, 60));
    }
    assert(system.count() <= ACTORS_MAX && system.asksInFlight <= 32, where);
  }
  const over = system.shutdown();
  await ports.advance(0);
  await over;
  assertEquals([answered, system.count(), system.asksInFlight], [asked, 0, 0], where);
}

/** What a handler was told to do. */
function perform(
  task: Task,
  context: ActorContext<Fuzzed>,
  ports: VirtualPorts,
  owed: (() => void)[],
): Outcome {
  const later = (settle: () => void) => void ports.timers.after(task.ms, settle);
  switch (task.kind) {
    case "throw":
      throw new Error("broken on purpose");
    case "resolve":
      return new Promise((resolve) => later(() => resolve(task.number)));
    case "reject":
      return new Promise((_, reject) => later(() => reject(new Error("broken on purpose"))));
    case "hang":
      return new Promise(() => {});
    case "defer": {
      const reply = context.defer<number>();
      if (owed.length < 64) owed.push(() => reply.send(task.number));
      return DEFERRED;
    }
    case "timer": {
      const timer = context.sendAfter(task.ms, "tick", task.number);
      if (task.ms % 2 === 0) later(() => timer.cancel());
      return task.number;
    }
    case "stop":
      context.stop();
      return task.number;
    default:
      return task.number;
  }
}
