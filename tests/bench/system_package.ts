/**
 * Programs of other people's that the benchmark runs, installed when they are not there.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";

/** Longest apt-get may take, in milliseconds. */
const INSTALL_MS_MAX = 240_000;

/** What each brings, by Debian package: a program somewhere on PATH, or a file. */
const BROUGHT = {
  wrk: "wrk",
  nginx: "nginx",
  "libnginx-mod-rtmp": "/usr/lib/nginx/modules/ngx_rtmp_module.so",
} as const;

/** Installs a Debian package unless it is there. @throws {Error} That is not possible. */
export async function needPackage(name: keyof typeof BROUGHT): Promise<void> {
  const brought = BROUGHT[name];
  const folders = brought.startsWith("/") ? [""] : (Deno.env.get("PATH") ?? "").split(":");
  if (folders.some((folder) => isFile(folder === "" ? brought : `${folder}/${brought}`))) return;
  await runTool("apt-get", ["-qq", "update"], { timeoutMs: INSTALL_MS_MAX });
  const args = ["-qq", "-y", "--no-install-recommends", "install", name];
  await runTool("apt-get", args, { timeoutMs: INSTALL_MS_MAX });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Not there, or a folder of PATH that does not exist.
  }
}
