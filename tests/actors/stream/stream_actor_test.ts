// Goal: one publisher at a time; one that was lost is waited for, one that ended is not; viewers,
//   numbers and the timeline go on from one publisher to the next.
// Method: the real actor in a system on virtual time, publishers played by hand.
import { Flusher } from "../../../actors/stream/flusher.ts";
import { Ingest } from "../../../actors/stream/ingest.ts";
import { INGEST, IngestActor } from "../../../actors/stream/ingest_actor.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { StreamActor, type StreamPolicy } from "../../../actors/stream/stream_actor.ts";
import { STREAM } from "../../../actors/stream/stream_protocol.ts";
import type { Grant, StreamCore } from "../../../actors/stream/stream_core.ts";
import { StreamHub } from "../../../actors/stream/stream_hub.ts";
import { TIMELINE_START_US } from "../../../actors/stream/timeline_repair.ts";
import { ActorSystem } from "../../../actors/runtime/system.ts";
import { LoneWhereabouts, NO_UPSTREAM } from "../../support/lone_whereabouts.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const NAME = { app: "live", name: "a" };

function newWorld(policy: Partial<StreamPolicy> = {}) {
  const ports = new VirtualPorts();
  const flusher = new Flusher<StreamCore>({
    ...ports,
    window: 0,
    latenessMs: () => 0,
    failed: (_stream, error) => {
      throw error;
    },
  });
  const budget = new MediaBudget(1 << 30);
  const hub = new StreamHub({ budget, windowUs: 20_000_000, streamsMax: 100, flusher });
  const system = new ActorSystem(ports);
  const inForce: StreamPolicy = {
    hls: HLS_SETTINGS,
    logWindowUs: 20_000_000,
    holdMs: 30_000,
    takeover: false,
    ...policy,
  };
  const options = { hub, policyOf: () => inForce, upstream: NO_UPSTREAM };
  const whereabouts = new LoneWhereabouts("n", ports.clock);
  system.register(STREAM, () => new StreamActor("live/a", { ...options, whereabouts }));
  const kicked: string[] = [];
  const stream = system.ref(STREAM, "live/a");
  const publish = async (ingestId: string): Promise<Grant | string> => {
    const asked = stream.ask.publish({ ingestId, node: "n" });
    await ports.runUntilIdle();
    const answer = await asked;
    assert(answer.ok);
    if (!answer.value.ok) return answer.value.reason;
    system.spawn(INGEST, ingestId, new IngestActor(() => kicked.push(ingestId) * 0));
    return answer.value.grant;
  };
  const unpublish = async (ingestId: string, lost: boolean) => {
    stream.tell.unpublish({ ingestId, lost, nextSeq: 0 });
    await ports.runUntilIdle();
  };
  const state = async () => {
    const asked = stream.ask.describe(undefined);
    await ports.runUntilIdle();
    const answer = await asked;
    return answer.ok ? answer.value.state : answer.error;
  };
  /** Puts another policy in force. */
  const change = (change: Partial<StreamPolicy>) => void Object.assign(inForce, change);
  return { ports, hub, stream, publish, unpublish, state, kicked, change };
}

/** Publishes `frames` frames of 40 ms and audio between, with the source's clock at `sourceUs`. */
function send(core: StreamCore, grant: Grant, options: { frames: number; ports: VirtualPorts }) {
  const ingest = new Ingest(core, grant, options.ports);
  ingest.track(VIDEO);
  ingest.track(AUDIO);
  const data = new Uint8Array(10);
  for (let i = 0; i < options.frames; i++) {
    const common = { sourceUs: i * 40_000, compositionUs: 0, data };
    ingest.frame({ ...common, track: AUDIO, keyframe: true });
    ingest.frame({ ...common, track: VIDEO, keyframe: i % 25 === 2 });
    options.ports.advanceSync(40);
  }
  return ingest;
}

function framesOf(core: StreamCore): Frame[] {
  const frames: Frame[] = [];
  for (let seq = core.log.firstSeq; seq < core.log.nextSeq; seq++) {
    const record = core.log.at(seq)!;
    if (record.kind === "frame") frames.push(record);
  }
  return frames;
}

Deno.test("StreamActor lets one publisher in and tells the second that it is busy", async () => {
  const { publish, state } = newWorld();
  const grant = await publish("one") as Grant;
  assertEquals([grant.nextSeq, grant.startUs], [0, TIMELINE_START_US]);
  assertEquals(await publish("two"), "busy");
  assertEquals(await state(), "live");
});

Deno.test("StreamActor ends the stream of a publisher that says so", async () => {
  const { hub, publish, unpublish, state } = newWorld();
  await publish("one");
  const core = hub.get(NAME)!;
  await unpublish("other", false);
  assertEquals(await state(), "live");
  await unpublish("one", false);
  assert(core.ended);
  assertEquals(await state(), "idle");
});

