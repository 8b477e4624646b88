/**
 * Installs the system packages the tests lack, where that is allowed: on Debian and its kin, as
 * root. Anywhere else it says so and the tests that need them are skipped.
 *
 * @module
 */
import { missingTool, type ToolName, TOOLS } from "./tools.ts";

/** Longest apt-get may take, in milliseconds: Chromium on a slow line is the largest download. */
const INSTALL_TIMEOUT_MS = 240_000;

/** Brings what is missing; never fails, what is still missing afterwards is skipped. */
export async function installMissingTools(): Promise<void> {
  const missing = (Object.keys(TOOLS) as ToolName[]).filter((name) => missingTool(name));
  if (missing.length === 0) return;
  if (Deno.uid() !== 0 || !await run("apt-get", ["--version"])) {
    console.warn(`Cannot install what ${missing.join(", ")} need: that takes root and apt-get`);
    return;
  }
  // Without the update a fresh container knows no package at all.
  if (!await run("apt-get", ["-qq", "update"])) console.warn("apt-get update failed");
  for (const name of missing) {
    const packages = TOOLS[name].packages.join(" ");
    console.log(`Installing ${packages}`);
    const args = ["-qq", "-y", "--no-install-recommends", "install", ...packages.split(" ")];
    if (!await run("apt-get", args)) console.warn(`apt-get could not install ${packages}`);
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
