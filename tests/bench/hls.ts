/**
 * HLS: segments and playlists against nginx with the same files in the page cache, and players of
 * low-latency HLS against players of RTMP.
 *
 * @module
 */
import { type FileServer, startFileServer } from "./file_server.ts";
import { startHlsPlayers, startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
import { type Server, startNode } from "./servers.ts";
import { type SourceFile, sourceFile } from "./source_file.ts";
import { needPackage } from "./system_package.ts";
import { atLeast, fixed, median, printTable, spread, verdict } from "./table.ts";
import { eventually } from "../support/processes.ts";
import { runWrk, type WrkResult } from "./wrk.ts";

const PATH = "bench/cam";
const FOLDER = `/${PATH}.hls/`;

/** Two seconds of it are a segment of 200 KB. */
const SEGMENT_SOURCE_KBPS = 800;

/** Longest of a wrk run, in seconds: the segment must not leave the playlist's window of 12 s. */
const WRK_SECONDS_MAX = 6;

/** Longest until the playlist lists a segment and parts, in milliseconds. */
const LISTED_MS_MAX = 20_000;

/** Requests per CPU second of the node, as a share of nginx's. */
const FILES = [
  { name: "segment", atLeast: 0.6 },
  { name: "playlist, MPEG-TS", atLeast: 1 },
  { name: "playlist, low latency", atLeast: 1 },
] as const;

type FileName = typeof FILES[number]["name"];

/** Window of the RTMP viewers that players are compared with, and what a player may cost. */
const RTMP_WINDOW_MS = 100;
const PLAYER_AT_MOST = 3;

/** Players of low-latency HLS for each RTMP viewer: 2,000 of them beside 1,000. */
const PLAYERS_PER_VIEWER = 2;

export async function runHls(options: BenchOptions, file: SourceFile): Promise<void> {
  await runFiles(options);
  await runPlayers(options, file);
}

interface FileRow {
  readonly name: FileName;
  readonly atLeast: number;
  readonly node: WrkResult[];
  readonly nginx: WrkResult[];
  bytes: number;
}

async function runFiles(options: BenchOptions): Promise<void> {
  await needPackage("wrk");
  const source = await sourceFile(SEGMENT_SOURCE_KBPS);
  await using nginx = await startFileServer();
  await using node = await startNode("auto");
  const push = { file: source.path, address: node.rtmp, path: PATH, publishers: 1 };
  await using _pushers = await startPushers(push);
  const rows: FileRow[] = FILES.map((file) => ({ ...file, node: [], nginx: [], bytes: 0 }));
  const seconds = Math.min(options.seconds, WRK_SECONDS_MAX);
  // One unmeasured round, so that everything is compiled; then pairs.
  for (let repeat = 0; repeat <= options.repeats; repeat++) {
    for (const row of rows) await measurePair({ row, node, nginx, seconds, kept: repeat > 0 });
  }
  printFiles(rows);
}

interface Pair {
  readonly row: FileRow;
  readonly node: Server;
  readonly nginx: FileServer;
  readonly seconds: number;
  /** Whether the figures count. */
  readonly kept: boolean;
}

/** The node first: what it is asked for must still be there. */
async function measurePair({ row, node, nginx, seconds, kept }: Pair): Promise<void> {
  const path = FOLDER + await newest(node, row.name);
  const url = `http://${node.http}${path}`;
  const bytes = await fetched(url);
  row.bytes = bytes.length;
  await nginx.put("file", bytes);
  const ours = await runWrk({ serverPid: node.pid, url, seconds });
  const theirs = await runWrk({
    serverPid: nginx.pid,
    url: `http://${nginx.address}/file`,
    seconds,
  });
  if (!kept) return;
  row.node.push(ours);
  row.nginx.push(theirs);
}

/** Name of what is measured, below the stream's folder. */
async function newest(node: Server, name: FileName): Promise<string> {
  if (name === "playlist, MPEG-TS") return "ts.m3u8";
  if (name === "playlist, low latency") return "index.m3u8";
  return await eventually("a segment", async () => {
    const playlist = await fetched(`http://${node.http}${FOLDER}index.m3u8`).catch(() => undefined);
    const lines = new TextDecoder().decode(playlist).split("\n");
    return lines.findLast((line) => line !== "" && !line.startsWith("#"));
  }, LISTED_MS_MAX);
}

async function fetched(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { headers: { "accept-encoding": "identity" } });
  if (response.ok) return await response.bytes();
  throw new Error(`Cannot fetch ${url}: ${response.status} ${await response.text()}`);
}

