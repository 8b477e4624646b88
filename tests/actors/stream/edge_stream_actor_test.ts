// Goal: those who look for a stream of another node are answered when it is known whether it is
//   live, whoever else looks for it meanwhile, and it is subscribed to once.
// Method: the real actor on virtual time; the other node's answers are given by hand.
import { EDGE_STREAM, EdgeStreamActor } from "../../../actors/stream/edge_stream_actor.ts";
import { Flusher } from "../../../actors/stream/flusher.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import type { StreamCore } from "../../../actors/stream/stream_core.ts";
import { StreamHub } from "../../../actors/stream/stream_hub.ts";
import type { SessionState, StreamOwner, UpstreamSink } from "../../../actors/stream/upstream.ts";
import { ActorSystem } from "../../../actors/runtime/system.ts";
import { assertEquals } from "../../support/assert.ts";
import { LoneWhereabouts } from "../../support/lone_whereabouts.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const STATE: SessionState = {
  ...{ state: "live", epoch: 5, generation: 1, owner: "other", ingest: "other" },
  ...{ startedAtMs: 1, replicas: [] },
};

const START = { seq: 0, head: { tracks: [], data: [] }, anchor: undefined, lastMark: undefined };

/** Another node owns everything. */
class Elsewhere extends LoneWhereabouts {
  override resolve(): Promise<StreamOwner | undefined> {
    return Promise.resolve({ node: "other", epoch: 5 });
  }
}

function newWorld() {
  const ports = new VirtualPorts();
  const failed = (_stream: StreamCore, error: unknown) => {
    throw error;
  };
  const flusher = new Flusher<StreamCore>({ ...ports, window: 0, latenessMs: () => 0, failed });
  const budget = new MediaBudget(1 << 30);
  const hub = new StreamHub({ budget, windowUs: 20_000_000, streamsMax: 100, flusher });
  const system = new ActorSystem(ports);
  const sinks: UpstreamSink[] = [];
  const upstream = {
    open: ({ node, sink }: { node: string; sink: UpstreamSink }) => {
      sinks.push(sink);
      return { node, close() {} };
    },
  };
  const whereabouts = new Elsewhere("n", ports.clock);
  const options = { hub, upstream, whereabouts, holdMsOf: () => 1_000 };
  system.register(EDGE_STREAM, (key) => new EdgeStreamActor(key, options));
  const answers: unknown[] = [];
  const find = async () => {
    system.ref(EDGE_STREAM, "live/a").ask.find(undefined)
      .then((answer) => answers.push(answer.ok ? answer.value : answer.error));
    await ports.runUntilIdle();
  };
  return { ports, sinks, find, answers };
}

Deno.test("EdgeStreamActor.find() answers all who ask when the owner has said what there is", async () => {
  const { ports, sinks, find, answers } = newWorld();
  await find();
  await find(); // The subscription is there, and nothing was heard of it.
  assertEquals([sinks.length, answers], [1, []]);
  sinks[0].started(START, 0);
  sinks[0].state(STATE);
  await ports.runUntilIdle();
  assertEquals(answers, [true, true]);
  await find();
  assertEquals([sinks.length, answers], [1, [true, true, true]]);
});

Deno.test("EdgeStreamActor.find() says no when the owner says nothing", async () => {
  const { ports, sinks, find, answers } = newWorld();
  await find();
  await ports.advance(1_900);
  assertEquals([sinks.length, answers], [1, []]);
  await ports.advance(200);
  assertEquals(answers, [false]);
});
