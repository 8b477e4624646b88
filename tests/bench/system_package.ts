/**
 * Programs of other people's that the benchmark runs, installed when they are not there.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";

/** Longest apt-get may take, in milliseconds. */
const INSTALL_MS_MAX = 240_000;

/** What each brings, by Debian package: a program somewhere on PATH, or a file; `*` = any folder. */
const BROUGHT = {
  wrk: "wrk",
  nginx: "nginx",
  "libnginx-mod-rtmp": "/usr/lib/nginx/modules/ngx_rtmp_module.so",
  "python3-gi": "/usr/lib/python3/dist-packages/gi/__init__.py",
  "gir1.2-gst-rtsp-server-1.0": "/usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib",
  "gstreamer1.0-plugins-good": "/usr/lib/*/gstreamer-1.0/libgstflv.so",
} as const;

/** Installs a Debian package unless it is there. @throws {Error} That is not possible. */
export async function needPackage(name: keyof typeof BROUGHT): Promise<void> {
  const brought = BROUGHT[name];
  if (placesOf(brought).some(isFile)) return;
  await runTool("apt-get", ["-qq", "update"], { timeoutMs: INSTALL_MS_MAX });
  const args = ["-qq", "-y", "--no-install-recommends", "install", name];
  await runTool("apt-get", args, { timeoutMs: INSTALL_MS_MAX });
}

function placesOf(brought: string): string[] {
  if (!brought.startsWith("/")) {
    return (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/${brought}`);
  }
  const [before, after] = brought.split("*");
  if (after === undefined) return [brought];
  return [...Deno.readDirSync(before)].map(({ name }) => `${before}${name}${after}`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Not there, or a folder of PATH that does not exist.
  }
}
