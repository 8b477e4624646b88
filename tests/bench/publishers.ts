/**
 * Many publishers and no viewer: what a stream costs before anybody watches it.
 *
 * @module
 */
import { startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
import { type Server, startMediaServer, startNginx, startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, printTable, verdict } from "./table.ts";

/** The node's CPU as a share of node-media-server 2.7.4's. */
const AT_MOST = 1 / 1.5;

export async function runPublishers(options: BenchOptions, file: SourceFile): Promise<void> {
  const { publishers } = options;
  const starts: (() => Promise<Server>)[] = [
    () => startMediaServer("2.7.4"),
    () => startMediaServer("4.4.3"),
    () => startNginx(),
    ...(["auto", 20, 100, 350] as const).map((windowMs) => () => startNode(windowMs)),
  ];
  const samples = new Map<string, Sample>();
  for (const start of starts) {
    await using server = await start();
    samples.set(server.name, await measureServer(server, options, file));
  }
  const reference = samples.get("node-media-server 2.7.4")!.cpuPercent;
  const rows = [...samples].map(([name, sample]) => {
    const { cpuPercent, pusherPercent, residentBytes, othersPercent } = sample;
    const ratio = cpuPercent / reference;
    const target = name === "node, auto" ? AT_MOST : undefined;
    return [
      name,
      fixed(cpuPercent, 1),
      fixed(ratio, 2),
      ...verdict(ratio, target),
      fixed(residentBytes / 1e6, 0),
      fixed(pusherPercent, 0),
      noise([othersPercent]),
    ];
  });
  printTable(
    `${publishers} RTMP publishers, nobody watching`,
    [
      "server",
      "CPU %",
      "/ node-media-server 2.7.4",
      "target",
      "",
      "RSS MB",
      "pusher %",
      "others %",
    ],
    rows,
  );
  for (const [name, { notes }] of samples) {
    if (notes.length > 0) console.log(`! ${name}: ${notes.join("; ")}`);
  }
}

async function measureServer(
  server: Server,
  { publishers, seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<Sample> {
  const options = { file, address: server.rtmp, path: "live/cam%d", publishers };
  await using pushers = await startPushers(options);
  return await measure({ serverPid: server.pid, seconds, pushers });
}
