// Goal: a worker that dies, hangs or is slow costs sound for a while, and nothing else.
// Method: the node's side with a worker of the test's; then with the real one, which must give all
// frames back at their times.
import { AacTranscoder } from "../../../actors/transcode/aac_transcoder.ts";
import type { TranscodeRequest } from "../../../actors/transcode/messages.ts";
import type { AacFrames } from "../../../actors/stream/transcoder.ts";
import type { AudioTrack } from "../../../protocols/media/track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { eventually } from "../../support/processes.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const SOURCE: AudioTrack = {
  ...{ kind: "audio", codec: "g711a", index: 0, config: new Uint8Array(0) },
  ...{ sampleRate: 8_000, channels: 1 },
};

/** 20 ms of A-law silence. */
const SILENCE = new Uint8Array(160).fill(0xd5);

class FakeWorker {
  onmessage: (event: { data: unknown }) => void = () => {};
  onerror: (event: { message: string; preventDefault(): void }) => void = () => {};
  readonly requests: TranscodeRequest[] = [];
  terminated = false;

  postMessage(request: TranscodeRequest): void {
    this.requests.push(request);
  }

  terminate(): void {
    this.terminated = true;
  }

  answer(id: number, frames: AacFrames = []): void {
    this.onmessage({ data: { kind: "done", id, frames } });
  }

  kinds(): string[] {
    return this.requests.map(({ kind }) => kind);
  }
}

function setUp() {
  const ports = new VirtualPorts();
  const workers: FakeWorker[] = [];
  const start = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  };
  const transcoder = new AacTranscoder({ clock: ports.clock, log: ports.log, start });
  return { ports, workers, transcoder };
}

Deno.test("AacTranscoder hands frames to the worker and what comes back to the track", () => {
  const { workers, transcoder } = setUp();
  const got: AacFrames[] = [];
  const one = transcoder.open(SOURCE, (frames) => got.push(frames));
  assertEquals(workers.length, 0);
  const buffer = new Uint8Array(1_000);
  one.push(5, buffer.subarray(10, 170));
  assertEquals(workers[0].kinds(), ["open", "frame"]);
  const [, frame] = workers[0].requests;
  assert(frame.kind === "frame" && frame.data.buffer.byteLength === 160);
  workers[0].answer(0, [{ ptsUs: 5, data: Uint8Array.of(1) }]);
  workers[0].answer(0);
  one.close();
  workers[0].answer(0, [{ ptsUs: 6, data: Uint8Array.of(2) }]);
  assertEquals(got, [[{ ptsUs: 5, data: Uint8Array.of(1) }]]);
  assertEquals(workers[0].kinds(), ["open", "frame", "close"]);
});

Deno.test("AacTranscoder leaves out what a slow worker cannot take, and kills one that hangs", () => {
  const { ports, workers, transcoder } = setUp();
  const track = transcoder.open(SOURCE, () => {});
  for (let count = 0; count < 300; count++) track.push(count, SILENCE);
  assertEquals([workers[0].requests.length, transcoder.dropped], [251, 50]);
  ports.advanceSync(20_001);
  track.push(300, SILENCE);
  assertEquals([workers.length, workers[0].terminated], [1, true]);
});

Deno.test("AacTranscoder starts a dead worker again after a while, and tells it the tracks anew", () => {
  const { ports, workers, transcoder } = setUp();
  const track = transcoder.open(SOURCE, () => {});
  track.push(0, SILENCE);
  let prevented = false;
  workers[0].onerror({ message: "out of memory", preventDefault: () => prevented = true });
  assert(prevented && workers[0].terminated);
  track.push(1, SILENCE);
  assertEquals(workers.length, 1);
  ports.advanceSync(1_000);
  track.push(2, SILENCE);
  assertEquals(workers[1].kinds(), ["open", "frame"]);
});

Deno.test("AacTranscoder gives up a track that its worker refuses", () => {
  const { workers, transcoder } = setUp();
  const track = transcoder.open(SOURCE, () => {});
  track.push(0, SILENCE);
  workers[0].onmessage({ data: { kind: "failed", id: 0, reason: "no" } });
  track.push(1, SILENCE);
  assertEquals(workers[0].kinds(), ["open", "frame"]);
});

Deno.test("AacTranscoder's worker gives each track its frames at their times, one after another", async () => {
  const { ports } = setUp();
  const transcoder = new AacTranscoder({ clock: ports.clock, log: ports.log });
  try {
    for (const startUs of [10_000_000, 50_000_000]) {
      const sources = [SOURCE, { ...SOURCE, codec: "g711u", sampleRate: 16_000, channels: 2 }];
      await Promise.all(sources.map(async (source) => {
        const got: AacFrames[number][] = [];
        const track = transcoder.open(source as AudioTrack, (frames) => got.push(...frames));
        for (let count = 0; count < 50; count++) {
          const data = new Uint8Array(source.sampleRate / 50 * source.channels).fill(0xd5);
          track.push(startUs + count * 20_000, data);
        }
        const unitUs = 1_024 / source.sampleRate * 1e6;
        // The encoder keeps what fills no unit and two units more; the newest come at the next push.
        const units = Math.floor(1e6 / unitUs) - 4;
        await eventually("the units", () => got.length >= units);
        track.close();
        assertEquals(
          got.slice(0, units).map(({ ptsUs }) => ptsUs),
          Array.from({ length: units }, (_, unit) => startUs + unit * unitUs),
        );
        assert(got.every(({ data }) => data.length > 0 && data.length < 1_000));
      }));
    }
  } finally {
    transcoder.stop();
  }
});
