// Goal: two publishers of one stream, on whatever nodes: one is played, the other is ready; the
//   better one is played, viewers miss a group of pictures at most and see nothing twice, and
//   nothing flaps.
// Method: whole nodes but for sockets on virtual time; two publishers send the same numbers at the
//   same times, as two encoders of one source do.
import type { LogReader, StreamCore } from "../../actors/stream/stream_core.ts";
import { streamNameOf } from "../../actors/stream/stream_key.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import type { SwitchReason } from "../../actors/stream/switch_judge.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VIDEO } from "../support/stream_records.ts";
import {
  PAIRED_APP,
  VirtualMesh,
  type VirtualNode,
  type VirtualPublisher,
  type VirtualWatch,
} from "../support/virtual_mesh.ts";

const PATH = `${PAIRED_APP}/x`;
const NAME = streamNameOf(PATH);

/** Frames in a group of pictures, and their distance in milliseconds. */
const GOP = 10;
const FRAME_MS = 40;

/** Longest until something silent is noticed: its limit, a report and a look. */
const NOTICED_MS = 1_200;

/** Follows a log as viewers do, and notes how its timestamps and headers go on. */
class TimelineCheck implements LogReader {
  backwards = 0;
  /** Largest step from one frame to the next, in microseconds. */
  stepUs = 0;
  discontinuities = 0;
  configs: string[] = [];
  readonly #core: StreamCore;
  #nextSeq: number;
  #dtsUs: number | undefined;

  constructor(core: StreamCore) {
    this.#core = core;
    this.#nextSeq = core.log.nextSeq;
    core.readers.add(this);
  }

