/**
 * Goal: a reference reaches an actor on another node with nothing changed for the caller.
 * Method: two systems joined by a locator in memory that copies whatever crosses.
 *
 * @module
 */
import type { AskReply } from "../../../actors/runtime/ask.ts";
import type { Locator, RemoteActors } from "../../../actors/runtime/locator.ts";
import { actorKind } from "../../../actors/runtime/protocol.ts";
import type { ActorRef } from "../../../actors/runtime/ref.ts";
import { ActorSystem } from "../../../actors/runtime/system.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

type Shelf = {
  put: { req: { name: string; sizes: number[] }; res: { count: number } };
  list: { req: undefined; res: readonly { name: string; sizes: number[] }[] };
};

const SHELF = actorKind<Shelf>({
  name: "shelf",
  messages: ["put", "list"],
  mailboxMax: 16,
  askTimeoutMs: 1_000,
});

class ShelfActor {
  readonly #items: { name: string; sizes: number[] }[] = [];

  put(item: { name: string; sizes: number[] }): { count: number } {
    this.#items.push(item);
    return { count: this.#items.length };
  }

  list(): readonly { name: string; sizes: number[] }[] {
    return this.#items;
  }
}

/** Leads to another system over a wire that delays, copies and can be cut. */
class MemoryLink implements RemoteActors {
  fault: "none" | "cut" | "silent" | "throws" = "none";
  readonly #ports: VirtualPorts;
  readonly #target: ActorSystem;

  constructor(ports: VirtualPorts, target: ActorSystem) {
    this.#ports = ports;
    this.#target = target;
  }

  async ask(
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<AskReply<unknown>> {
    const copy = structuredClone(req);
    await this.#hop();
    const reply = await this.#target.receiveAsk(kind, key, name, copy, timeoutMs);
    await this.#hop();
    return structuredClone(reply);
  }

  tell(kind: string, key: string, name: string, req: unknown): boolean {
    if (this.fault === "throws") throw new Error("wire broken");
    if (this.fault === "cut") return false;
    const copy = structuredClone(req);
    this.#ports.timers.after(5, () => this.#target.receiveTell(kind, key, name, copy));
    return true;
  }

  #hop(): Promise<void> {
    if (this.fault === "throws") throw new Error("wire broken");
    if (this.fault === "cut") return Promise.reject(new Error("cut"));
    if (this.fault === "silent") return new Promise(() => {});
    return new Promise((resolve) => void this.#ports.timers.after(5, resolve));
  }
}

/** Nodes "here" and "there"; keys that begin with "far" live there. */
function twoNodes() {
  const ports = new VirtualPorts();
  const there = new ActorSystem(ports);
  const link = new MemoryLink(ports, there);
  const locator: Locator = {
    locate: (_kind, key) => key.startsWith("far") ? link : undefined,
  };
  const here = new ActorSystem(ports, { locator });
  for (const system of [here, there]) system.register(SHELF, () => new ShelfActor());
  return { ports, here, there, link };
}

/** What a caller does; it cannot tell where the shelf is. */
async function fill(shelf: ActorRef<Shelf>): Promise<unknown[]> {
  const item = { name: "bolt", sizes: [3, 4] };
  const results: unknown[] = [];
  results.push(await shelf.ask.put(item));
  results.push(shelf.tell.put({ name: "nut", sizes: [] }));
  results.push(await shelf.ask.list(undefined));
  return results;
}

Deno.test("a caller sees the same of an actor here and there", async () => {
  const { ports, here, there } = twoNodes();
  const near = fill(here.ref(SHELF, "near"));
  const far = fill(here.ref(SHELF, "far"));
  await ports.advance(100);
  const expected = [
    { ok: true, value: { count: 1 } },
    true,
    { ok: true, value: [{ name: "bolt", sizes: [3, 4] }, { name: "nut", sizes: [] }] },
  ];
  assertEquals(await near, expected);
  assertEquals(await far, expected);
  assertEquals([here.count(), there.count(), here.asksInFlight], [1, 1, 0]);
});

Deno.test("a reference follows an actor that moves", async () => {
  const { ports, here, there } = twoNodes();
  const shelf = here.ref(SHELF, "far");
  const spawned = here.spawn(SHELF, "far", () => new ShelfActor()); // Still here, about to move.
  const before = shelf.ask.put({ name: "a", sizes: [] });
  await ports.advance(10);
  assertEquals([(await before).ok, there.count()], [true, 0], "an actor that runs here is here");
  here.stop(SHELF, "far");
  await ports.advance(10);
  const after = [shelf.ask.list(undefined), spawned.ask.list(undefined)];
  await ports.advance(10);
  for (const reply of await Promise.all(after)) assertEquals(reply, { ok: true, value: [] });
  assertEquals([here.count(), there.count()], [0, 1]);
});

Deno.test("a wire that is cut, broken or silent becomes unreachable or the deadline", async () => {
  const { ports, here, link } = twoNodes();
  const shelf = here.ref(SHELF, "far");
  for (const fault of ["cut", "throws"] as const) {
    link.fault = fault;
    assertEquals(await shelf.ask.list(undefined), { ok: false, error: "unreachable" }, fault);
    assertEquals(shelf.tell.put({ name: "x", sizes: [] }), false, fault);
  }
  link.fault = "silent";
  const asked = shelf.ask.list(undefined);
  await ports.advance(999);
  assertEquals(here.asksInFlight, 1);
  await ports.advance(1);
  assertEquals(await asked, { ok: false, error: "deadline" });
  assertEquals(here.asksInFlight, 0);
});

Deno.test("an answer after the caller's deadline changes nothing", async () => {
  const { ports, here, there } = twoNodes();
  const asked = here.ref(SHELF, "far").ask.put({ name: "x", sizes: [] }, { timeoutMs: 8 });
  await ports.advance(50);
  assertEquals(await asked, { ok: false, error: "deadline" });
  assertEquals([here.asksInFlight, there.asksInFlight], [0, 0]);
});

Deno.test("receiveAsk() does not pass on what lives elsewhere", async () => {
  const { here, there } = twoNodes();
  const reply = await here.receiveAsk("shelf", "far", "list", undefined, 100);
  assertEquals(reply, { ok: false, error: "unreachable" });
  assertEquals(here.receiveTell("shelf", "far", "list", undefined), false);
  assertEquals([here.count(), there.count()], [0, 0]);
});

Deno.test("shutdown() answers asks that are on their way", async () => {
  const { ports, here, link } = twoNodes();
  link.fault = "silent";
  const asked = here.ref(SHELF, "far").ask.list(undefined);
  await here.shutdown();
  assertEquals(await asked, { ok: false, error: "stopped" });
  assert(ports.pendingCount === 0);
});
