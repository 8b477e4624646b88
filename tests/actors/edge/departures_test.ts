// Goal: the clients of a node that drains are asked to go, given time, then sent away; evenly over
// the time there is, publishers first, and nobody while there is no other node.
// Method: a session table with sessions that note what happens to them, on virtual time.
import { Departures, dueCount } from "../../../actors/edge/departures.ts";
import { type Session, SessionTable } from "../../../actors/edge/session_table.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const TIME_MS = 30_000;

interface Event {
  readonly atMs: number;
  readonly id: string;
  readonly what: "asked" | "sent" | "forced";
}

interface ClientOptions {
  readonly role: Session["role"];
  /** It understands a request to go; and does, so much later. */
  readonly understands?: boolean;
  readonly goesAfterMs?: number;
  /** A publisher without key frames: leaves only when it is not waited for. */
  readonly stubborn?: boolean;
}

class World implements AsyncDisposable {
  readonly ports = new VirtualPorts();
  readonly sessions = new SessionTable("a");
  readonly events: Event[] = [];
  readonly departures: Departures;
  readonly elsewhere: { open: boolean };

  constructor(timeMs = TIME_MS) {
    const { ports, sessions } = this;
    const elsewhere = { open: true, choose: () => "b:1935" };
    this.elsewhere = elsewhere;
    this.departures = new Departures({ ports, sessions, elsewhere, timeMs });
  }

  add(id: string, { role, understands, goesAfterMs, stubborn }: ClientOptions): void {
    const { sessions, ports: { timers } } = this;
    const gone = () => sessions.delete(id);
    const session = {
      ...{ id, role, protocol: "rtmp", stream: { app: "live", name: id } },
      redirect: understands === undefined ? undefined : (address: string) => {
        assertEquals(address, "b:1935");
        if (understands) this.#note(id, "asked");
        if (goesAfterMs !== undefined) timers.after(goesAfterMs, gone);
        return understands;
      },
      depart: (_reason: string, now: boolean) => {
        this.#note(id, now ? "forced" : "sent");
        if (now || !stubborn) gone();
      },
    };
    sessions.add(session as unknown as Session);
  }

  times(what: Event["what"]): number[] {
    return this.events.filter((event) => event.what === what).map(({ atMs }) => atMs);
  }

  // deno-lint-ignore require-await -- the interface is asynchronous.
  async [Symbol.asyncDispose](): Promise<void> {
    this.departures.stop();
    assertEquals(this.ports.pendingCount, 0);
  }

  #note(id: string, what: Event["what"]): void {
    this.events.push({ atMs: this.ports.nowMs, id, what });
  }
}

/** The most that happen within any second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(
    ...times.map((from) => times.filter((ms) => ms >= from && ms < from + 1_000).length),
  );
}

Deno.test("Departures asks those who understand it within a third of the time, evenly", async () => {
  await using world = new World();
  for (let i = 0; i < 200; i++) {
    world.add(`a${i}`, { role: "play", understands: true, goesAfterMs: 5 });
  }
  world.departures.start();
  world.departures.start();
  await world.ports.advance(TIME_MS);
  assertEquals([world.events.length, world.times("asked").length], [200, 200]);
  assert(world.times("asked").at(-1)! <= TIME_MS / 3 + 200);
  assert(mostInASecond(world.times("asked")) <= 30);
});

Deno.test("Departures sends away who does not understand it, and who stays, in time", async () => {
  await using world = new World();
  for (let i = 0; i < 100; i++) {
    world.add(`m${i}`, { role: "play" });
    world.add(`n${i}`, { role: "play", understands: false });
    world.add(`s${i}`, { role: "play", understands: true });
  }
  world.departures.start();
  await world.ports.advance(TIME_MS);
  assertEquals(world.sessions.size, 0);
  assertEquals([world.times("asked").length, world.times("sent").length], [100, 300]);
  assert(world.times("sent")[0] >= TIME_MS / 3);
  assert(world.times("sent").at(-1)! <= 0.8 * TIME_MS + 200);
  assert(mostInASecond(world.times("sent")) <= 45);
  const stayed = world.events.filter(({ id, what }) => id.startsWith("s") && what === "sent");
  assert(stayed.every(({ atMs }) => atMs >= 0.6 * TIME_MS), "they were given time to go");
});

Deno.test("Departures takes publishers first, and at last without their key frame", async () => {
  await using world = new World();
  for (let i = 0; i < 50; i++) world.add(`v${i}`, { role: "play" });
  world.add("p", { role: "publish" });
  world.add("q", { role: "publish", stubborn: true });
  world.departures.start();
  await world.ports.advance(TIME_MS);
  assertEquals(world.events.slice(0, 2).map(({ id }) => id), ["p", "q"]);
  const forced = world.events.filter(({ what }) => what === "forced");
  assertEquals(forced.map(({ id }) => id), ["q"]);
  assert(forced[0].atMs >= 0.9 * TIME_MS && forced[0].atMs < TIME_MS);
});

Deno.test("Departures leaves everybody where they are while there is no other node", async () => {
  await using world = new World();
  world.elsewhere.open = false;
  for (const id of ["a", "b"]) world.add(id, { role: "play", understands: true });
  world.departures.start();
  await world.ports.advance(2 * TIME_MS);
  assertEquals(world.events, []);
  world.elsewhere.open = true;
  await world.ports.advance(TIME_MS / 2);
  assertEquals(world.times("asked").length, 2);
  assertEquals(world.times("sent").length, 0);
});

Deno.test("Departures sends all away at once when there is no time", async () => {
  await using world = new World(0);
  world.add("a", { role: "play" });
  world.add("b", { role: "publish", stubborn: true });
  world.departures.start();
  await world.ports.advance(200);
  assertEquals(world.sessions.size, 0);
});

Deno.test("dueCount() spreads evenly and leaves nobody behind", () => {
  const span = { fromMs: 1_000, toMs: 2_000 };
  assertEquals(dueCount(10, { ...span, elapsedMs: 999 }), 0);
  assertEquals(dueCount(10, { ...span, elapsedMs: 1_000 }), 1);
  assertEquals(dueCount(10, { ...span, elapsedMs: 1_900 }), 10);
  assertEquals(dueCount(10, { ...span, elapsedMs: 5_000 }), 10);
  assertEquals(dueCount(0, { ...span, elapsedMs: 1_500 }), 0);
});
