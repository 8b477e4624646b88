// Goal: links come up when needed, break in every way, and leave nobody waiting.
// Method: real link tables on a virtual clock and network.
import { linkPeerCalls } from "../../../cluster/link/link_peer_calls.ts";
import { LINK_IDLE_MS } from "../../../cluster/link/outgoing_link.ts";
import type { CallReply } from "../../../protocols/mrtmp/call.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { LinkMesh, type LinkNode } from "../../support/link_mesh.ts";

async function pair(): Promise<{ mesh: LinkMesh; a: LinkNode; b: LinkNode }> {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const reply = a.ask(b, "hello");
  await mesh.advance(50);
  assertEquals(await reply, { ok: true, value: "hello" });
  return { mesh, a, b };
}

/** What a promise has come to by now, or "waits". */
async function nowOf<T>(promise: Promise<T>): Promise<T | "waits"> {
  return await Promise.race([promise, Promise.resolve("waits" as const)]);
}

Deno.test("LinkTable dials when an actor is asked, and the answer comes back", async () => {
  const { mesh, a, b } = await pair();
  assertEquals(b.asked.map(({ kind, key, name }) => [kind, key, name]), [["echo", "k", "say"]]);
  assertEquals(a.table.snapshot().map(({ node, direction, state }) => [node, direction, state]), [
    ["b", "out", "up"],
  ]);
  assertEquals(b.table.snapshot().map(({ node, direction, state }) => [node, direction, state]), [
    ["a", "in", "up"],
  ]);
  await mesh.advance(1_000);
  const [link] = a.table.snapshot();
  assert(link.rttMs > 0.19 && link.rttMs < 1 && link.sinceMs > 0);
  assert(a.events.includes("gossip b 3") && b.events.includes("gossip a 3"));
  mesh.close();
});

Deno.test("LinkTable makes one link for many at once, in one direction each", async () => {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const replies = Array.from({ length: 100 }, (_, index) => a.ask(b, index));
  const back = b.ask(a, "back");
  await mesh.advance(50);
  assertEquals(
    await Promise.all(replies),
    Array.from({ length: 100 }, (_, value): CallReply => ({ ok: true, value })),
  );
  assertEquals(await back, { ok: true, value: "back" });
  assertEquals(b.asked.map(({ req }) => req), Array.from({ length: 100 }, (_, index) => index));
  assertEquals(mesh.network.dials, 4); // Two connections each way.
  assertEquals(a.table.snapshot().length, 2);
  mesh.close();
});

Deno.test("LinkTable carries tells in order, and undefined as it is", async () => {
  const { mesh, a, b } = await pair();
  for (let i = 0; i < 50; i++) {
    assert(a.table.tell("b", { kind: "k", key: "x", name: "n", req: i, token: `${i}` }));
  }
  a.table.tell("b", { kind: "k", key: "x", name: "n", req: undefined });
  await mesh.advance(10);
  assertEquals(b.told.slice(0, 50).map(({ req }) => req), Array.from({ length: 50 }, (_, i) => i));
  assertEquals(b.told[7].token, "7");
  assertEquals(b.told[50].req, undefined);
  b.answer = () => ({ ok: true, value: undefined });
  const reply = a.ask(b, { deep: [{ bytes: Uint8Array.of(1, 2) }] });
  await mesh.advance(10);
  assertEquals(await reply, { ok: true, value: undefined });
  mesh.close();
});

Deno.test("LinkTable passes refusals on with their hint", async () => {
  const { mesh, a, b } = await pair();
  b.answer = () => ({ ok: false, error: "not-owner", owner: "c" });
  const reply = a.ask(b, 1);
  await mesh.advance(10);
  assertEquals(await reply, { ok: false, error: "not-owner", owner: "c" });
  const calls = linkPeerCalls(a.table);
  const called = calls.ask("b", "echo", "k", "say", 1, 1_000);
  assert(calls.tell("b", "echo", "k", "hear", 2));
  await mesh.advance(10);
  assertEquals(await called, { ok: false, error: "not-owner", owner: "c" });
  assertEquals(b.told.map(({ name, req }) => [name, req]), [["hear", 2]]);
  mesh.close();
});

