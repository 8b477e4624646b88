/**
 * How the launcher starts a worker: its command line, which is above all its permissions.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { GivenConfig } from "./config.ts";

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
function listenPlaces(config: GivenConfig): string[] {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const ports = [config.rtmpPort, config.httpPort];
  // A port that was found by asking for any is then bound by its number.
  return ports.includes(0) ? [host] : ports.map((port) => `${host}:${port}`);
}
