/**
 * The stream every figure is taken with: 500 kbit/s, 640x360 at 30 frames a second, H.264 and
 * AAC, a key frame each two seconds. Made once by ffmpeg and kept in the temporary folder.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";
import { parseSource, type Source } from "./load/source_tags.ts";

const SECONDS = 20;

const RECIPE = [
  `-f lavfi -i testsrc2=size=640x360:rate=30:duration=${SECONDS}`,
  `-f lavfi -i anoisesrc=color=pink:seed=7:amplitude=0.2:sample_rate=44100:duration=${SECONDS}`,
  "-c:v libx264 -threads 1 -preset veryfast -pix_fmt yuv420p -profile:v main -bf 0 -g 60",
  "-x264-params scenecut=0 -b:v 436k -maxrate 436k -bufsize 436k -c:a aac -ac 2 -b:a 64k",
].join(" ");

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

/** Makes the file unless it is there already. */
export async function sourceFile(): Promise<SourceFile> {
  const folder = benchFolder();
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const path = `${folder}/source.flv`;
  const bytes = await Deno.readFile(path).catch(() => undefined);
  if (bytes !== undefined) return { path, source: parseSource(bytes) };
  const draft = `${folder}/draft-${Deno.pid}.flv`;
  const args = `-nostdin -v error -y ${RECIPE} -f flv -flvflags no_duration_filesize`.split(" ");
  await runTool("ffmpeg", [...args, draft], { timeoutMs: TIMEOUT_MS });
  await Deno.rename(draft, path);
  return { path, source: parseSource(await Deno.readFile(path)) };
}