Deno.test("LinkTable answers an ask by its deadline, and ignores the late reply", async () => {
  const { mesh, a, b } = await pair();
  const late = Promise.withResolvers<CallReply>();
  b.answer = () => late.promise;
  const reply = a.ask(b, 1, 300);
  await mesh.advance(299);
  assertEquals(await nowOf(reply), "waits");
  await mesh.advance(2);
  assertEquals(await reply, { ok: false, error: "deadline" });
  assertEquals(b.asked.at(-1)?.timeoutMs, 300);
  late.resolve({ ok: true, value: "late" });
  await mesh.advance(10);
  assertEquals(a.table.snapshot()[0].state, "up");
  mesh.close();
});

Deno.test("LinkTable answers for handlers that fail or say too much", async () => {
  const { mesh, a, b } = await pair();
  for (
    const answer of [
      () => Promise.reject(new Error("defect")),
      (): CallReply => ({ ok: true, value: "x".repeat(65_536) }),
      (): CallReply => ({ ok: true, value: new Map() }),
    ]
  ) {
    b.answer = answer;
    const reply = a.ask(b, 1);
    await mesh.advance(10);
    assertEquals(await reply, { ok: false, error: "failed" });
  }
  assertEquals(mesh.ports.linesWith("answer cannot be sent to another node").length, 2);
  assertEquals(await a.ask(b, "x".repeat(65_536)), { ok: false, error: "failed" });
  assertEquals(a.table.tell("b", { kind: "k", key: "k", name: "n", req: () => 1 }), false);
  assertEquals(a.table.snapshot()[0].state, "up");
  mesh.close();
});

Deno.test("LinkTable answers unreachable when nobody is there, and tells that it was refused", async () => {
  const { mesh, a, b } = await pair();
  mesh.network.kill("b");
  await mesh.advance(5);
  assertEquals(a.events.filter((event) => event.startsWith("lost")), [
    "lost b closed out", // The connection ended,
    "lost b refused out", // and the dial that followed was refused.
  ]);
  const reply = a.ask(b, 1);
  await mesh.advance(200);
  assertEquals(await reply, { ok: false, error: "unreachable" });
  assertEquals(await nowOf(a.table.ask("nobody", { ...asking, timeoutMs: 10 })), "waits");
  await mesh.advance(20);
  assertEquals(await a.table.ask("a", asking), { ok: false, error: "unreachable" });
  mesh.close();
});

const asking = { kind: "echo", key: "k", name: "say", req: 1, timeoutMs: 1_000 };

Deno.test("LinkTable answers asks under way when the link breaks, and dials again", async () => {
  const { mesh, a, b } = await pair();
  b.answer = () => new Promise(() => {});
  const reply = a.ask(b, 1);
  await mesh.advance(10);
  mesh.network.cut("a", "b");
  await mesh.advance(5);
  assertEquals(await reply, { ok: false, error: "unreachable" });
  assertEquals(a.table.snapshot()[0].state, "up"); // At once: somebody needed it a moment ago.
  assertEquals(b.asked.length, 2); // Nothing was sent twice.
  mesh.close();
});

Deno.test("LinkTable dials again for ever, with pauses that grow and vary", async () => {
  const { mesh, a } = await pair();
  a.table.watch(new Set(["b"]));
  mesh.network.kill("b");
  const before = mesh.network.dials;
  await mesh.advance(60_000);
  const dials = mesh.network.dials - before;
  assert(dials > 30 && dials < 70, `${dials} dials`);
  mesh.close();
});

Deno.test("LinkTable hears silence where TCP does not, within its limit", async () => {
  const { mesh, a, b } = await pair();
  await mesh.advance(2_000);
  mesh.network.part("a", "b");
  const sinceMs = mesh.ports.nowMs;
  await mesh.until("silence", () => a.events.includes("silent b out"), 1_000);
  const tookMs = mesh.ports.nowMs - sinceMs;
  assert(tookMs >= 400 && tookMs <= 700, `${tookMs} ms`);
  await mesh.until("silence there", () => b.events.includes("silent a in"), 300);
  assertEquals(b.table.snapshot(), []);
  // The cable is back: a new connection, not the old one.
  mesh.network.join("a", "b");
  await mesh.until("a link", () => a.table.snapshot()[0]?.state === "up", 5_000);
  mesh.close();
});

