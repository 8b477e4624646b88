/**
 * How the launcher starts a worker: its command line, which is above all its permissions.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { GivenConfig } from "./config.ts";

/**
 * Room for young objects, in megabytes. A burst of connections grows it up to V8's own maximum of
 * 16 and it hardly shrinks again: 20 KB more for each of 1,000 viewers, and nothing is faster.
 */
const YOUNG_MEGABYTES_MAX = 4;

/**
 * The arguments for `deno` that run `workerModule` with no more than a node needs: it listens on
 * its ports, keeps its data directory, and reads the host's name when it was given none. It reads
 * no environment: libraries that look for their own variables find them unset.
 *
 * `config.dataDir` must be absolute and without a comma.
 */
export function workerArguments(config: GivenConfig, workerModule: URL): string[] {
  return [
    "run",
    "--no-prompt",
    "--quiet", // Standard error belongs to the log.
    `--v8-flags=--max-semi-space-size=${YOUNG_MEGABYTES_MAX}`,
    `--config=${fileURLToPath(new URL("../deno.json", import.meta.url))}`,
    `--allow-net=${listenPlaces(config).join(",")}`,
    `--allow-read=${config.dataDir}`,
    `--allow-write=${config.dataDir}`,
    ...(config.name === undefined ? ["--allow-sys=hostname"] : []),
    "--ignore-env",
    fileURLToPath(workerModule),
  ];
}

/** Where the worker may listen; any port of the host when one of them is left to the system. */
function listenPlaces({ host, rtmpPort, httpPort }: GivenConfig): string[] {
  // `::` is tried on a port of the system's choice first; a host without IPv6 binds 0.0.0.0.
  const wide = host === "::";
  const hosts = wide ? ["[::]", "0.0.0.0"] : [host.includes(":") ? `[${host}]` : host];
  const ports = [rtmpPort, httpPort];
  if (ports.includes(0)) return hosts; // Found by asking for any, then perhaps bound by number.
  const places = hosts.flatMap((name) => ports.map((port) => `${name}:${port}`));
  return wide ? ["[::]:0", ...places] : places;
}
