/**
 * RTSP: players over TCP against our own RTMP and against GStreamer's server, and players over UDP
 * against a loop that does nothing but send.
 *
 * The two of a pair take turns at one node, as in the gate, and ratios are taken pair by pair.
 *
 * @module
 */
import { startBareSender } from "./bare_sender.ts";
import { WINDOWS } from "./gate_table.ts";
import { startGstreamer } from "./gstreamer.ts";
import type { PlayProtocol } from "./load/play.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { recordPackets } from "./rtp_recording.ts";
import { printDatagrams, printInterleaved, type RtspPairs } from "./rtsp_table.ts";
import { type Server, startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";

/** A stream for each measurement: that of a publisher who was just lost is still his. */
const pathOf = (measured: string) => `bench/${measured}`;

/** Of GStreamer's server: it opens a thousand only slowly, and each costs the same from here on. */
const GSTREAMER_VIEWERS = 600;

/** Players over UDP, and the windows at which they are measured. */
const UDP_VIEWERS = 300;
const UDP_WINDOWS_MS = [100, 20];

/** Two groups of pictures: what a bare sender repeats. */
const STRETCH_MS = 4_000;

interface Load {
  readonly protocol: PlayProtocol;
  readonly viewers: number;
  readonly seconds: number;
}

export async function runInterleaved(options: BenchOptions, file: SourceFile): Promise<void> {
  const gstreamer = await measureGstreamer(options, file);
  const rows: RtspPairs[] = [];
  for (const { windowMs } of WINDOWS) {
    const row: RtspPairs = { windowMs, rtsp: [], other: [], publisher: [] };
    rows.push(row);
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      await using node = await startNode(windowMs);
      row.other.push(await measureNode(node, { ...options, protocol: "rtmp" }, file));
      row.rtsp.push(await measureNode(node, { ...options, protocol: "rtsp" }, file));
    }
  }
  const { viewers } = options;
  printInterleaved(rows, { viewers, gstreamer, gstreamerViewers: GSTREAMER_VIEWERS });
}

export async function runDatagrams(
  { seconds, repeats }: BenchOptions,
  file: SourceFile,
): Promise<void> {
  const load = { protocol: "rtsp-udp", viewers: UDP_VIEWERS, seconds } as const;
  const rows: RtspPairs[] = [];
  for (const windowMs of UDP_WINDOWS_MS) {
    const row: RtspPairs = { windowMs, rtsp: [], other: [], publisher: [] };
    rows.push(row);
    for (let repeat = 0; repeat < repeats; repeat++) {
      await using node = await startNode(windowMs);
      row.rtsp.push(await measureNode(node, load, file));
      row.other.push(await measureBare(node, windowMs, load, file));
      row.publisher.push(await measurePublisher(node, load, file));
    }
  }
  printDatagrams(rows, UDP_VIEWERS);
}

/** The publisher comes with the viewers and leaves with them: the node is idle between. */
async function measureNode(
  node: Server,
  { protocol, viewers, seconds }: Load,
  { path: file }: SourceFile,
): Promise<Sample> {
  const path = pathOf(protocol);
  await using pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
  const address = protocol === "rtmp" ? node.rtmp : node.rtsp;
  await using players = await startPlayers({ protocol, address, path, streams: 1, viewers });
  return await measure({ serverPid: node.pid, seconds, players, pushers });
}

async function measurePublisher(
  node: Server,
  { seconds }: Load,
  { path: file }: SourceFile,
): Promise<Sample> {
  const path = pathOf("published");
  await using pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
  return await measure({ serverPid: node.pid, seconds, pushers });
}

/** Sends what the node sent to a player just before. */
async function measureBare(
  node: Server,
  windowMs: number,
  { viewers, seconds }: Load,
  file: SourceFile,
): Promise<Sample> {
  const packets = await recordFrom(node, file);
  await using sender = await startBareSender({ windowMs, packets, stretchMs: STRETCH_MS });
  const play = { protocol: "raw-udp", address: sender.address, path: "", streams: 1 } as const;
  await using players = await startPlayers({ ...play, viewers });
  return await measure({ serverPid: sender.pid, seconds, players });
}

async function recordFrom(node: Server, { path: file }: SourceFile) {
  const path = pathOf("recorded");
  await using _pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
  return await recordPackets(node.rtsp, path, STRETCH_MS);
}

/** `undefined` where it does not install: that must not hide the other figures. */
async function measureGstreamer(
  { seconds }: BenchOptions,
  file: SourceFile,
): Promise<Sample | undefined> {
  try {
    const path = pathOf("cam");
    await using server = await startGstreamer(file, path);
    const play = { protocol: "rtsp", address: server.rtsp, path, streams: 1 } as const;
    await using players = await startPlayers({ ...play, viewers: GSTREAMER_VIEWERS });
    return await measure({ serverPid: server.pid, seconds, players });
  } catch (error) {
    console.log(`! not measured: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
