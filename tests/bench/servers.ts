/**
 * The servers that are measured, each pinned to the server's core.
 *
 * @module
 */
import { startNginxRtmp } from "../support/nginx_rtmp.ts";
import { startTestNode } from "../support/node_process.ts";
import { freePort, waitForPort } from "../support/ports.ts";
import { Child, runTool } from "../support/processes.ts";
import { SERVER_CORE } from "./load_process.ts";
import { countAsOwn, pinTo } from "./proc.ts";
import { benchFolder } from "./source_file.ts";
import { needPackage } from "./system_package.ts";

/** A server under load. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** `host:port` */
  readonly rtmp: string;
  readonly http: string;
  readonly rtsp: string;
}

/** Room for some hundred players of two media over UDP, below the ports that systems give out. */
const UDP_PORTS = "20000-29999";

/** Our own node with a fixed flush window, or the one it chooses itself. */
export async function startNode(windowMs: number | "auto"): Promise<Server> {
  const node = await startTestNode({
    args: ["--flush", String(windowMs), "--log-level", "warn", "--max-connections", "20000"]
      .concat("--udp-ports", UDP_PORTS),
  });
  for (const pid of node.ready.pids) await pinTo(SERVER_CORE, pid);
  return {
    name: windowMs === "auto" ? "node, auto" : `node, ${windowMs} ms`,
    pid: node.workerPid,
    rtmp: node.address("rtmp"),
    http: node.address("http"),
    rtsp: node.address("rtsp"),
    [Symbol.asyncDispose]: async () => void await node.stop(),
  };
}

/** nginx with its RTMP module, one process. */
export async function startNginx(): Promise<Server> {
  await needPackage("nginx");
  await needPackage("libnginx-mod-rtmp");
  const nginx = await startNginxRtmp();
  await pinTo(SERVER_CORE, nginx.pid);
  return {
    name: "nginx-rtmp",
    pid: nginx.pid,
    rtmp: nginx.address,
    http: "",
    rtsp: "",
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
}

/** Versions of node-media-server that are measured: the last of each line. */
export type MediaServerVersion = "2.7.4" | "4.4.3";

/** Longest `npm install` may take, in milliseconds. */
const INSTALL_MS_MAX = 180_000;

/** Longest a peer may live, in milliseconds. */
export const PEER_LIFE_MS_MAX = 300_000;

/** What both versions read, each its part; the ports come first on the command line. */
const MEDIA_SERVER = `
  const [rtmp, http] = process.argv.slice(1).map(Number);
  const Server = require("node-media-server");
  new Server({
    bind: "127.0.0.1", logType: 0, auth: { play: false, publish: false }, notify: { url: "" },
    store: { path: "./data" }, record: { path: "./record" },
    rtmp: { port: rtmp, chunk_size: 60000, gop_cache: true, ping: 30, ping_timeout: 60 },
    http: { port: http, allow_origin: "*", mediaroot: "./media" },
  }).run();
`;

/** Installs node-media-server into the temporary folder, unless it is there, and starts it. */
export async function startMediaServer(version: MediaServerVersion): Promise<Server> {
  const folder = `${benchFolder()}/node-media-server-${version}`;
  await Deno.mkdir(folder, { recursive: true });
  const installed = await Deno.stat(`${folder}/installed`).then(() => true, () => false);
  if (!installed) {
    const args = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", folder];
    await runTool("npm", [...args, `node-media-server@${version}`], { timeoutMs: INSTALL_MS_MAX });
    await Deno.writeTextFile(`${folder}/installed`, "");
  }
  const [rtmp, http] = [freePort(), freePort()];
  const node = ["node", "-e", MEDIA_SERVER, String(rtmp), String(http)];
  const child = new Child("taskset", ["-c", String(SERVER_CORE), ...node], {
    cwd: folder,
    timeoutMs: PEER_LIFE_MS_MAX,
  });
  countAsOwn(child.pid, SERVER_CORE);
  await waitForPort(rtmp);
  return {
    name: `node-media-server ${version}`,
    pid: child.pid,
    rtmp: `127.0.0.1:${rtmp}`,
    http: `127.0.0.1:${http}`,
    rtsp: "",
    [Symbol.asyncDispose]: async () => void await child.end(),
  };
}