Deno.test("LinkTable hears the silence of one connection of the two", async () => {
  const { mesh, a } = await pair();
  const [, media] = [...mesh.network.connections];
  media.pipes[1].hold();
  await mesh.until("silence", () => a.events.includes("silent b out"), 1_000);
  mesh.close();
});

Deno.test("LinkTable is not taken in by its own pause", async () => {
  const { mesh, a } = await pair();
  await mesh.advance(100);
  mesh.ports.spend(5_000); // This process did not run; what came meanwhile is read first.
  await mesh.advance(500);
  assertEquals(a.events.filter((event) => !event.startsWith("gossip")), []);
  mesh.close();
});

Deno.test("LinkTable keeps an idle link alive, and closes it when nobody needs it", async () => {
  const { mesh, a, b } = await pair();
  await mesh.advance(LINK_IDLE_MS - 1_000);
  assertEquals(a.table.snapshot()[0].state, "up");
  await mesh.advance(2_000);
  assertEquals([a.table.snapshot(), b.table.snapshot()], [[], []]);
  const news = [...a.events, ...b.events].filter((event) => !event.startsWith("gossip"));
  assertEquals(news, []); // Nobody is suspected of anything.
  a.table.watch(new Set(["b"]));
  await mesh.advance(2 * LINK_IDLE_MS);
  assertEquals(a.table.snapshot()[0].state, "up");
  mesh.close();
});

Deno.test("LinkTable refuses asks beyond what may wait", async () => {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  mesh.network.part("a", "b");
  const text = "x".repeat(60_000);
  const replies = Array.from({ length: 30 }, () => a.ask(b, text));
  await mesh.advance(0);
  const states = await Promise.all(replies.map(nowOf));
  const busy = states.filter((state) => state !== "waits" && !state.ok && state.error === "busy");
  assertEquals([states.indexOf(busy[0]), busy.length], [18, 12]); // 1 MiB and one message more.
  await mesh.advance(2_000);
  for (const reply of replies.slice(0, 18)) {
    assertEquals(await reply, { ok: false, error: "deadline" });
  }
  mesh.close();
});

Deno.test("LinkTable cuts a node that does not read what it asked for", async () => {
  const { mesh, a, b } = await pair();
  const [control] = [...mesh.network.connections];
  b.answer = () => ({ ok: true, value: "x".repeat(60_000) });
  control.pipes[1].hold();
  for (let i = 0; i < 60; i++) a.ask(b, i);
  await mesh.advance(100);
  assert(b.events.includes("lost a closed in"), b.events.join());
  assert(control.pipes[1].taken < 1024 * 1024);
  mesh.close();
});

Deno.test("LinkTable leaves a node that was started anew, and reaches the new one", async () => {
  const { mesh, a, b } = await pair();
  b.incarnation++;
  const reply = a.ask(b, "who");
  await mesh.advance(50);
  assertEquals(await reply, { ok: true, value: "who" });
  assertEquals(a.table.snapshot()[0].incarnation, 101);
  mesh.close();
});

Deno.test("disconnect() ends links both ways at once", async () => {
  const { mesh, a, b } = await pair();
  await Promise.all([b.ask(a, 1), mesh.advance(50)]);
  assertEquals(a.table.snapshot().length, 2);
  a.table.disconnect("b", "expelled");
  assertEquals(a.table.snapshot(), []);
  await mesh.advance(5);
  assert(b.events.includes("lost a closed in") === false);
  mesh.close();
});

Deno.test("a link that the other node has no use for is not dialled again before it is needed", async () => {
  const { mesh, a, b } = await pair();
  const before = mesh.network.dials;
  b.table.disconnectAll("joining anew");
  await mesh.advance(5_000);
  assertEquals(mesh.network.dials, before);
  assertEquals(a.events.filter((event) => !event.startsWith("gossip")), []);
  const reply = a.ask(b, 1);
  await mesh.advance(20);
  assertEquals(await reply, { ok: true, value: 1 });
  mesh.close();
});

Deno.test("close() leaves no timer behind", async () => {
  const { mesh } = await pair();
  mesh.close();
  await mesh.advance(5_000);
  assertEquals(mesh.ports.pendingCount, 0);
  assertEquals(mesh.network.connections.size, 0);
});
