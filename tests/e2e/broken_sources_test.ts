// Goal: whatever a publisher's encoder does wrong, what comes out rises strictly, keeps audio and
// video together, is bit-exact, and plays.
// Method: a table of broken sources, published in real time, some side by side. The tests' own viewer
// compares every frame with the source; ffmpeg plays FLV and HLS and must have nothing to complain
// about. `broken_browser_test.ts` plays them in Chromium.
import { assert, assertEquals } from "../support/assert.ts";
import {
  BROKEN_SOURCES,
  brokenMessages,
  type BrokenSource,
  sendInTime,
  type SourceMessage,
} from "../support/broken_sources.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { Child, delay, eventually } from "../support/processes.ts";
import { AUDIO, contentOf, DATA, type MediaMessage, VIDEO } from "../support/wire/media_message.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { openViewer } from "../support/wire/viewer.ts";

/** A frame as it came. */
interface Got {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly presentMs: number;
  readonly digest: string;
}

interface Outcome {
  readonly sent: readonly SourceMessage[];
  readonly got: readonly Got[];
  readonly ended: string;
  /** What ffmpeg had to say, by format. */
  readonly complaints: Readonly<Record<string, string>>;
  readonly repairs: Readonly<Record<string, number>>;
}

/** What ffmpeg says when a body without a length is over. */
const ENDED = /Stream ends prematurely|Last message repeated|\.flv: Input\/output error/;

/** Sources at a time: each has two ffmpeg beside it, which all want to start at once. */
const SOURCES_AT_A_TIME = 6;

/** Longest a source may take, ffmpeg's start and end on a busy machine included. */
const SOURCE_MS_MAX = 90_000;

let node: TestNode;
let outcomes: Map<string, Promise<Outcome>>;

