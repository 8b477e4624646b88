/**
 * How the launcher starts a worker: its command line, which is above all its permissions.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { TLS_ADDRESS } from "../actors/edge/tls_terminator.ts";
import { clientProtocols } from "./client_ports.ts";
import type { GivenConfig } from "./config.ts";
import { YOUNG_MEGABYTES } from "./young_memory.ts";

/**
 * How much garbage old objects, many and small, may gather, in percent of what lives: by default
 * about as much again. Measured with 3,000 RTMP viewers: 29 KB each by default, 20 with 20.
 */
const OLD_GROWTH_PERCENT = 20;
const V8_FLAGS = [
  `--min-semi-space-size=${YOUNG_MEGABYTES}`,
  `--max-semi-space-size=${YOUNG_MEGABYTES}`,
  `--heap-growing-percent=${OLD_GROWTH_PERCENT}`,
];

/** Where the workers of a host reach each other when no other host is in the mesh. */
export const WORKERS_ADDRESS = "127.0.0.1";

/** What the transcoding thread is made of; it may read nothing itself. */
const SOURCE_FOLDERS = ["../actors", "../protocols"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url))
);

/**
 * The arguments for `deno` that run `workerModule` with no more than a node needs: it listens on
 * its ports, keeps its data directory, reads its sources, and reads the host's name when it was
 * given none. It reads no environment: libraries that look for their own variables find them unset.
 *
 * `config.dataDir` must be absolute and without a comma; `count` is the number of workers.
 */
export function workerArguments(
  config: GivenConfig,
  workerModule: URL,
  count = 1,
): string[] {
  return [
    "run",
    "--no-prompt",
    "--quiet", // Standard error belongs to the log.
    `--v8-flags=${V8_FLAGS.join(",")}`,
    `--config=${fileURLToPath(new URL("../deno.json", import.meta.url))}`,
    netPermission(config, count),
    `--allow-read=${readPlaces(config)}`,
    `--allow-write=${config.dataDir}`,
    ...(config.ffmpeg === undefined ? [] : [`--allow-run=${config.ffmpeg}`]),
    ...(config.name === undefined ? ["--allow-sys=hostname"] : []),
    "--ignore-env",
    fileURLToPath(workerModule),
  ];
}

/**
 * In a mesh, other nodes may be anywhere, and so may be those whom datagrams are sent; the workers
 * of a host meet on loopback.
 */
function netPermission(config: GivenConfig, count: number): string {
  if (config.redis !== undefined || config.udpPorts !== "off") return "--allow-net";
  const own = [
    ...(count > 1 ? [WORKERS_ADDRESS] : []),
    // Where it ends TLS, on a port of the system's choice.
    ...(config.tlsCert === undefined ? [] : [TLS_ADDRESS]),
  ];
  const places = new Set([...listenPlaces(config), ...own]);
  return `--allow-net=${[...places].join(",")}`;
}

/** Its data, and the sources of the thread that it starts for transcoding. */
function readPlaces({ dataDir, meshTls, tlsCert, tlsKey }: GivenConfig): string[] {
  const own = [dataDir, meshTls, tlsCert, tlsKey].filter((path) => path !== undefined);
  // A comma would end a path; such a thread does not start, and all else goes on.
  return [...own, ...SOURCE_FOLDERS.filter((folder) => !folder.includes(","))];
}

/** Where the worker may listen; any port of the host when one of them is left to the system. */
function listenPlaces(config: GivenConfig): string[] {
  const { host } = config;
  // `::` is tried on a port of the system's choice first; a host without IPv6 binds 0.0.0.0.
  const wide = host === "::";
  const hosts = wide ? ["[::]", "0.0.0.0"] : [host.includes(":") ? `[${host}]` : host];
  const ports = clientProtocols(config).map((protocol) => config[`${protocol}Port`]);
  if (ports.includes(0)) return hosts; // Found by asking for any, then perhaps bound by number.
  const places = hosts.flatMap((name) => ports.map((port) => `${name}:${port}`));
  return wide ? ["[::]:0", ...places] : places;
}
