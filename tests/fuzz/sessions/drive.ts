/**
 * Plays a script against a node over a real socket.
 *
 * @module
 */
import { delay } from "../../support/processes.ts";
import { closeQuietly, connectTo } from "../../support/wire/rtmp_connection.ts";
import type { Script } from "./script.ts";

/**
 * How long we stay after the last answer, in milliseconds: what was sent behind it may not be
 * answered at all, such as a message whose length is a lie.
 */
const LINGER_MS = 20;

/** How long answers may take at all, on a busy machine; then the inputs count as not read. */
const ANSWERS_MS = 15_000;

/** How often it is looked whether all is answered, in milliseconds. */
const STEP_MS = 5;

const READ_BYTES = 64 * 1024;

/** What became of a script. */
export interface Played {
  /** Inputs that the node has dealt with: answered, or closed the connection for. */
  readonly inputs: number;
  /** The node closed the connection. */
  readonly closed: boolean;
}

/** Sends all of it and reads until the node has answered, closed or fallen silent. */
export async function play(address: string, script: Script): Promise<Played> {
  const conn = await connectTo(address);
  const { progress } = script;
  const reading = readAnswers(conn, progress);
  const sending = send(conn, script.pieces).catch(() => {}); // Closed meanwhile: the reader knows.
  const closed = await Promise.race([reading, settled(sending, progress)]);
  closeQuietly(conn);
  await sending;
  await reading;
  // The one for which it was closed, and whatever came between the last answer and that.
  const last = closed || progress.complete ? 1 : 0;
  return { inputs: Math.min(script.inputs, progress.inputs + last), closed };
}

async function send(conn: Deno.TcpConn, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
  }
}

/** Resolves with true when the node closes. */
async function readAnswers(conn: Deno.TcpConn, progress: Script["progress"]): Promise<boolean> {
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      if (!progress.complete) progress.push(buffer.subarray(0, n));
    }
  } catch {
    return true; // Reset: closed as well.
  }
  return true;
}

/** Resolves with false when all is confirmed or nothing more comes. */
async function settled(sending: Promise<void>, progress: Script["progress"]): Promise<false> {
  await sending;
  const endMs = performance.now() + ANSWERS_MS;
  while (!progress.complete && performance.now() < endMs) await delay(STEP_MS);
  await delay(LINGER_MS);
  return false;
}
