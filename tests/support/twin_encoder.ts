/**
 * One of two encoders of the same source: a process of its own that publishes numbered frames,
 * whose numbers follow from the wall clock, so that both send the same number at the same time.
 *
 * SIGKILL, SIGSTOP and SIGCONT do to it what they do to encoders: what it missed while it stood
 * still it leaves out. SIGUSR1 makes its frames small, as those of a camera that sees nothing, and
 * SIGTERM lets it say goodbye.
 *
 * @module
 */
import { fromFileUrl } from "./paths.ts";
import { Child, delay, eventually } from "./processes.ts";
import type { TestNode } from "./node_process.ts";
import { AUDIO, VIDEO } from "./wire/media_message.ts";
import { AVC_CONFIG, numberedBody } from "./wire/numbered.ts";
import { Publisher } from "./wire/publisher.ts";
import { bytesOf, uint32 } from "./wire/rtmp_bytes.ts";

const AAC_CONFIG = "1210";
const FRAME_MS = 40;

/** Frames in a group of pictures. */
export const TWIN_GOP_FRAMES = 10;

/** A group of pictures, in milliseconds. */
export const TWIN_GOP_MS = TWIN_GOP_FRAMES * FRAME_MS;

/** One that is later than this has stood still; on a busy machine it is a little late at times. */
const STOOD_MS = 1_000;

const FRAME_BYTES = 1_000;
const SMALL_BYTES = 40;
const AUDIO_BYTES = 60;

/** Longest that one runs, in milliseconds. */
const TIMEOUT_MS = 120_000;

export interface TwinOptions {
  /** Wall clock at frame 0, in milliseconds since 1970: the same of both. */
  readonly originMs: number;
  /** Its key frames are those whose number divided by {@link TWIN_GOP_FRAMES} leaves this. */
  readonly phase: number;
}

/** A twin that publishes. */
export class Twin implements AsyncDisposable {
  readonly #child: Child;
  readonly #lines: string[];

  private constructor(child: Child, lines: string[]) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Publishes `path` at a node. @throws {Error} It was refused. */
  static async start(node: TestNode, path: string, options: TwinOptions): Promise<Twin> {
    const lines: string[] = [];
    const main = fromFileUrl(new URL("./twin_encoder.ts", import.meta.url));
    const args = ["run", "--no-check", "--allow-net", "--allow-env", main];
    const { originMs, phase } = options;
    const own = [node.address("rtmp"), path, String(originMs), String(phase)];
    const child = new Child(Deno.execPath(), [...args, ...own], {
      timeoutMs: TIMEOUT_MS,
      onLine: (line) => void lines.push(line),
    });
    const twin = new Twin(child, lines);
    child.ended.then(() => lines.push("ended"));
    await eventually(`an encoder at ${node.ready.node}`, () => lines.length > 0);
    if (lines[0] === "publishing") return twin;
    throw new Error(`Cannot publish ${path}: ${lines[0]} ${child.stderr}`);
  }

  signal(signal: Deno.Signal): void {
    this.#child.signal(signal);
  }

  /** Says goodbye; gives the number of its last message. */
  async end(): Promise<number> {
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    await this.#child.ended;
    return Number(this.#lines.find((line) => line.startsWith("last "))?.slice(5) ?? NaN);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.ended;
  }
}

/** What the process does. */
async function run([address, path, origin, phase]: readonly string[]): Promise<void> {
  const publisher = await Publisher.open(address, path);
  console.log(publisher.code === "NetStream.Publish.Start" ? "publishing" : publisher.code);
  publisher.ended.then(() => Deno.exit(3));
  let stopped = false;
  let bytes = FRAME_BYTES;
  Deno.addSignalListener("SIGTERM", () => stopped = true);
  Deno.addSignalListener("SIGUSR1", () => bytes = SMALL_BYTES);
  await publisher.send(VIDEO, 0, bytesOf(0x17, uint32(0), Uint8Array.fromHex(AVC_CONFIG)));
  await publisher.send(AUDIO, 0, bytesOf(0xaf, 0, Uint8Array.fromHex(AAC_CONFIG)));
  const atMs = () => performance.timeOrigin + performance.now() - Number(origin);
  const first = Math.ceil(atMs() / FRAME_MS);
  let last = -1;
  const next = (frame: number) => {
    const dueMs = atMs();
    return dueMs - frame * FRAME_MS > STOOD_MS ? Math.floor(dueMs / FRAME_MS) : frame + 1;
  };
  for (let frame = first; !stopped; frame = next(frame)) {
    await delay(Math.max(0, frame * FRAME_MS - atMs()));
    const timestampMs = (frame - first) * FRAME_MS;
    const keyframe = frame % TWIN_GOP_FRAMES === Number(phase);
    await publisher.send(VIDEO, timestampMs, numberedBody(VIDEO, 2 * frame, keyframe, bytes));
    const audio = numberedBody(AUDIO, 2 * frame + 1, false, AUDIO_BYTES);
    await publisher.send(AUDIO, timestampMs, audio);
    last = 2 * frame + 1;
  }
  console.log(`last ${last}`);
  await publisher.end();
  Deno.exit(0);
}

if (import.meta.main) await run(Deno.args);
