/**
 * The stream nearly every figure is taken with: 500 kbit/s, 640x360 at 30 frames a second, H.264 and
 * AAC, a key frame each two seconds. Made once by ffmpeg and kept in the temporary folder.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";
import { parseSource, type Source } from "./load/source_tags.ts";

const SECONDS = 20;

/** Bit rates: the usual one, and that of the sound in it. */
const KBPS = 500;
const AUDIO_KBPS = 64;

function recipe(kbps: number): string {
  const video = kbps - AUDIO_KBPS;
  return [
    `-f lavfi -i testsrc2=size=640x360:rate=30:duration=${SECONDS}`,
    `-f lavfi -i anoisesrc=color=pink:seed=7:amplitude=0.2:sample_rate=44100:duration=${SECONDS}`,
    "-c:v libx264 -threads 1 -preset veryfast -pix_fmt yuv420p -profile:v main -bf 0 -g 60",
    `-x264-params scenecut=0 -b:v ${video}k -maxrate ${video}k -bufsize ${video}k`,
    `-c:a aac -ac 2 -b:a ${AUDIO_KBPS}k`,
  ].join(" ");
}

/** Longest ffmpeg may take, in milliseconds. */
const TIMEOUT_MS = 120_000;

export interface SourceFile {
  readonly path: string;
  readonly source: Source;
}

/** Where the benchmark keeps what takes long to make or fetch. */
export function benchFolder(): string {
  return `${Deno.env.get("TMPDIR") ?? "/tmp"}/headwater-bench-${Deno.uid()}`;
}

/** Makes the file unless it is there already. @param kbps Of sound and picture together. */
export async function sourceFile(kbps = KBPS): Promise<SourceFile> {
  const folder = benchFolder();
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const path = `${folder}/source-${kbps}.flv`;
  const bytes = await Deno.readFile(path).catch(() => undefined);
  if (bytes !== undefined) return { path, source: parseSource(bytes) };
  const draft = `${folder}/draft-${Deno.pid}.flv`;
  const args = `-nostdin -v error -y ${recipe(kbps)} -f flv -flvflags no_duration_filesize`.split(
    " ",
  );
  await runTool("ffmpeg", [...args, draft], { timeoutMs: TIMEOUT_MS });
  await Deno.rename(draft, path);
  return { path, source: parseSource(await Deno.readFile(path)) };
}
