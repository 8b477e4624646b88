// Goal: when an owner dies, whoever goes on with its streams has all that anybody got of them, so
// that no viewer sees a picture twice or a timestamp go back.
// Method: whole nodes but for sockets on virtual time; one edge has less than the other when the
// node that owns and publishes the stream dies.
import type { LogReader, StreamCore } from "../../actors/stream/stream_core.ts";
import { StreamActor } from "../../actors/stream/stream_actor.ts";
import { streamNameOf } from "../../actors/stream/stream_key.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import type { UpstreamEnd } from "../../actors/stream/upstream.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh, type VirtualNode, type VirtualPublisher } from "../support/virtual_mesh.ts";

const PATH = "live/x";

/** How long a cable is out before its end dies, in milliseconds: a few frames. */
const AHEAD_MS = 200;

/** Follows a log as viewers do, and notes where its timestamps do not rise. */
class TimelineCheck implements LogReader {
  backwards = 0;
  /** Largest step from one frame to the next, in microseconds. */
  stepUs = 0;
  readonly core: StreamCore;
  #nextSeq: number;
  #dtsUs: number | undefined;

  constructor(core: StreamCore) {
    this.core = core;
    this.#nextSeq = core.log.nextSeq;
    core.readers.add(this);
  }

  advance(): void {
    const { log } = this.core;
    // The log went back to numbers of another node.
    if (this.#nextSeq > log.nextSeq) this.#nextSeq = log.firstSeq;
    for (; this.#nextSeq < log.nextSeq; this.#nextSeq++) {
      const record = log.at(this.#nextSeq);
      if (record?.kind !== "frame") continue;
      const beforeUs = this.#dtsUs ?? record.dtsUs - 1;
      if (record.dtsUs <= beforeUs) this.backwards++;
      this.stepUs = Math.max(this.stepUs, record.dtsUs - beforeUs);
      this.#dtsUs = record.dtsUs;
    }
  }
}

async function publish(mesh: VirtualMesh, node: VirtualNode): Promise<VirtualPublisher> {
  const publisher = await mesh.until(node.publish(PATH));
  assert(typeof publisher === "object", `${node.name}: ${publisher}`);
  return publisher as VirtualPublisher;
}

/** Its process is gone: nothing of it reaches anybody. */
function kill({ network }: VirtualMesh, node: VirtualNode): void {
  for (const publisher of node.publishers.values()) publisher.over = true;
  node.directory.fault = "cut";
  network.kill(node.name);
}

/** `a` publishes and owns, `b` and `c` watch; `c` has some frames more when `a` dies. */
async function deathOfOwner(lagging: "b" | "c") {
  const mesh = new VirtualMesh();
  const [a, b, c] = await mesh.add("a", "b", "c");
  await publish(mesh, a);
  const watches = [await mesh.until(b.watch(PATH)), await mesh.until(c.watch(PATH))];
  await mesh.run(2_000);
  const checks = watches.map(({ core }) => new TimelineCheck(core));
  mesh.network.hold("a", lagging);
  await mesh.run(AHEAD_MS);
  const [behind, ahead] = watches.map(({ last }) => last).sort((x, y) => x - y);
  assert(ahead - behind >= 3, `${behind} and ${ahead}`);
  kill(mesh, a);
  return { mesh, a, b, c, watches, checks, ahead };
}

async function assertGoesOn(death: Awaited<ReturnType<typeof deathOfOwner>>): Promise<void> {
  const { mesh, a, watches, checks, ahead } = death;
  await mesh.run(3_000);
  for (const { last, doubled } of watches) {
    assert(last >= mesh.frame - 1 && last > ahead, `${last} of ${mesh.frame}`);
    assertEquals(doubled, 0);
  }
  assertEquals(checks.map(({ backwards }) => backwards), [0, 0]);
  for (const { stepUs } of checks) assert(stepUs <= 80_000, `a hole of ${stepUs} us`);
  mesh.nodes.splice(mesh.nodes.indexOf(a), 1);
  const [first, second] = watches.map(({ core }) => core.log);
  assertEquals(first.nextSeq, second.nextSeq);
}

for (const lagging of ["b", "c"] as const) {
  Deno.test(`a publisher that comes back at once is granted all that ${lagging} lacks`, async () => {
    const death = await deathOfOwner(lagging);
    await using mesh = death.mesh;
    await publish(mesh, death.b);
    await assertGoesOn(death);
  });

  Deno.test(`a node that takes over fetches what others have and ${lagging} lacks`, async () => {
    const death = await deathOfOwner(lagging);
    await using mesh = death.mesh;
    await mesh.run(1_500);
    const owners = [death.b, death.c].filter(({ mesh }) => mesh.ownership.ownEpoch(PATH));
    assertEquals(owners.length, 1);
    const heads = death.watches.map(({ last }) => last);
    assertEquals(heads, [death.ahead, death.ahead], "both have all there is");
    await publish(mesh, death.c);
    await assertGoesOn(death);
  });
}

Deno.test("an owner says that a stream is over only when it is: not before it has begun", async () => {
  await using mesh = new VirtualMesh();
  const [a, b] = await mesh.add("a", "b");
  const name = streamNameOf(PATH);
  assertEquals((await mesh.until(b.mesh.ownership.claim(PATH))).kind, "owned");
  const ask = async () => {
    const { promise, resolve } = Promise.withResolvers<UpstreamEnd>();
    const sink = { started() {}, state() {}, record() {}, closed: resolve };
    a.mesh.links.open({ node: "b", name, mode: "edge", epoch: 0, sink });
    return (await mesh.until(promise)).kind;
  };
  assertEquals(await ask(), "ended");
  const core = b.hub.open(name)!;
  assertEquals(await ask(), "ended");
  // It carried the stream for the owner before, and is about to adopt it.
  const none = { ingest: "", startedAtMs: 0, replicas: [] };
  core.session = { state: "live", epoch: 1, generation: 1, owner: "c", ...none };
  assertEquals(await ask(), "refused");
  core.end();
  assertEquals(await ask(), "ended");
});

for (const times of [1, 2]) {
  Deno.test(`a move that the new owner fails at ${times} times leaves one owner each time`, async () => {
    await using mesh = new VirtualMesh();
    const [a, b] = await mesh.add("a", "b");
    const publisher = await publish(mesh, a);
    const watches = [await mesh.until(a.watch(PATH)), await mesh.until(b.watch(PATH))];
    const move = () => mesh.until(a.mesh.system.ref(STREAM, PATH).ask.move({ to: "b" }));
    const epochs = () => [a, b].map(({ mesh }) => mesh.ownership.ownEpoch(PATH));
    const { adopt } = StreamActor.prototype;
    StreamActor.prototype.adopt = () => {
      throw new Error("stumbled");
    };
    try {
      for (let tried = 0; tried < times; tried++) {
        assertEquals(await move(), { ok: true, value: "failed" });
        await mesh.run(200);
        assert(epochs()[0] !== undefined && epochs()[1] === undefined, `owned under ${epochs()}`);
      }
    } finally {
      StreamActor.prototype.adopt = adopt;
    }
    await mesh.run(1_000);
    assertEquals(await move(), { ok: true, value: "moved" });
    assert(epochs()[0] === undefined && epochs()[1] !== undefined, `owned under ${epochs()}`);
    await mesh.run(1_000);
    publisher.close(false);
    await mesh.run(1_000);
    for (const { core, lost, doubled } of watches) {
      assertEquals([core.ended, lost, doubled], [true, 0, 0]);
    }
  });
}