  advance(): void {
    const { log } = this.#core;
    for (; this.#nextSeq < log.nextSeq; this.#nextSeq++) {
      const record = log.at(this.#nextSeq);
      if (record?.kind === "mark" && record.discontinuity) this.discontinuities++;
      if (record?.kind === "track") this.configs.push(record.track.config.toHex());
      if (record?.kind !== "frame") continue;
      const beforeUs = this.#dtsUs ?? record.dtsUs - 1;
      if (record.dtsUs <= beforeUs) this.backwards++;
      this.stepUs = Math.max(this.stepUs, record.dtsUs - beforeUs);
      this.#dtsUs = record.dtsUs;
    }
  }
}

interface Stage {
  readonly mesh: VirtualMesh;
  readonly nodes: VirtualNode[];
  readonly one: VirtualPublisher;
  readonly two: VirtualPublisher;
  readonly watch: VirtualWatch;
  readonly check: TimelineCheck;
}

async function publish(mesh: VirtualMesh, node: VirtualNode): Promise<VirtualPublisher> {
  const publisher = await mesh.until(node.publish(PATH));
  assert(typeof publisher === "object", `${node.name}: ${publisher}`);
  return publisher as VirtualPublisher;
}

/** One publisher at `first`, its backup at `second`, both of which are "a" to "c"; c watches. */
async function onStage(first = 0, second = 1): Promise<Stage> {
  const mesh = new VirtualMesh();
  const nodes = await mesh.add("a", "b", "c");
  const one = await publish(mesh, nodes[first]);
  await mesh.run(7 * FRAME_MS); // Their key frames do not come together.
  const two = await publish(mesh, nodes[second]);
  const watch = await mesh.until(nodes[2].watch(PATH));
  await mesh.run(4_000);
  return { mesh, nodes, one, two, watch, check: new TimelineCheck(watch.core) };
}

/** The owner's data of the stream. */
function owned({ nodes }: Pick<Stage, "nodes">): StreamCore {
  const cores = nodes.map(({ hub }) => hub.get(NAME));
  const core = cores.find((core) => core?.publication !== undefined || core?.hold !== undefined);
  assert(core !== undefined, "nobody owns it");
  return core;
}

function roles(stage: Pick<Stage, "nodes">) {
  const { publication, pair } = owned(stage);
  return [publication?.publisher.ingestId, pair?.backup?.ingestId];
}

function switchesOf({ nodes }: Stage): Partial<Record<SwitchReason, number>> {
  const sums: Partial<Record<SwitchReason, number>> = {};
  for (const { hub: { switches } } of nodes) {
    for (const [reason, count] of Object.entries(switches)) {
      if (count > 0) sums[reason as SwitchReason] = (sums[reason as SwitchReason] ?? 0) + count;
    }
  }
  return sums;
}

/** Viewers see the newest frame, have lost at most so many, and none twice. */
function assertPlays({ mesh, watch, check }: Stage, lostMax: number, doubledMax = 0): void {
  assert(watch.last >= mesh.frame - 2, `at ${watch.last} of ${mesh.frame}`);
  assert(watch.lost <= lostMax, `${watch.lost} frames lost`);
  assert(watch.doubled <= doubledMax, `${watch.doubled} frames doubled`);
  assertEquals(check.backwards, 0);
  assert(check.stepUs <= 2 * FRAME_MS * 1_000, `a hole of ${check.stepUs} us`);
}

/** Something that kills a node without a word: nothing of it reaches anybody. */
function kill({ mesh }: Stage, node: VirtualNode): void {
  for (const publisher of node.publishers.values()) publisher.over = true;
  node.directory.fault = "cut";
  mesh.network.kill(node.name);
  mesh.nodes.splice(mesh.nodes.indexOf(node), 1);
}

for (const [first, second] of [[0, 1], [1, 0], [2, 0], [0, 2], [0, 0], [2, 2]]) {
  Deno.test(`a backup at ${second} is not seen, and played when that at ${first} is lost`, async () => {
    const stage = await onStage(first, second);
    await using mesh = stage.mesh;
    const { one, two, nodes, check } = stage;
    assertPlays(stage, 0);
    assertEquals(roles(stage), [one.id, two.id]);
    const { budget } = nodes[second].hub;
    assert(budget.usedBytes > 0);
    one.close(true);
    await mesh.run(2_000);
    assertPlays(stage, GOP);
    assertEquals(roles(stage), [two.id, undefined]);
    assertEquals([switchesOf(stage), check.discontinuities], [{ lost: 1 }, 1]);
    // It comes back, as the backup, and stays that.
    const back = await publish(mesh, nodes[first]);
    await mesh.run(15_000);
    assertEquals(roles(stage), [two.id, back.id]);
    assertPlays(stage, GOP);
  });
}

Deno.test("a third publisher is refused, and an application without backups refuses the second", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const [a, b, c] = stage.nodes;
  for (const node of [a, b, c]) {
    assertEquals(await mesh.until(node.publish(PATH)), "backed-up");
  }
  assert(typeof await mesh.until(a.publish("live/y")) === "object");
  assertEquals(await mesh.until(b.publish("live/y")), "busy");
  assertPlays(stage, 0);
});

Deno.test("a publisher that is silent but connected becomes the backup of its backup", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two } = stage;
  one.sends = () => false;
  await mesh.run(NOTICED_MS + GOP * FRAME_MS);
  assertPlays(stage, NOTICED_MS / FRAME_MS + GOP);
  assertEquals([roles(stage), switchesOf(stage)], [[two.id, one.id], { silent: 1 }]);
  const { lost } = stage.watch;
  one.sends = () => true;
  await mesh.run(12_000);
  assertEquals([roles(stage), switchesOf(stage)], [[two.id, one.id], { silent: 1 }]);
  assertPlays(stage, lost);
  // And the other way round.
  two.sends = () => false;
  await mesh.run(NOTICED_MS + GOP * FRAME_MS);
  assertEquals([roles(stage), switchesOf(stage)], [[one.id, two.id], { silent: 2 }]);
});

Deno.test("a backup that comes and goes is not played, and both silent change nothing", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two } = stage;
  one.sends = two.sends = () => false;
  await mesh.run(5_000);
  assertEquals([roles(stage), switchesOf(stage)], [[one.id, two.id], {}]);
  // A second of frames in two: never fit for long enough.
  two.sends = (number) => Math.floor(number / 25) % 2 === 0;
  one.sends = two.sends;
  await mesh.run(20_000);
  assertEquals(switchesOf(stage), {});
});

