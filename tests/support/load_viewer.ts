/**
 * Many viewers of one numbered stream, in a process of their own so that they take no time from
 * whoever measures. Parses everything and reports on standard output, one JSON line each:
 * `{"event":"playing"}` once every viewer has its first frame, `{"event":"done",...}` at the end.
 *
 *     deno run --allow-net tests/support/load_viewer.ts PROTOCOL HOST:PORT PATH VIEWERS [stall]
 *
 * With `stall`, one more viewer asks to play and then reads nothing for ever.
 *
 * @module
 */
import { NumberedCheck } from "./wire/numbered.ts";
import { connectCommands, connectTo, splitPath, writeAll } from "./wire/rtmp_connection.ts";
import { C0_C1, C2, command } from "./wire/rtmp_bytes.ts";
import { openViewer, type Viewer, VIEWER_PROTOCOLS, type ViewerProtocol } from "./wire/viewer.ts";

/** Connections opened at a time: a listener's backlog is finite. */
const OPENING_MAX = 50;

/** What the run found. */
export interface LoadResult {
  readonly event: "done";
  readonly viewers: number;
  /** Frames that never came, all viewers together. */
  readonly lost: number;
  readonly doubled: number;
  /** Number of the last frame of the viewer that got least, and of the one that got most. */
  readonly lastMin: number;
  readonly lastMax: number;
  /** Viewers by why their connection ended. */
  readonly ended: Readonly<Record<string, number>>;
}

interface Watched {
  readonly viewer: Viewer;
  readonly check: NumberedCheck;
}

async function main(): Promise<void> {
  const [protocol, address, path, viewers, stall] = Deno.args;
  if (!VIEWER_PROTOCOLS.includes(protocol as ViewerProtocol)) {
    throw new TypeError(`Cannot view: protocol ${protocol}, not one of ${VIEWER_PROTOCOLS}`);
  }
  const target = { protocol: protocol as ViewerProtocol, address, path };
  const count = Number(viewers);
  let waiting = count;
  const onFirst = () => {
    if (--waiting === 0) console.log(JSON.stringify({ event: "playing" }));
  };
  const watched: Watched[] = [];
  for (let at = 0; at < count; at += OPENING_MAX) {
    const size = Math.min(OPENING_MAX, count - at);
    watched.push(...await Promise.all(Array.from({ length: size }, () => watch(target, onFirst))));
  }
  if (stall === "stall") await openStalled(address, path);
  console.log(JSON.stringify(await result(watched)));
  Deno.exit(0); // A stalled socket would keep the process alive.
}

async function watch(
  target: { protocol: ViewerProtocol; address: string; path: string },
  onFirst: () => void,
): Promise<Watched> {
  const check = new NumberedCheck();
  const viewer = await openViewer({
    ...target,
    onMessage: (message) => {
      const before = check.first;
      check.message(message);
      if (before < 0 && check.first >= 0) onFirst();
    },
  });
  return { viewer, check };
}

/** Plays over RTMP, but never takes a byte after the handshake was sent. */
async function openStalled(address: string, path: string): Promise<void> {
  const conn = await connectTo(address);
  const { app, name } = splitPath(path);
  await writeAll(conn, C0_C1);
  await writeAll(conn, C2);
  await writeAll(conn, connectCommands(address, app));
  await writeAll(conn, command(1, "play", 3, null, name, -2000));
}

async function result(watched: readonly Watched[]): Promise<LoadResult> {
  const ended: Record<string, number> = {};
  for (const { viewer } of watched) {
    const reason = await viewer.ended;
    ended[reason] = (ended[reason] ?? 0) + 1;
  }
  const checks = watched.map(({ check }) => check);
  const lasts = checks.map(({ last }) => last);
  return {
    event: "done",
    viewers: watched.length,
    lost: checks.reduce((sum, { lost }) => sum + lost, 0),
    doubled: checks.reduce((sum, { doubled }) => sum + doubled, 0),
    lastMin: Math.min(...lasts),
    lastMax: Math.max(...lasts),
    ended,
  };
}

if (import.meta.main) await main();
