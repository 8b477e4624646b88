/**
 * Installs the system packages the tests lack, where that is allowed: on Debian and its kin, as
 * root. Anywhere else it says so and the tests that need them are skipped.
 *
 * @module
 */
import { delay } from "./processes.ts";
import { missingTool, type ToolName, TOOLS } from "./tools.ts";

/** Longest apt-get may take, in milliseconds: Chromium on a slow line is the largest download. */
const INSTALL_TIMEOUT_MS = 240_000;

/** Mirrors and networks fail for a moment: apt-get is run so often, with a pause between. */
const TRIES_MAX = 3;
const PAUSE_MS = 5_000;

/** Within a try: each download is tried again, and another apt-get is waited for. */
const PATIENCE = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=60"];

/** Brings what is missing; never fails, what is still missing afterwards is skipped. */
export async function installMissingTools(): Promise<void> {
  const missing = (Object.keys(TOOLS) as ToolName[]).filter((name) => missingTool(name));
  if (missing.length === 0) return;
  if (Deno.uid() !== 0 || !await run("apt-get", ["--version"])) {
    console.warn(`Cannot install what ${missing.join(", ")} need: that takes root and apt-get`);
    return;
  }
  // Without the update a fresh container knows no package at all.
  if (!await aptGet(["update"])) console.warn("apt-get update failed");
  for (const name of missing) {
    const packages = TOOLS[name].packages.join(" ");
    console.log(`Installing ${packages}`);
    const args = ["-y", "--no-install-recommends", "install", ...packages.split(" ")];
    if (!await aptGet(args)) console.warn(`apt-get could not install ${packages}`);
  }
}

async function aptGet(args: readonly string[]): Promise<boolean> {
  for (let tries = 1;; tries++) {
    if (await run("apt-get", ["-qq", ...PATIENCE, ...args])) return true;
    if (tries === TRIES_MAX) return false;
    await delay(PAUSE_MS);
  }
}

async function run(command: string, args: string[]): Promise<boolean> {
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args,
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(INSTALL_TIMEOUT_MS),
    }).output();
    if (!success) console.warn(new TextDecoder().decode(stderr).trim().slice(-600));
    return success;
  } catch {
    return false; // The program is not there.
  }
}