Deno.test("a bit rate that collapses makes a switch, once, and not when both collapse", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two } = stage;
  one.frameBytes = two.frameBytes = 1_000;
  await mesh.run(20_000);
  assertEquals(switchesOf(stage), {});
  one.frameBytes = two.frameBytes = 100; // The picture stands still.
  await mesh.run(8_000);
  assertEquals(switchesOf(stage), {});
  two.frameBytes = 1_000;
  await mesh.run(8_000);
  assertEquals([roles(stage), switchesOf(stage)], [[two.id, one.id], { "bit-rate": 1 }]);
  assertPlays(stage, 2, 2);
  one.frameBytes = 1_000;
  await mesh.run(20_000);
  assertEquals(switchesOf(stage), { "bit-rate": 1 });
});

Deno.test("frames that are missing make a switch", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two } = stage;
  one.sends = (number) => number % 40 !== 7; // One in forty is no reason.
  await mesh.run(10_000);
  assertEquals(switchesOf(stage), {});
  one.sends = (number) => number % 5 !== 3;
  await mesh.run(6_000);
  assertEquals([roles(stage), switchesOf(stage)], [[two.id, one.id], { missing: 1 }]);
});

Deno.test("an operator switches at a key frame, to and fro", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two, nodes } = stage;
  const ask = async () => {
    const answer = await mesh.until(nodes[2].mesh.system.ref(STREAM, PATH).ask.switch());
    return answer.ok ? answer.value : answer.error;
  };
  for (const [round, now] of [[two, one], [one, two], [two, one]].entries()) {
    assertEquals(await ask(), "switched");
    assertEquals(roles(stage), now.map(({ id }) => id));
    await mesh.run(1_000);
    assertPlays(stage, round + 1, round + 1);
  }
  assertEquals([switchesOf(stage), stage.check.discontinuities], [{ asked: 3 }, 3]);
  one.close(true);
  await mesh.run(1_000);
  assertEquals(await ask(), "no-backup");
});

Deno.test("viewers at the nodes of both publishers see the one that is played", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { nodes } = stage;
  const watches = await Promise.all(nodes.map((node) => mesh.until(node.watch(PATH))));
  const checks = watches.map(({ core }) => new TimelineCheck(core));
  for (let round = 1; round <= 4; round++) {
    const answer = await mesh.until(nodes[2].mesh.system.ref(STREAM, PATH).ask.switch());
    assertEquals(answer, { ok: true, value: "switched" });
    await mesh.run(2_000);
    for (const [at, watch] of watches.entries()) {
      assertPlays({ ...stage, watch, check: checks[at] }, round, round);
    }
    const digests = nodes.map(({ hub }) => {
      const { log } = hub.get(NAME)!;
      const known = log.anchorAt(log.nextSeq)!;
      return `${known.generation} ${known.seq} ${JSON.stringify(log.lastMark)}`;
    });
    assertEquals(new Set(digests).size, 1, digests.join("\n"));
  }
});

Deno.test("a publisher that did not hear that it is the backup hears it of its next report", async () => {
  const stage = await onStage(0, 1);
  await using mesh = stage.mesh;
  const { one, two, nodes } = stage;
  const moved = nodes[0].mesh.system.ref(STREAM, PATH).ask.move({ to: "c" });
  assertEquals(await mesh.until(moved), { ok: true, value: "moved" });
  await mesh.run(1_500);
  mesh.network.part("c", "a"); // Nothing that the owner says reaches it.
  const asked = nodes[2].mesh.system.ref(STREAM, PATH).ask.switch();
  await mesh.run(800);
  assertEquals(owned(stage).publication?.publisher.ingestId, two.id);
  assertEquals(nodes.map(({ mesh }) => mesh.ingests.paired.backups), [0, 0, 0]);
  mesh.network.join("c", "a");
  assert((await mesh.until(asked)).ok);
  await mesh.run(4_000);
  assertEquals(roles(stage), [two.id, one.id]);
  assertEquals(nodes.map(({ mesh }) => mesh.ingests.paired.backups), [1, 0, 0]);
  assert(stage.watch.last >= mesh.frame - 2);
});

