// Goal: a node that drains gives each stream to a node that may have it, so many at a time, tries
// others where that fails, and keeps what nobody takes.
// Method: moves played by hand on virtual time.
import { Evacuation, MOVE_RETRY_MS, MOVES_AT_ONCE } from "../../cluster/evacuation.ts";
import type { LoadReport, Member } from "../../cluster/directory/directory.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualPorts } from "../support/virtual_ports.ts";

function member(node: string, fields: Partial<Member> = {}): Member {
  return {
    ...{ node, incarnation: 1, address: node, port: 1, host: node, zone: "", role: "any" },
    ...{ state: "up", addresses: {}, weight: 1 },
    ...fields,
  };
}

interface Move {
  readonly key: string;
  readonly to: string;
  readonly atMs: number;
}

class World implements Disposable {
  readonly ports = new VirtualPorts();
  readonly members = new Map<string, Member>();
  readonly loads = new Map<string, LoadReport>();
  /** Streams here, with their publishers' nodes. */
  readonly streams = new Map<string, string | undefined>();
  readonly moves: Move[] = [];
  /** Moves under way, and the most at a time. */
  running = 0;
  most = 0;
  readonly evacuation: Evacuation;
  moveMs = 10;
  fails: (move: Move) => boolean = () => false;

  constructor(...members: readonly Member[]) {
    for (const each of members) this.members.set(each.node, each);
    const { ports, streams } = this;
    this.evacuation = new Evacuation({
      ports,
      mesh: { node: "a", members: this.members, loads: this.loads },
      streams: () => [...streams].map(([key, ingest]) => ({ key, ingest })),
      move: (key, to) => this.#move({ key, to, atMs: ports.nowMs }),
    });
  }

  add(count: number, ingest?: string): void {
    for (let i = 0; i < count; i++) this.streams.set(`live/${this.streams.size}`, ingest);
  }

  /** Whether it is over within `ms`. */
  async run(ms: number): Promise<boolean> {
    let over = false;
    this.evacuation.start().then(() => over = true);
    await this.ports.advance(ms);
    return over;
  }

  targets(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { to } of this.moves) counts[to] = (counts[to] ?? 0) + 1;
    return counts;
  }

  [Symbol.dispose](): void {
    this.evacuation.stop();
    assertEquals(this.ports.pendingCount, 0);
  }

  async #move(move: Move): Promise<boolean> {
    this.moves.push(move);
    this.most = Math.max(this.most, ++this.running);
    await new Promise<void>((done) => void this.ports.timers.after(this.moveMs, done));
    this.running--;
    if (this.fails(move)) return false;
    this.streams.delete(move.key);
    return true;
  }
}

Deno.test("Evacuation moves every stream once, at most so many at a time, evenly", async () => {
  using world = new World(member("a"), member("b"), member("c"), member("d", { role: "edge" }));
  world.add(200);
  assertEquals(await world.run(100), true);
  assertEquals([world.moves.length, world.most], [200, MOVES_AT_ONCE]);
  const { b, c, ...others } = world.targets();
  assertEquals(others, {});
  assert(b <= 126 && c <= 126, `${b} and ${c}`);
});

Deno.test("Evacuation prefers the publisher's node, unless that leaves or is this one", async () => {
  using world = new World(
    ...[member("a"), member("b"), member("c"), member("d", { state: "draining" })],
  );
  world.add(10, "c");
  assertEquals(await world.run(20), true);
  assertEquals(world.targets(), { c: 10 });
  world.add(10, "d");
  world.add(10, "a");
  assertEquals(await world.run(40), true);
  assertEquals(world.targets().d, undefined);
  assertEquals(world.targets().a, undefined);
});

Deno.test("Evacuation tries the other nodes, then pauses, and keeps the stream meanwhile", async () => {
  using world = new World(member("a"), member("b"), member("c"));
  world.add(1);
  world.fails = () => true;
  assertEquals(await world.run(MOVE_RETRY_MS - 1), false);
  assertEquals(world.moves.length, 2);
  assertEquals(new Set(world.moves.map(({ to }) => to)), new Set(["b", "c"]));
  assertEquals(world.streams.size, 1);
  world.fails = () => false;
  await world.ports.advance(MOVE_RETRY_MS);
  assertEquals([world.moves.length, world.streams.size], [3, 0]);
});

Deno.test("Evacuation moves nothing while nobody would have it, and goes on for who comes", async () => {
  using world = new World(member("a"), member("b", { state: "draining" }));
  world.add(3);
  assertEquals(await world.run(1_000), true, "it is not waited for");
  assertEquals(world.moves, []);
  world.members.set("c", member("c"));
  await world.ports.advance(300);
  assertEquals(world.targets(), { c: 3 });
  world.add(1); // Taken over from an owner that died meanwhile.
  await world.ports.advance(300);
  assertEquals(world.targets(), { c: 4 });
});

Deno.test("Evacuation begins nothing after its end", async () => {
  using world = new World(member("a"), member("b"));
  world.add(1);
  world.evacuation.stop();
  assertEquals(await world.run(1_000), true);
  assertEquals(world.moves, []);
});