Deno.test.beforeAll(async () => {
  node = await startTestNode({ args: ["--play-wait", "2m"] });
  outcomes = new Map();
  const free: Promise<unknown>[] = Array.from({ length: SOURCES_AT_A_TIME }, () => delay(0));
  BROKEN_SOURCES.forEach((source, at) => {
    const lane = at % SOURCES_AT_A_TIME;
    const outcome = free[lane].then(() => run(source));
    outcomes.set(source.name, outcome);
    free[lane] = outcome.catch(() => {}); // Each test awaits its own.
  });
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

for (const source of BROKEN_SOURCES) {
  Deno.test(endToEnd(`${source.name}: rises, in step, bit-exact, plays`, {
    needs: ["ffmpeg"],
    timeoutMs: SOURCE_MS_MAX,
  }, async () => {
    const { sent, got, ended, complaints, repairs } = await outcomes.get(source.name)!;
    assertEquals(ended, "end of stream");
    assertRises(got);
    const sentDigests = await Promise.all(
      sent.filter(isFrame).map(({ body, typeId }) =>
        digestOf(contentOf({ typeId, timestampMs: 0, body }).payload)
      ),
    );
    const kinds = new Set(sent.filter(isFrame).map(({ typeId }) => typeId));
    // Audio in front of the first key frame is left out; whether a second track will come is
    // waited for, for a second.
    const leadMax = kinds.size === 1 ? 50 : 3;
    for (const kind of kinds) {
      const frames = sent.filter(isFrame);
      const wanted = sentDigests.filter((_, at) => frames[at].typeId === kind);
      const there = got.filter(({ typeId }) => typeId === kind).map(({ digest }) => digest);
      const lead = wanted.length - there.length;
      assert(lead >= 0 && lead <= leadMax, `${lead} of ${wanted.length} frames are missing`);
      assertEquals(there, wanted.slice(lead));
    }
    const skew = largestSkew(sent.filter(isFrame), got);
    assert(skew <= (source.skewMs ?? 1), `skew changes by ${skew} ms`);
    assertEquals(complaints, { flv: "", hls: "" });
    assertEquals(Object.keys(repairs).sort(), [...source.repairs].sort(), JSON.stringify(repairs));
  }));
}

/** Publishes a source to viewers that wait for it. */
async function run(source: BrokenSource): Promise<Outcome> {
  const path = `live/${source.name}`;
  const sent = await brokenMessages(source);
  const pending: Promise<Got>[] = [];
  const viewer = await openViewer({
    protocol: "http-flv",
    address: node.address("http"),
    path,
    onMessage: (message) => keep(message, pending),
  });
  const flv = watch(node.httpUrl(`${path}.flv`));
  await eventually("ffmpeg waits", async () => (await sessionsOf(path)) >= 2, SOURCE_MS_MAX);
  await using publisher = await Publisher.open(node.address("rtmp"), path);
  assertEquals(publisher.code, "NetStream.Publish.Start");
  const sending = sendInTime(publisher, sent);
  await delay(3_500);
  const hls = watch(node.httpUrl(`${path}.m3u8?container=ts`));
  await sending;
  await Promise.race([hls.frames, hls.complaints]); // One that starts late shall see the end, too.
  const repairs = repairsOf(path);
  await publisher.end();
  const ended = await viewer.ended;
  const complaints = { flv: await flv.complaints, hls: await hls.complaints };
  return { sent, got: await Promise.all(pending), ended, complaints, repairs };
}

function keep(message: MediaMessage, pending: Promise<Got>[]): void {
  if (message.typeId === DATA) return;
  const { kind, compositionMs, payload } = contentOf(message);
  if (kind !== "frame") return;
  const { typeId, timestampMs } = message;
  const presentMs = timestampMs + compositionMs;
  const copy = payload.slice();
  pending.push(digestOf(copy).then((digest) => ({ typeId, timestampMs, presentMs, digest })));
}

function isFrame({ typeId, body }: SourceMessage): boolean {
  return typeId !== DATA && contentOf({ typeId, timestampMs: 0, body }).kind === "frame";
}

function assertRises(got: readonly Got[]): void {
  for (const kind of [VIDEO, AUDIO]) {
    const times = got.filter(({ typeId }) => typeId === kind).map(({ timestampMs }) => timestampMs);
    const fall = times.findIndex((ms, at) => at > 0 && ms <= times[at - 1]);
    assert(fall < 0, `${kind}: ${times.slice(Math.max(0, fall - 3), fall + 3)} at ${fall}`);
  }
}

/**
 * How far audio and video moved against each other: the offset of each video frame from its true
 * time, less that of the audio sent nearest to it.
 */
function largestSkew(sent: readonly SourceMessage[], got: readonly Got[]): number {
  const offsets = (kind: number) => {
    const out = got.filter(({ typeId }) => typeId === kind);
    const source = sent.filter(({ typeId }) => typeId === kind).slice(-out.length || undefined);
    return out.map(({ presentMs }, at) => ({
      atMs: source[at].atMs,
      offsetMs: presentMs - source[at].presentMs,
    }));
  };
  const [video, audio] = [offsets(VIDEO), offsets(AUDIO)];
  if (video.length === 0 || audio.length === 0) return 0;
  let least = Infinity;
  let most = -Infinity;
  let near = 0;
  for (const { atMs, offsetMs } of video) {
    while (near + 1 < audio.length && audio[near + 1].atMs <= atMs) near++;
    // Around a jump the nearest audio may be of before or after it.
    const skews = audio.slice(Math.max(0, near - 3), near + 4).map((a) => offsetMs - a.offsetMs);
    const skew = skews.reduce((a, b) => Math.abs(a) < Math.abs(b) ? a : b);
    least = Math.min(least, skew);
    most = Math.max(most, skew);
  }
  return most - least;
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const copy = new Uint8Array(bytes);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", copy)).toHex().slice(0, 16);
}

/** ffmpeg as it copies a stream to its end. */
interface Watch {
  /** Fulfilled when the first frame is there. */
  readonly frames: Promise<void>;
  /** What it had to say. */
  readonly complaints: Promise<string>;
}

function watch(url: string): Watch {
  const { promise: frames, resolve } = Promise.withResolvers<void>();
  const child = new Child("ffmpeg", [
    ...["-nostdin", "-v", "warning", "-rw_timeout", String(SOURCE_MS_MAX * 1_000), "-i", url],
    ...["-map", "0", "-c", "copy", "-copyinkf", "-flush_packets", "1", "-f", "framemd5", "pipe:1"],
  ], {
    timeoutMs: SOURCE_MS_MAX,
    onLine: (line) => {
      if (!line.startsWith("#")) resolve();
    },
  });
  const complaints = child.ended.then(({ code, stderr }) => {
    // A body without a length that ends is what ffmpeg warns of here, not what is in it.
    const lines = stderr.split("\n").filter((line) => line !== "" && !ENDED.test(line));
    return code === 0 ? lines.join("\n") : `exit code ${code}: ${stderr}`;
  });
  return { frames, complaints };
}

async function sessionsOf(path: string): Promise<number> {
  const { items } = await node.api<{ items: { app: string; name: string }[] }>(
    "sessions?limit=500",
  );
  return items.filter(({ app, name }) => `${app}/${name}` === path).length;
}

/** Repairs of a stream by kind, from the log. */
function repairsOf(path: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const line of node.logs()) {
    if (line.message !== "timestamps repaired" || line.stream !== path) continue;
    for (const kind of ["backward", "forward", "lifted", "reordered", "early"]) {
      if (typeof line[kind] === "number") sums[kind] = (sums[kind] ?? 0) + (line[kind] as number);
    }
  }
  return sums;
}