Deno.test("what a backup has kept goes out when it is played, not with its next frame", async () => {
  const stage = await onStage(2, 2);
  await using mesh = stage.mesh;
  const { one, two, watch } = stage;
  one.close(true);
  for (let frame = 0; frame <= GOP; frame++) {
    await mesh.run(FRAME_MS);
    if (watch.core.ingest?.publisher.ingestId === two.id) break;
  }
  assertEquals(watch.last, mesh.frame);
});

Deno.test("a backup of another configuration brings its own headers", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two, check } = stage;
  two.configure({ ...VIDEO, config: Uint8Array.of(9, 9), width: 128 });
  await mesh.run(1_000);
  one.close(true);
  await mesh.run(1_000);
  assertEquals([check.configs, check.discontinuities], [["0909"], 1]);
  assertPlays(stage, GOP);
});

Deno.test("a goodbye is that of one of two; the stream ends with the other's", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, two, watch } = stage;
  one.close(false);
  await mesh.run(1_000);
  assertEquals([roles(stage), switchesOf(stage)], [[two.id, undefined], { ended: 1 }]);
  assertPlays(stage, GOP);
  two.close(false);
  await mesh.run(1_000);
  assert(watch.core.ended);
});

Deno.test("a goodbye ends a stream whose backup sends nothing", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  stage.two.sends = () => false;
  await mesh.run(2_000);
  stage.one.close(false);
  await mesh.run(500);
  assert(stage.watch.core.ended);
});

Deno.test("a backup that leaves is no more; ending the stream ends both", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { two, one, nodes, watch } = stage;
  two.close(true);
  await mesh.run(500);
  assertEquals(roles(stage), [one.id, undefined]);
  assertEquals(nodes.map(({ mesh }) => mesh.ingests.paired.backups), [0, 0, 0]);
  const again = await publish(mesh, nodes[1]);
  await mesh.run(500);
  const end = nodes[2].mesh.system.ref(STREAM, PATH).ask.end({ reason: "asked" });
  assert((await mesh.until(end)).ok);
  await mesh.run(1_000);
  assertEquals([one.over, again.over, watch.core.ended], [true, true, true]);
});

Deno.test("the owner dies: both are with the next one, and the backup is still one", async () => {
  const mesh = new VirtualMesh();
  await using _mesh = mesh;
  const nodes = await mesh.add("a", "b", "c", "d");
  const one = await publish(mesh, nodes[0]);
  const two = await publish(mesh, nodes[1]);
  const watch = await mesh.until(nodes[3].watch(PATH));
  await mesh.run(1_000);
  const moved = nodes[0].mesh.system.ref(STREAM, PATH).ask.move({ to: "c" });
  assertEquals(await mesh.until(moved), { ok: true, value: "moved" });
  await mesh.run(1_500);
  assertEquals(nodes[0].hub.get(NAME)?.pair, undefined);
  const stage = { mesh, nodes, one, two, watch, check: new TimelineCheck(watch.core) };
  assertEquals(roles(stage), [one.id, two.id]);
  kill(stage, nodes[2]);
  stage.nodes.splice(2, 1);
  await mesh.run(5_000);
  assertEquals(roles(stage), [one.id, two.id]);
  assertPlays(stage, 0);
  one.close(true);
  await mesh.run(1_500);
  assertEquals(roles(stage), [two.id, undefined]);
  assertPlays(stage, GOP);
});

Deno.test("the node of the one that is played dies, which owns the stream: the backup is played", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { two, nodes } = stage;
  kill(stage, nodes[0]);
  stage.nodes.splice(0, 1);
  await mesh.run(5_000);
  assertEquals(roles(stage), [two.id, undefined]);
  assertPlays(stage, 2_000 / FRAME_MS);
});

Deno.test("the node of the backup dies: another publisher takes its place", async () => {
  const stage = await onStage();
  await using mesh = stage.mesh;
  const { one, nodes } = stage;
  kill(stage, nodes[1]);
  stage.nodes.splice(1, 1);
  await mesh.run(5_000);
  assertPlays(stage, 0);
  const other = await publish(mesh, nodes[1]);
  assertEquals(roles(stage), [one.id, other.id]);
});
