/**
 * The benchmark: `deno task bench`. Every figure is a ratio against something that is measured in
 * the same run, on the same machine.
 *
 * @module
 */
import { benchActorRuntime } from "./actor_runtime.ts";
import { runFetch } from "./fetch.ts";
import { runGate } from "./gate.ts";
import { runHls } from "./hls.ts";
import { LOADER_CORE } from "./load_process.ts";
import { runLatency } from "./latency.ts";
import { runMemory } from "./memory.ts";
import { runMesh } from "./mesh.ts";
import { type BenchOptions, parseOptions, type Section } from "./options.ts";
import { runPeers } from "./peers.ts";
import { pinTo } from "./proc.ts";
import { runPublishers } from "./publishers.ts";
import { runDatagrams, runInterleaved } from "./rtsp.ts";
import { type SourceFile, sourceFile } from "./source_file.ts";
import { fixed, printTable } from "./table.ts";
import { runWorkers } from "./workers.ts";

const RUN: Readonly<
  Record<Section, (options: BenchOptions, file: SourceFile) => Promise<unknown>>
> = {
  gate: runGate,
  peers: runPeers,
  publishers: runPublishers,
  hls: runHls,
  latency: runLatency,
  memory: runMemory,
  mesh: runMesh,
  fetch: runFetch,
  workers: runWorkers,
  rtsp: runInterleaved,
  "rtsp-udp": runDatagrams,
  actors: runActors,
};

async function runActors(): Promise<void> {
  const rows = (await benchActorRuntime()).map(({ name, messagesPerSecond }) => {
    return [name, fixed(messagesPerSecond / 1e6, 2)];
  });
  printTable("Actor runtime, one core", ["message", "million a second"], rows);
}

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  await pinTo(LOADER_CORE, Deno.pid);
  const file = await sourceFile();
  for (const section of options.sections) await RUN[section](options, file);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
