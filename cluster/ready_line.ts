/**
 * The one line on standard output that says that every listener of the host is up.
 *
 * @module
 */
import type { LogFormat } from "./config.ts";

/** What the line tells. */
export interface Ready {
  /** Name of the node. */
  readonly node: string;
  /** Every process of the host, the launcher first. */
  readonly pids: readonly number[];
  /** What listens where: "rtmp", "rtsp" and "http" to `host:port`. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** The line, without its line feed: for people, or for programs. */
export function readyLine(ready: Ready, format: LogFormat): string {
  const { node, pids, addresses } = ready;
  if (format === "json") return JSON.stringify({ event: "ready", node, pids, addresses });
  const places = Object.entries(addresses).map(([protocol, address]) => `${protocol} ${address}`);
  return `headwater ${node} ready: ${places.join(", ")}`;
}
