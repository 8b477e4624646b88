/**
 * A running nginx with its RTMP module: another server's behaviour to hold ours, and the tests'
 * own clients, against.
 *
 * @module
 */
import { Child } from "./processes.ts";
import { freePort, waitForPort } from "./ports.ts";

/** nginx is a daemon of long breath; no test needs it for more than a few minutes. */
const TIMEOUT_MS = 300_000;

export interface NginxRtmp extends AsyncDisposable {
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** The only process. */
  readonly pid: number;
}

/** Starts nginx on a free port with its files in a temporary folder. */
export async function startNginxRtmp(): Promise<NginxRtmp> {
  const folder = await Deno.makeTempDir({ prefix: "headwater-nginx-" });
  const port = freePort();
  await Deno.writeTextFile(`${folder}/nginx.conf`, config(folder, port));
  const args = ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`];
  const nginx = new Child("nginx", args, { timeoutMs: TIMEOUT_MS, orphanSignal: "TERM" });
  await waitForPort(port);
  return {
    url: `rtmp://127.0.0.1:${port}/live`,
    address: `127.0.0.1:${port}`,
    pid: nginx.pid,
    async [Symbol.asyncDispose]() {
      await nginx.end();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function config(folder: string, port: number): string {
  return `
    daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid;
    load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
    events { worker_connections 8192; }
    rtmp { server { listen 127.0.0.1:${port}; chunk_size 4096; application live { live on; } } }
  `;
}
