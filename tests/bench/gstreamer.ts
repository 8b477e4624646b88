/**
 * GStreamer's RTSP server, `gst-rtsp-server`: one stream from a file in real time, shared by all.
 *
 * @module
 */
import { freePort, waitForPort } from "../support/ports.ts";
import { Child, runTool } from "../support/processes.ts";
import { SERVER_CORE } from "./load_process.ts";
import { countAsOwn } from "./proc.ts";
import { PEER_LIFE_MS_MAX, type Server } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { needPackage } from "./system_package.ts";

/** The file is repeated: it must outlast a measurement. */
const REPEATS = 10;

/** Longest ffmpeg may take to do that, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** Debian's own Python: another that is on PATH would not have its modules. */
const PYTHON = "/usr/bin/python3";

/** Takes a port, a file and a path. What waits in the kernel would be cut off by a small backlog. */
const SCRIPT = `
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

port, file, path = sys.argv[1:]
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    "( filesrc location=%s ! flvdemux name=d "
    "d.video ! queue ! video/x-h264,alignment=au ! clocksync ! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "d.audio ! queue ! clocksync ! rtpmp4gpay name=pay1 pt=97 )" % file
)
factory.set_shared(True)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)
server.set_backlog(1024)
server.get_mount_points().add_factory("/" + path, factory)
server.attach(None)
GLib.MainLoop().run()
`;

/** Starts it on the server's core; it has the stream at `path`. */
export async function startGstreamer({ path: file }: SourceFile, path: string): Promise<Server> {
  await needPackage("python3-gi");
  await needPackage("gstreamer1.0-plugins-good");
  await needPackage("gir1.2-gst-rtsp-server-1.0");
  const long = await Deno.makeTempFile({ prefix: "headwater-bench-", suffix: ".flv" });
  const repeat = ["-stream_loop", String(REPEATS - 1), "-i", file, "-c", "copy", long];
  await runTool("ffmpeg", ["-nostdin", "-v", "error", "-y", ...repeat], { timeoutMs: TIMEOUT_MS });
  const port = freePort();
  const python = [PYTHON, "-c", SCRIPT, String(port), long, path];
  const child = new Child("taskset", ["-c", String(SERVER_CORE), ...python], {
    timeoutMs: PEER_LIFE_MS_MAX,
  });
  countAsOwn(child.pid, SERVER_CORE);
  await waitForPort(port);
  return {
    name: "gst-rtsp-server",
    pid: child.pid,
    rtmp: "",
    http: "",
    rtsp: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await child.end("SIGKILL");
      await Deno.remove(long);
    },
  };
}
