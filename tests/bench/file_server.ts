/**
 * nginx that serves files from the page cache: what HLS over HTTP is held against.
 *
 * @module
 */
import { freePort, waitForPort } from "../support/ports.ts";
import { Child } from "../support/processes.ts";
import { SERVER_CORE } from "./load_process.ts";
import { pinTo } from "./proc.ts";
import { needPackage } from "./system_package.ts";

/** Longest it may live, in milliseconds. */
const LIFE_MS_MAX = 300_000;

export interface FileServer extends AsyncDisposable {
  /** The only process. */
  readonly pid: number;
  /** `host:port` */
  readonly address: string;
  /** Makes `bytes` a file of that name, in the page cache from then on. */
  put(name: string, bytes: Uint8Array): Promise<void>;
}

/** Starts one process of nginx on a free port, pinned to the server's core. */
export async function startFileServer(): Promise<FileServer> {
  await needPackage("nginx");
  const folder = await Deno.makeTempDir({ prefix: "headwater-bench-nginx-" });
  const port = freePort();
  await Deno.mkdir(`${folder}/www`);
  await Deno.writeTextFile(`${folder}/nginx.conf`, config(folder, port));
  const args = ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`];
  const child = new Child("nginx", args, { timeoutMs: LIFE_MS_MAX, orphanSignal: "TERM" });
  await waitForPort(port);
  await pinTo(SERVER_CORE, child.pid);
  return {
    pid: child.pid,
    address: `127.0.0.1:${port}`,
    put: (name, bytes) => Deno.writeFile(`${folder}/www/${name}`, bytes),
    async [Symbol.asyncDispose]() {
      await child.end();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function config(folder: string, port: number): string {
  return `
    daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
      server { listen 127.0.0.1:${port}; root ${folder}/www; }
    }
  `;
}
