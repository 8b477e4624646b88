/**
 * Other people's programs that the tests drive, and the system packages they come in.
 *
 * @module
 */

interface Tool {
  /** Programs that must be on PATH. */
  readonly programs: readonly string[];
  /** GStreamer plugin libraries that must be installed. */
  readonly plugins?: readonly string[];
  /** nginx modules that must be installed. */
  readonly modules?: readonly string[];
  /** Debian packages that bring them. */
  readonly packages: readonly string[];
}

/** Every program the tests use. */
export const TOOLS = {
  ffmpeg: { programs: ["ffmpeg", "ffprobe"], packages: ["ffmpeg"] },
  rtmpdump: { programs: ["rtmpdump"], packages: ["rtmpdump"] },
  gstreamer: {
    programs: ["gst-launch-1.0"],
    plugins: ["libgstrtmp2.so", "libgstsoup.so", "libgstflv.so", "libgstlibav.so"],
    packages: [
      "gstreamer1.0-tools",
      "gstreamer1.0-plugins-base",
      "gstreamer1.0-plugins-good",
      "gstreamer1.0-plugins-bad",
      "gstreamer1.0-libav",
    ],
  },
  gstreamer_rtsp: {
    programs: ["gst-launch-1.0"],
    plugins: ["libgstrtspclientsink.so", "libgstrtsp.so"],
    packages: ["gstreamer1.0-tools", "gstreamer1.0-plugins-good", "gstreamer1.0-rtsp"],
  },
  vlc: { programs: ["cvlc", "runuser"], packages: ["vlc-bin", "vlc-plugin-base"] },
  chromium: { programs: ["chromium"], packages: ["chromium"] },
  mediainfo: { programs: ["mediainfo"], packages: ["mediainfo"] },
  nginx: {
    programs: ["nginx"],
    modules: ["ngx_rtmp_module.so"],
    packages: ["nginx", "libnginx-mod-rtmp"],
  },
  openssl: { programs: ["openssl"], packages: ["openssl"] },
  redis: { programs: ["redis-server", "redis-cli"], packages: ["redis-server"] },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;

/** Where Debian and its kin keep GStreamer's plugins, besides the folder of the architecture. */
const PLUGIN_FOLDERS = ["/usr/lib64/gstreamer-1.0", "/usr/lib/gstreamer-1.0"];
const MODULE_FOLDERS = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"];

/** What is missing to use a tool, in words; `undefined` when it can be used. */
export function missingTool(name: ToolName): string | undefined {
  const tool: Tool = TOOLS[name];
  const path = (Deno.env.get("PATH") ?? "").split(":");
  const lacking = [
    ...tool.programs.filter((program) => !inFolders(path, program)),
    ...(tool.plugins ?? []).filter((plugin) => !inFolders(pluginFolders(), plugin)),
    ...(tool.modules ?? []).filter((module) => !inFolders(MODULE_FOLDERS, module)),
  ];
  if (lacking.length === 0) return undefined;
  return `${lacking.join(", ")} not found: install ${tool.packages.join(" ")}`;
}

function pluginFolders(): string[] {
  const folders = [...PLUGIN_FOLDERS];
  for (const entry of Deno.readDirSync("/usr/lib")) {
    if (entry.name.includes("-linux-gnu")) folders.push(`/usr/lib/${entry.name}/gstreamer-1.0`);
  }
  return folders;
}

function inFolders(folders: readonly string[], file: string): boolean {
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${file}`).isFile;
    } catch {
      return false; // Not there, or a folder of PATH that does not exist.
    }
  });
}
