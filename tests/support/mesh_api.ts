/**
 * What tests ask the nodes of a mesh about it.
 *
 * @module
 */
import type { TestNode } from "./node_process.ts";
import { eventually } from "./processes.ts";

export interface StreamItem {
  readonly app: string;
  readonly name: string;
  readonly owner: string;
  readonly ingest: string | null;
  readonly backup: { readonly node: string } | null;
  readonly state: string;
  readonly epoch: number;
  readonly generation: number;
  readonly viewers: {
    readonly total: number;
    readonly byProtocol: Readonly<Record<string, number>>;
  };
}

export interface LinkItem {
  readonly node: string;
  readonly peer: string;
  readonly direction: "in" | "out";
  readonly state: string;
  readonly rttMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly subscriptionsIn: number;
  readonly subscriptionsOut: number;
  readonly creditStalls: number;
  readonly jumps: number;
}

/** Where the API has a stream; `path` is APP/NAME. */
export function apiPathOf(path: string): string {
  const slash = path.indexOf("/");
  const parts = [path.slice(0, slash), path.slice(slash + 1)];
  return `streams/${parts.map(encodeURIComponent).join("/")}`;
}

/** What a node says of a stream, which must be there. */
export function streamOn(node: TestNode, path: string): Promise<StreamItem> {
  return node.api<StreamItem>(apiPathOf(path));
}

/** Waits until a node knows that a stream is in that state. */
export async function untilState(node: TestNode, path: string, state: string): Promise<StreamItem> {
  return await eventually(`${path} is ${state}`, async () => {
    const response = await node.fetchApi(apiPathOf(path));
    const body = await response.json() as StreamItem;
    return response.ok && body.state === state && body;
  });
}

export function untilLive(node: TestNode, path: string): Promise<StreamItem> {
  return untilState(node, path, "live");
}

/** Every link, as each of its ends sees it. */
export async function linksOf(node: TestNode): Promise<readonly LinkItem[]> {
  return (await node.api<{ items: LinkItem[] }>("links")).items;
}

/** Streams that each node gets over its links, by the node. */
export async function subscriptions(node: TestNode): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { node: name, subscriptionsOut } of await linksOf(node)) {
    sums[name] = (sums[name] ?? 0) + subscriptionsOut;
  }
  return sums;
}

/** Makes another node a stream's owner. @throws {Error} It was refused. */
export async function move(node: TestNode, path: string, to: string): Promise<void> {
  const response = await node.fetchApi(`${apiPathOf(path)}/move`, "POST", { to });
  const text = await response.text();
  if (response.status !== 204) throw new Error(`Cannot move ${path}: ${response.status} ${text}`);
}
