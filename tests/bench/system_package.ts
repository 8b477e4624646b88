/**
 * Programs of other people's that the benchmark runs, installed when they are not there.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";

/** Longest apt-get may take, in milliseconds. */
const INSTALL_MS_MAX = 240_000;

/** The program in each, by Debian package. */
const PROGRAMS = { wrk: "wrk", nginx: "nginx" } as const;

/** Installs a Debian package unless its program is there. @throws {Error} That is not possible. */
export async function needPackage(name: keyof typeof PROGRAMS): Promise<void> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  if (folders.some((folder) => isFile(`${folder}/${PROGRAMS[name]}`))) return;
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