Deno.test("StreamActor holds the stream of a publisher that was lost, for a time", async () => {
  const { ports, hub, publish, unpublish, state } = newWorld({ holdMs: 5_000 });
  await publish("one");
  const core = hub.get(NAME)!;
  await unpublish("one", true);
  assertEquals([await state(), core.live, core.ended], ["hold", true, false]);
  await ports.advance(4_999);
  assertEquals(await state(), "hold");
  await ports.advance(2);
  assertEquals([await state(), core.ended], ["idle", true]);
});

Deno.test("StreamActor continues numbers, marks and timeline when the publisher is back", async () => {
  const { ports, hub, publish, unpublish, state } = newWorld({ holdMs: 5_000 });
  const first = await publish("one") as Grant;
  const core = hub.get(NAME)!;
  send(core, first, { frames: 60, ports });
  const { nextSeq, newestDtsUs, lastMark } = core.log;
  await unpublish("one", true);
  await ports.advance(4_000);
  const second = await publish("two") as Grant;
  assert(second.generation > first.generation);
  assertEquals([second.nextSeq, second.startUs], [nextSeq, newestDtsUs + 40_000]);
  assertEquals(second.lastMark, lastMark);
  send(core, second, { frames: 60, ports });
  await ports.advance(10_000); // The old wait is over and must not end the new session.
  assertEquals(await state(), "live");

  const [audio, video] = ["audio", "video"].map((kind) =>
    framesOf(core).filter(({ track }) => track.kind === kind)
  );
  for (const frames of [audio, video]) {
    const steps = frames.slice(1).map(({ dtsUs }, i) => dtsUs - frames[i].dtsUs);
    assert(steps.every((step) => step > 0 && step <= 120_000), `steps ${steps}`);
  }
  // What came before the first key frame of a session is left out, audio too.
  assertEquals(video.filter(({ keyframe }) => keyframe).length, 6);
  assertEquals(core.counters.drops, 10);
});

Deno.test("StreamActor takes a publisher instead of one that has gone silent", async () => {
  const { ports, hub, publish, kicked } = newWorld();
  const grant = await publish("one") as Grant;
  send(hub.get(NAME)!, grant, { frames: 30, ports });
  assertEquals(await publish("two"), "busy");
  await ports.advance(1_100);
  assert(typeof await publish("two") === "object");
  await ports.runUntilIdle();
  assertEquals(kicked, ["one"]);
});

Deno.test("StreamActor with takeover lets the newer publisher win", async () => {
  const { ports, publish, unpublish, state, kicked } = newWorld({ takeover: true });
  await publish("one");
  assert(typeof await publish("two") === "object");
  await ports.runUntilIdle();
  assertEquals(kicked, ["one"]);
  await unpublish("one", true); // The loser's late goodbye changes nothing.
  assertEquals(await state(), "live");
});

Deno.test("StreamActor treats a session by the policy at its start, also when that changes", async () => {
  const { ports, hub, publish, unpublish, state, change } = newWorld({ holdMs: 5_000 });
  const first = await publish("p1");
  assert(typeof first !== "string");
  const hls = { ...HLS_SETTINGS, segmentUs: 4_000_000 };
  change({ holdMs: 0, hls, logWindowUs: 40_000_000 });
  assertEquals([first.hls, hub.get(NAME)!.log.windowUs], [HLS_SETTINGS, 20_000_000]);
  await unpublish("p1", true);
  await ports.advance(4_900);
  assertEquals(await state(), "hold"); // By the 5 s of its own start.

  const second = await publish("p2");
  assert(typeof second !== "string");
  assertEquals([second.hls, hub.get(NAME)!.log.windowUs], [hls, 40_000_000]);
  await unpublish("p2", true);
  assertEquals(await state(), "idle");
});

Deno.test("StreamActor asks the policy of the moment whether a newcomer takes over", async () => {
  const { publish, change } = newWorld();
  await publish("p1");
  assertEquals(await publish("p2"), "busy");
  change({ takeover: true });
  assert(typeof await publish("p3") !== "string");
});

Deno.test("StreamActor ends a held stream when told to", async () => {
  const { ports, hub, stream, publish, unpublish } = newWorld();
  await publish("one");
  const core = hub.get(NAME)!;
  await unpublish("one", true);
  const asked = stream.ask.end({ reason: "test" });
  await ports.runUntilIdle();
  assertEquals([await asked, core.ended], [{ ok: true, value: true }, true]);
  const again = stream.ask.end({ reason: "test" });
  await ports.runUntilIdle();
  assertEquals(await again, { ok: true, value: false });
});
