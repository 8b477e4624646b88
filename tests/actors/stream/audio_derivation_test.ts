// Goal: AAC of G.711 is announced at once, made while somebody needs it, and in the log at its time;
// HLS begins where it is there.
// Method: an ingest with a transcoder of the test's, on a virtual clock; its log is read by HLS.
import { isDerivable } from "../../../actors/stream/audio_derivation.ts";
import { HlsFeed } from "../../../actors/stream/hls_feed.ts";
import { Flusher } from "../../../actors/stream/flusher.ts";
import { Ingest } from "../../../actors/stream/ingest.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { StreamCore } from "../../../actors/stream/stream_core.ts";
import type { AacFrames, Transcoder } from "../../../actors/stream/transcoder.ts";
import { HLS_CONTAINERS } from "../../../protocols/hls/container_writers.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import { isDerived } from "../../../protocols/media/derived_audio.ts";
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { type AudioTrack, DERIVED_AUDIO_INDEX } from "../../../protocols/media/track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const G711: AudioTrack = { ...AUDIO, codec: "g711a", config: new Uint8Array(0), channels: 1 };
const PCMA: AudioTrack = { ...G711, sampleRate: 8_000 };

/** Gives each frame back at once. */
class EchoTranscoder implements Transcoder {
  open_ = 0;
  encoded: (frames: AacFrames) => void = () => {};

  open(_source: AudioTrack, encoded: (frames: AacFrames) => void) {
    this.open_++;
    this.encoded = encoded;
    return {
      push: (ptsUs: number, data: Uint8Array) => encoded([{ ptsUs, data }]),
      close: () => void this.open_--,
    };
  }
}

function setUp() {
  const ports = new VirtualPorts();
  const budget = new MediaBudget(1 << 30);
  const flusher = new Flusher<StreamCore>({
    ...ports,
    window: 20,
    latenessMs: () => 0,
    failed: (_stream, error) => {
      throw error;
    },
  });
  const core = new StreamCore({ app: "live", name: "a" }, {
    budget,
    windowUs: 60_000_000,
    flusher,
  });
  const transcoder = new EchoTranscoder();
  const grant = { epoch: 1, generation: 1, nextSeq: 0, startUs: 0, afterUs: -1 };
  const ingest = new Ingest(core, { ...grant, hls: HLS_SETTINGS }, {
    clock: ports.clock,
    transcoder,
  });
  return { ports, core, transcoder, ingest, budget };
}

type Rig = ReturnType<typeof setUp>;

/** Some seconds of both tracks, ten frames a second of each. */
function publish({ ingest, ports }: Rig, fromSecond: number, seconds: number): void {
  for (let count = fromSecond * 10; count < (fromSecond + seconds) * 10; count++) {
    const frame = { sourceUs: count * 100_000, compositionUs: 0, data: Uint8Array.of(count) };
    ingest.frame({ ...frame, track: VIDEO, keyframe: count % 10 === 0 });
    ingest.frame({ ...frame, track: PCMA, keyframe: true });
    ports.advanceSync(100);
  }
}

function records({ core: { log } }: Rig): LogRecord[] {
  return Array.from({ length: log.nextSeq - log.firstSeq }, (_, at) => log.at(log.firstSeq + at)!);
}

function derivedFrames(rig: Rig): Frame[] {
  return records(rig).filter((record): record is Frame =>
    record.kind === "frame" && isDerived(record.track)
  );
}

Deno.test("isDerivable() takes G.711 and G.726 of the default track at rates of AAC", () => {
  assert(isDerivable(PCMA) && isDerivable({ ...PCMA, codec: "g726" }));
  const others = [AUDIO, VIDEO, { ...PCMA, index: 1 }, { ...PCMA, sampleRate: 9_000 }];
  assertEquals([...others, { ...PCMA, channels: 3 }].filter(isDerivable), []);
});

Deno.test("Ingest.track() announces what will be made of a track, behind the track itself", () => {
  const rig = setUp();
  rig.ingest.track(PCMA);
  const config = Uint8Array.of(0x15, 0x88); // AAC-LC, 8 kHz, one channel (14496-3, 1.6.2.1).
  const derived = { ...PCMA, codec: "aac", index: DERIVED_AUDIO_INDEX, config };
  assertEquals(rig.core.log.head.tracks, [{ ...PCMA, replaced: true }, derived as AudioTrack]);
});

Deno.test("Ingest.frame() has AAC made while somebody needs it, and 30 s longer", () => {
  const rig = setUp();
  rig.ingest.track(VIDEO);
  rig.ingest.track(PCMA);
  publish(rig, 0, 1);
  assertEquals([rig.transcoder.open_, derivedFrames(rig).length], [0, 0]);
  rig.core.derivation!.need();
  publish(rig, 1, 1);
  assertEquals(
    derivedFrames(rig).map(({ dtsUs, ptsUs }) => [dtsUs, ptsUs]),
    Array.from({ length: 10 }, (_, at) => [1e6 + at * 1e5, 1e6 + at * 1e5]),
  );
  publish(rig, 2, 30);
  assertEquals(rig.transcoder.open_, 0);
});

Deno.test("Ingest.revoke() ends what is made, and nothing that comes late is appended", () => {
  const rig = setUp();
  rig.ingest.track(PCMA);
  rig.core.derivation!.need();
  publish(rig, 0, 1);
  const { nextSeq } = rig.core.log;
  rig.ingest.revoke();
  rig.transcoder.encoded([{ ptsUs: 90e6, data: Uint8Array.of(1) }]);
  assertEquals([rig.transcoder.open_, rig.core.log.nextSeq], [0, nextSeq]);
  assertEquals(rig.core.derivation, undefined);
});

Deno.test("HlsFeed begins at the first segment that has the sound", () => {
  const rig = setUp();
  rig.ingest.track(VIDEO);
  rig.ingest.track(PCMA);
  publish(rig, 0, 5);
  const feed = new HlsFeed(rig.core, { containers: HLS_CONTAINERS, budget: rig.budget });
  assertEquals([feed.segmenter.open, feed.segmenter.hasSegment], [undefined, false]);
  rig.core.derivation!.need();
  publish(rig, 5, 7);
  feed.advance();
  const [first] = feed.segmenter.listed;
  assertEquals(first.startUs, 6e6);
  const codecs = first.frames.map(({ track }) => track.codec);
  assertEquals([codecs.includes("aac"), codecs.includes("g711a")], [true, false]);
  // Who comes later finds the same, as the sound is still made.
  const second = new HlsFeed(rig.core, { containers: HLS_CONTAINERS, budget: rig.budget });
  assertEquals(second.segmenter.listed.map(({ number }) => number), [
    ...feed.segmenter.listed.map(({ number }) => number),
  ]);
});

Deno.test("HlsFeed does without sound that does not come", () => {
  const rig = setUp();
  rig.ingest.track(VIDEO);
  rig.ingest.track(PCMA);
  publish(rig, 0, 5);
  const feed = new HlsFeed(rig.core, { containers: HLS_CONTAINERS, budget: rig.budget });
  publish(rig, 5, 6);
  feed.advance();
  assertEquals(feed.segmenter.listed[0].startUs, 0);
});