function printFiles(rows: readonly FileRow[]): void {
  const perSecond = (results: readonly WrkResult[]) =>
    fixed(median(results.map(({ requestsPerCpuSecond }) => requestsPerCpuSecond)), 0);
  const columns = ["file", "KB", "node", "nginx", "node / nginx", "target", ""];
  printTable(
    "HLS: requests per CPU second, the same files in nginx's page cache (wrk -t1 -c32)",
    [...columns, "node CPU %", "nginx CPU %", "others %"],
    rows.map(({ name, atLeast: target, bytes, node, nginx }) => {
      const ratios = node.map(({ requestsPerCpuSecond }, i) =>
        requestsPerCpuSecond / nginx[i].requestsPerCpuSecond
      );
      return [
        name,
        fixed(bytes / 1_000, 1),
        perSecond(node),
        perSecond(nginx),
        spread(ratios),
        ...atLeast(median(ratios), target),
        fixed(median(node.map(({ cpuPercent }) => cpuPercent)), 0),
        fixed(median(nginx.map(({ cpuPercent }) => cpuPercent)), 0),
        noise([...node, ...nginx].map(({ othersPercent }) => othersPercent)),
      ];
    }),
  );
}

async function runPlayers(options: BenchOptions, file: SourceFile): Promise<void> {
  const { viewers, seconds, repeats } = options;
  await using node = await startNode(RTMP_WINDOW_MS);
  const push = { file: file.path, address: node.rtmp, path: PATH, publishers: 1 };
  await using pushers = await startPushers(push);
  await newest(node, "segment");
  const alone: Sample[] = [];
  const rtmp: Sample[] = [];
  const hls: Sample[] = [];
  const ofNode = { serverPid: node.pid, seconds, pushers };
  for (let repeat = 0; repeat < repeats; repeat++) {
    {
      const play = { protocol: "rtmp", address: node.rtmp, path: PATH, streams: 1 } as const;
      await using players = await startPlayers({ ...play, viewers });
      rtmp.push(await measure({ ...ofNode, players }));
    }
    {
      const play = { address: node.http, folder: FOLDER, viewers: viewers * PLAYERS_PER_VIEWER };
      await using players = await startHlsPlayers(play);
      hls.push(await measure({ ...ofNode, players }));
    }
    alone.push(await measure(ofNode));
  }
  printPlayers({ viewers, rtmp, hls, alone });
}

interface PlayerSamples {
  readonly viewers: number;
  readonly rtmp: readonly Sample[];
  readonly hls: readonly Sample[];
  /** The publisher and nobody else, with HLS still being cut. */
  readonly alone: readonly Sample[];
}

function printPlayers({ viewers, rtmp, hls, alone }: PlayerSamples): void {
  const rtmpEach = rtmp.map(({ cpuPercent }) => cpuPercent * 1_000 / viewers);
  const row = (name: string, samples: readonly Sample[], count: number): string[] => {
    const each = samples.map(({ cpuPercent }) => cpuPercent * 1_000 / count);
    const ratios = each.map((value, i) => value / rtmpEach[i]);
    const perSecond = samples.map(({ players }) => players!.messages / players!.seconds / count);
    return [
      name,
      String(count),
      spread(each, 1),
      spread(ratios),
      ...verdict(median(ratios), name === "rtmp" ? undefined : PLAYER_AT_MOST),
      fixed(median(perSecond), 1),
      fixed(median(samples.map(({ players }) => players!.connected)), 0),
      spread(alone.map(({ cpuPercent }) => cpuPercent), 1),
      fixed(Math.max(...samples.map(({ loaderPercent }) => loaderPercent)), 0),
      noise(samples.map(({ othersPercent }) => othersPercent)),
    ];
  };
  const columns = ["players", "number", "CPU % per 1,000", "/ rtmp", "target", ""];
  printTable(
    `Players of low-latency HLS, each blocked on the same part, against RTMP at ${RTMP_WINDOW_MS} ms`,
    [...columns, "messages or parts/s each", "connected", "publisher %", "loader %", "others %"],
    [row("rtmp", rtmp, viewers), row("LL-HLS", hls, viewers * PLAYERS_PER_VIEWER)],
  );
  const notes = new Set([...rtmp, ...hls].flatMap(({ notes }) => notes));
  if (notes.size > 0) console.log(`! ${[...notes].join("; ")}`);
}
