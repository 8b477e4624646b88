/**
 * What the tests of a host with several workers look at: its processes and who is where.
 *
 * @module
 */
import type { TestNode } from "./node_process.ts";

/** Sockets that a process has open. */
export function socketsOf(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      continue; // Closed meanwhile.
    }
  }
  return count;
}

/** Whether a process runs; one that only waits to be collected does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Process ids of the workers as the host was started. */
export function workersOf(node: TestNode): readonly number[] {
  return node.ready.pids.slice(1);
}

/** A publisher or viewer, as the API lists it. */
export interface SessionItem {
  readonly id: string;
  readonly node: string;
  readonly protocol: string;
  readonly role: "publish" | "play";
  readonly app: string;
  readonly name: string;
}

/** The sessions of a stream, given as "APP/NAME". */
export async function sessionsOf(node: TestNode, path: string): Promise<SessionItem[]> {
  const { items } = await node.api<{ items: SessionItem[] }>("sessions?limit=1000");
  return items.filter(({ app, name }) => `${app}/${name}` === path);
}
