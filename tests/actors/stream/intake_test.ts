// Goal: a backup keeps what it sent since its newest key frame and nothing more, within its bounds
//   and the node's budget, and brings that when it is played, on the stream's timeline.
import {
  BACKUP_BYTES_MAX,
  BACKUP_ITEMS_MAX,
  BackupLog,
} from "../../../actors/stream/backup_log.ts";
import { Flusher } from "../../../actors/stream/flusher.ts";
import { Intake } from "../../../actors/stream/intake.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { type Grant, StreamCore } from "../../../actors/stream/stream_core.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const FRAME_MS = 40;
const META = new TextEncoder().encode("meta");

function newWorld(limitBytes = 1 << 28) {
  const ports = new VirtualPorts();
  const budget = new MediaBudget(limitBytes);
  const flusher = new Flusher<StreamCore>({
    ...{ clock: ports.clock, timers: ports.timers, window: 0, latenessMs: () => 0 },
    failed(_stream, error) {
      throw error;
    },
  });
  const name = { app: "live", name: "a" };
  const core = new StreamCore(name, { budget, windowUs: 20_000_000, flusher });
  const intake = new Intake(budget, ports);
  let number = 0;
  /** Sends pictures with a key frame each ten, from a clock that began long ago. */
  const send = (frames: number, bytes = 100) => {
    for (let i = 0; i < frames; i++, number++) {
      const sourceUs = 500_000_000 + number * FRAME_MS * 1_000;
      const data = new Uint8Array(bytes);
      data[0] = number;
      const keyframe = number % 10 === 0;
      intake.frame({ track: VIDEO, sourceUs, compositionUs: 0, keyframe, data });
      intake.frame({ track: AUDIO, sourceUs, compositionUs: 0, keyframe: true, data });
      ports.advanceSync(FRAME_MS);
    }
  };
  const frames = () => {
    const { log } = core;
    return Array.from({ length: log.nextSeq - log.firstSeq }, (_, i) => log.at(log.firstSeq + i)!)
      .filter((record): record is Frame => record.kind === "frame");
  };
  return { ports, budget, core, intake, send, frames };
}

function grantOf(generation = 1): Grant {
  const times = { nextSeq: 0, startUs: 7_000_000, afterUs: 6_960_000 };
  return { epoch: 1, generation, hls: HLS_SETTINGS, ...times };
}

function videoNumbers(frames: readonly Frame[]): number[] {
  return frames.filter(({ track }) => track.kind === "video").map(({ data }) => data[0]);
}

Deno.test("Intake keeps a backup's frames from its newest key frame on, in the budget", () => {
  const { intake, send, core, budget, frames } = newWorld();
  intake.track(VIDEO);
  intake.track(AUDIO);
  intake.data("script", "onMetaData", META);
  send(24);
  assertEquals([core.log.nextSeq, budget.usedBytes], [0, 8 * (256 + 100)]);
  intake.goLive(core, grantOf(), -Infinity);
  assertEquals(videoNumbers(frames()), [20, 21, 22, 23]);
  assertEquals(frames()[0].dtsUs, 7_000_000);
  assertEquals(core.log.head.tracks, [VIDEO, AUDIO]);
  assertEquals(core.log.head.data.map(({ payload }) => payload), [META]);
  assertEquals(budget.usedBytes, core.log.bytes);
  send(3);
  assertEquals(videoNumbers(frames()), [20, 21, 22, 23, 24, 25, 26]);
  const times = frames().filter(({ track }) => track.kind === "video").map(({ dtsUs }) => dtsUs);
  assert(times.every((dtsUs, i) => dtsUs === 7_000_000 + i * FRAME_MS * 1_000), `${times}`);
  assertEquals(core.repairs.early, 0);
});

Deno.test("Intake waits for the next key frame when what it has was seen already", () => {
  const { intake, send, core, frames, ports } = newWorld();
  intake.track(VIDEO);
  intake.track(AUDIO);
  send(24);
  intake.goLive(core, grantOf(), ports.clock.nowMs());
  assertEquals([frames(), core.log.head.tracks.length], [[], 2]);
  send(8);
  assertEquals(videoNumbers(frames()), [30, 31]);
  assertEquals(core.counters.drops, 0);
});

Deno.test("Intake is ready with a key frame that came after the other's last picture", () => {
  const { intake, send, core, frames } = newWorld();
  intake.track(VIDEO);
  intake.track(AUDIO);
  send(24);
  let asked = 0;
  intake.arm(100, () => asked++);
  assertEquals(asked, 0, "its key frame is 160 ms old");
  send(6);
  assertEquals(asked, 0);
  send(1);
  assertEquals(asked, 1);
  intake.goLive(core, grantOf(), -Infinity);
  assertEquals(videoNumbers(frames()), [30]);
  intake.standBy();
  send(14);
  assertEquals(videoNumbers(frames()), [30]);
  intake.arm(400, () => asked++);
  assertEquals(asked, 2, "its key frame is 200 ms old");
  intake.revoke();
  intake.arm(400, () => asked++);
  assertEquals(asked, 2);
});

Deno.test("Intake takes sound without pictures from where it is", () => {
  const { intake, core, budget, frames, ports } = newWorld();
  intake.track(AUDIO);
  const data = new Uint8Array(10);
  for (let i = 0; i < 50; i++) {
    intake.frame({ track: AUDIO, sourceUs: i * 20_000, compositionUs: 0, keyframe: true, data });
    ports.advanceSync(20);
  }
  assertEquals(budget.usedBytes, 266);
  intake.goLive(core, grantOf(), -Infinity);
  assertEquals(frames().length, 1);
});

Deno.test("Intake gives its memory back when its publisher leaves", () => {
  const { intake, send, budget } = newWorld();
  intake.track(VIDEO);
  send(15);
  assert(budget.usedBytes > 0);
  intake.revoke();
  send(15);
  assertEquals(budget.usedBytes, 0);
});

Deno.test("BackupLog forgets what is beyond its bounds and begins with the next key frame", () => {
  const budget = new MediaBudget(1 << 28);
  const log = new BackupLog(budget);
  const item = (bytes: number) => {
    const data = new Uint8Array(bytes);
    const frame = { track: VIDEO, sourceUs: 0, compositionUs: 0, keyframe: false, data };
    return { kind: "frame", frame } as const;
  };
  log.push(item(1));
  assertEquals(log.items.length, 0, "before a key frame");
  log.begin([VIDEO], 5);
  for (let i = 0; i < BACKUP_ITEMS_MAX; i++) log.push(item(1));
  assertEquals([log.items.length, log.keyframeAtMs], [BACKUP_ITEMS_MAX, 5]);
  log.push(item(1));
  assertEquals([log.items.length, log.keyframeAtMs, budget.usedBytes], [0, undefined, 0]);
  log.begin([VIDEO], 6);
  log.push(item(BACKUP_BYTES_MAX - 300));
  log.push(item(1_000));
  assertEquals([log.items.length, budget.usedBytes], [0, 0]);
  log.begin([VIDEO], 7);
  budget.take(budget.limitBytes + 1);
  log.push(item(1));
  assertEquals([log.items.length, log.keyframeAtMs], [0, undefined]);
  log.begin([VIDEO], 8);
  assertEquals(log.keyframeAtMs, undefined);
});
