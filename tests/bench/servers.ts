/**
 * The servers that are measured, each pinned to the server's core.
 *
 * @module
 */
import { startTestNode } from "../support/node_process.ts";
import { SERVER_CORE } from "./load_process.ts";
import { pinTo } from "./proc.ts";

/** A server under load. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** `host:port` */
  readonly rtmp: string;
  readonly http: string;
}

/** Our own node with a fixed flush window. */
export async function startNode(windowMs: number): Promise<Server> {
  const node = await startTestNode({
    args: ["--flush", String(windowMs), "--log-level", "warn", "--max-connections", "20000"],
  });
  for (const pid of node.ready.pids) await pinTo(SERVER_CORE, pid);
  return {
    name: `node, ${windowMs} ms`,
    pid: node.workerPid,
    rtmp: node.address("rtmp"),
    http: node.address("http"),
    [Symbol.asyncDispose]: async () => void await node.stop(),
  };
}
