/**
 * Viewers that stay while a publisher is lost and comes back.
 *
 * @module
 */
import { assert } from "./assert.ts";
import type { TestNode } from "./node_process.ts";
import { eventually } from "./processes.ts";
import { AUDIO, contentOf, type MediaMessage, VIDEO } from "./wire/media_message.ts";
import { closeQuietly, connectTo, writeAll } from "./wire/rtmp_connection.ts";
import { openViewer, type ViewerProtocol } from "./wire/viewer.ts";

/** Longest step of one track's timestamps, in milliseconds: some frames lost at the seam. */
const STEP_MS_MAX = 400;

/** A viewer over a hold and beyond it. */
export interface Watched {
  readonly ended: Promise<string>;
  /** Least and largest step of timestamps by track. */
  readonly steps: Map<number, { lastMs: number; least: number; most: number }>;
  readonly count: { pictures: number };
}

/** Plays; resolves with the first picture. */
export async function watch(
  on: TestNode,
  protocol: ViewerProtocol,
  path: string,
): Promise<Watched> {
  const steps: Watched["steps"] = new Map();
  const count = { pictures: 0 };
  const onMessage = (message: MediaMessage) => {
    const { typeId, timestampMs } = message;
    if (typeId !== VIDEO && typeId !== AUDIO) return;
    if (contentOf(message).kind !== "frame") return;
    if (typeId === VIDEO) count.pictures++;
    const step = steps.get(typeId);
    if (step === undefined) {
      steps.set(typeId, { lastMs: timestampMs, least: Infinity, most: -Infinity });
      return;
    }
    step.least = Math.min(step.least, timestampMs - step.lastMs);
    step.most = Math.max(step.most, timestampMs - step.lastMs);
    step.lastMs = timestampMs;
  };
  const address = on.address(protocol === "rtmp" ? "rtmp" : "http");
  const { ended } = await openViewer({ protocol, address, path, onMessage });
  await eventually(`${protocol} plays`, () => count.pictures > 0);
  return { ended, steps, count };
}

/** Reads a body on one connection to its end; its bytes. */
export async function readBody(on: TestNode, target: string): Promise<number> {
  const conn = await connectTo(on.address("http"));
  await writeAll(conn, new TextEncoder().encode(`GET /${target} HTTP/1.1\r\nHost: x\r\n\r\n`));
  const buffer = new Uint8Array(65_536);
  let bytes = 0;
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) bytes += n;
  closeQuietly(conn);
  return bytes;
}

/** Fails unless each track's timestamps rose, and without a hole. */
export function checkSteps({ steps }: Watched): void {
  for (const [typeId, { least, most }] of steps) {
    assert(least > 0 && most < STEP_MS_MAX, `track ${typeId} steps by ${least} to ${most} ms`);
  }
}
