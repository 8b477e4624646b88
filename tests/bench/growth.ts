/**
 * One server, and more and more viewers.
 *
 * @module
 */
import { startBareLoop } from "./bare_process.ts";
import type { GateProtocol } from "./gate_table.ts";
import { bytesPerSecond } from "./load/source_tags.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import { startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";

/** Widest window: fewest writes, so that memory is measured and not load. */
const WINDOW_MS = 350;

/** Length of each measured window, in seconds. */
const SECONDS = 4;

/** A pending read of a viewer's connection: as many bytes as the node keeps for it. */
const READ_BYTES = 512;

/** Bytes of an RTMP message besides its body. */
const OVERHEAD_BYTES = 12;

/** Instead of a protocol: connections of the bare loop, which writes and reads like the node. */
export const BARE = "raw";

type GrownProtocol = GateProtocol | typeof BARE;

export interface Grown {
  readonly protocol: GrownProtocol;
  readonly counts: readonly number[];
  /** One for each count. */
  readonly samples: readonly Sample[];
}

interface Target {
  readonly pid: number;
  /** `host:port` */
  readonly address: string;
}

/** Starts a server; viewers are added up to each of `counts`, which ascend, in turn. */
export async function grow(
  protocol: GrownProtocol,
  counts: readonly number[],
  file: SourceFile,
): Promise<Grown> {
  await using stack = new AsyncDisposableStack();
  const path = "bench/cam";
  const { pid, address } = protocol === BARE
    ? await bareTarget(stack, file)
    : await nodeTarget(stack, { protocol, path, file });
  const samples: Sample[] = [];
  let present = 0;
  for (const count of counts) {
    const options = { protocol, address, path, streams: 1, viewers: count - present };
    present = count;
    const players = stack.use(await startPlayers(options));
    samples.push(await measure({ serverPid: pid, seconds: SECONDS, players }));
  }
  return { protocol, counts, samples };
}

async function bareTarget(stack: AsyncDisposableStack, { source }: SourceFile): Promise<Target> {
  return stack.use(
    await startBareLoop({
      windowMs: WINDOW_MS,
      pageBytes: Math.round(bytesPerSecond(source, OVERHEAD_BYTES) * WINDOW_MS / 1_000),
      readBytes: READ_BYTES,
    }),
  );
}

interface NodeTarget {
  readonly protocol: GrownProtocol;
  readonly path: string;
  readonly file: SourceFile;
}

async function nodeTarget(
  stack: AsyncDisposableStack,
  { protocol, path, file }: NodeTarget,
): Promise<Target> {
  const node = stack.use(await startNode(WINDOW_MS));
  const push = { file: file.path, address: node.rtmp, path, publishers: 1 };
  stack.use(await startPushers(push));
  return { pid: node.pid, address: protocol === "rtmp" ? node.rtmp : node.http };
}
