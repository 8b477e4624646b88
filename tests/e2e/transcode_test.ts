// Goal: what cameras send as G.711 or G.726 is heard by everybody: as AAC, in time with the picture,
// on every node; RTSP players get it as it was sent.
// Method: ffmpeg pushes pictures whose key frames come at full seconds, each with a tone of 100 ms
// that begins with it. Clients of each way out, on the publisher's node and on another one, keep
// what they get; where the tones begin in it is measured against its key frames.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { untilLive } from "../support/mesh_api.ts";
import { Child, delay, runTool } from "../support/processes.ts";

/** How long the publisher sends, and when clients join and how much they keep, in seconds. */
const PUBLISH_SECONDS = 14;
const JOIN_SECONDS = 1;
const KEEP_SECONDS = 5;

/** Longest that ffmpeg may take, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** How far a tone may be from its key frame, in milliseconds. */
const OFFSET_MS_MAX = 5;

/** Loudness of 100 ms of a sine of half the scale in each second, and how far it may be off. */
const RMS = 32_768 * 0.5 / Math.SQRT2 * Math.sqrt(0.1);
const RMS_SHARE_MAX = 0.2;

/** A sample above this is of a tone; they begin after this many below. */
const TONE_LEVEL = 3_000;
const QUIET_SAMPLES = 2_000;

const SAMPLE_RATE = 8_000;

const SOURCES = {
  "PCMA": { codec: ["pcm_alaw"], plays: "pcm_alaw" },
  "PCMU": { codec: ["pcm_mulaw"], plays: "pcm_mulaw" },
  "G.726": { codec: ["g726", "-b:a", "32k"], plays: "adpcm_g726" },
} as const;

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

function publishTones(url: string, codec: readonly string[]): Child {
  const tone = "0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1)";
  return new Child("ffmpeg", [
    ...["-nostdin", "-v", "error", "-re"],
    ...["-f", "lavfi", "-i", `testsrc2=size=320x180:rate=25:duration=${PUBLISH_SECONDS}`],
    ...["-f", "lavfi", "-i", `aevalsrc=${tone}:s=${SAMPLE_RATE}:d=${PUBLISH_SECONDS}`],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p"],
    ...["-c:a", ...codec, "-ac", "1", "-f", "rtsp", "-rtsp_transport", "tcp", url],
  ], { timeoutMs: TIMEOUT_MS });
}

/** What a client got: its audio codec, and how its tones are. */
interface Heard {
  readonly codec: string;
  /** Of each tone against the key frames, in milliseconds; the first one may be cut. */
  readonly offsetsMs: readonly number[];
  readonly rms: number;
}

async function listen(url: string): Promise<Heard> {
  const file = await Deno.makeTempFile({ prefix: "headwater-tones-", suffix: ".mkv" });
  try {
    const transport = url.startsWith("rtsp:") ? ["-rtsp_transport", "tcp"] : [];
    await runTool("ffmpeg", [
      ...["-nostdin", "-v", "error", "-y", ...transport, "-i", url, "-t", `${KEEP_SECONDS}`],
      ...["-c", "copy", file],
    ], { timeoutMs: TIMEOUT_MS });
    const [keyframes, [first], codec] = await Promise.all([
      times(file, "v", true),
      times(file, "a", false),
      probe(file, "a", "stream=codec_name"),
    ]);
    return { codec: codec.trim(), ...measure(await pcm(file), first, keyframes) };
  } finally {
    await Deno.remove(file);
  }
}

function probe(file: string, kind: "a" | "v", entries: string): Promise<string> {
  const args = ["-v", "error", "-select_streams", kind, "-show_entries", entries];
  return runTool("ffprobe", [...args, "-of", "csv=p=0", file], { timeoutMs: TIMEOUT_MS });
}

/** Presentation times in seconds. */
async function times(file: string, kind: "a" | "v", keyOnly: boolean): Promise<number[]> {
  const lines = (await probe(file, kind, "packet=pts_time,flags")).trim().split("\n");
  return lines.filter((line) => !keyOnly || line.includes("K")).map((line) => parseFloat(line));
}

async function pcm(file: string): Promise<Int16Array> {
  const raw = `${file}.raw`;
  try {
    const args = ["-nostdin", "-v", "error", "-i", file, "-vn", "-f", "s16le", raw];
    await runTool("ffmpeg", args, { timeoutMs: TIMEOUT_MS });
    const bytes = await Deno.readFile(raw);
    return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  } finally {
    await Deno.remove(raw).catch(() => {});
  }
}

function measure(samples: Int16Array, firstSeconds: number, keyframes: readonly number[]) {
  const offsetsMs: number[] = [];
  let quiet = 0;
  let squares = 0;
  samples.forEach((sample, at) => {
    squares += sample * sample;
    quiet++;
    if (Math.abs(sample) <= TONE_LEVEL) return;
    if (quiet > QUIET_SAMPLES) offsetsMs.push(offsetMs(firstSeconds + at / SAMPLE_RATE, keyframes));
    quiet = 0;
  });
  return { offsetsMs: offsetsMs.slice(1), rms: Math.sqrt(squares / samples.length) };
}

/**
 * Key frames are a second apart, so any of them will do; not the first, of which ffmpeg tells
 * another time when it has read RTSP.
 */
function offsetMs(seconds: number, keyframes: readonly number[]): number {
  const distance = seconds - keyframes.at(-1)!;
  return (distance - Math.round(distance)) * 1_000;
}

function check(name: string, heard: Heard, codec: string): void {
  const { offsetsMs, rms } = heard;
  assertEquals(heard.codec, codec, name);
  assert(offsetsMs.length >= 3, `${name}: ${offsetsMs.length} tones`);
  const worst = Math.max(...offsetsMs.map(Math.abs));
  assert(worst <= OFFSET_MS_MAX, `${name}: tones off by ${offsetsMs.map((ms) => ms.toFixed(1))}`);
  assert(Math.abs(rms / RMS - 1) < RMS_SHARE_MAX, `${name}: RMS ${rms}, expected ${RMS}`);
}

async function play(source: string, codec: readonly string[], plays: string): Promise<void> {
  const [a, b] = mesh.nodes;
  const path = `live/tones-${source}`;
  await using publisher = publishTones(a.rtspUrl(path), codec);
  await untilLive(b, path);
  await delay(JOIN_SECONDS * 1_000);
  const clients: Record<string, readonly [string, string]> = {
    "RTSP": [a.rtspUrl(path), plays],
    "RTSP at b": [b.rtspUrl(path), plays],
    "RTMP": [a.rtmpUrl(path), "aac"],
    "RTMP at b": [b.rtmpUrl(path), "aac"],
    "FLV at b": [b.httpUrl(`${path}.flv`), "aac"],
    "TS": [a.httpUrl(`${path}.ts`), "aac"],
    "MP4 at b": [b.httpUrl(`${path}.mp4`), "aac"],
    "HLS": [a.httpUrl(`${path}.m3u8`), "aac"],
    "HLS of TS at b": [b.httpUrl(`${path}.m3u8?container=ts`), "aac"],
  };
  await Promise.all(
    Object.entries(clients).map(async ([name, [url, codec]]) =>
      check(`${source} over ${name}`, await listen(url), codec)
    ),
  );
  assertEquals((await publisher.ended).code, 0);
}

Deno.test(endToEnd("G.711 and G.726 by RTSP are heard by everybody, in time, on both nodes", {
  needs: ["ffmpeg", "redis"],
}, async () => {
  await Promise.all(
    Object.entries(SOURCES).map(([source, { codec, plays }]) => play(source, codec, plays)),
  );
}));
