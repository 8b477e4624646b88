/**
 * Headwater, a live-video mesh. Import {@link startNode} to run a node inside a program; run as
 * main it is the command line, see `deno task node --help`.
 *
 * @module
 */
import type { Ports } from "./actors/runtime/ports.ts";
import { runCommandLine } from "./cluster/command_line.ts";
import type { Config } from "./cluster/config.ts";
import type { NodeHost, RunningNode } from "./cluster/running_node.ts";

export type {
  Clock,
  Log,
  LogFields,
  Ports,
  Random,
  Timer,
  Timers,
} from "./actors/runtime/ports.ts";
export type { Config, GivenConfig, LogFormat, LogLevel } from "./cluster/config.ts";
export type { NodeHost, RunningNode } from "./cluster/running_node.ts";
export { StartError } from "./cluster/start_error.ts";
export { systemPorts } from "./cluster/system_ports.ts";

/**
 * Starts a node in this process and resolves once all of its listeners are up. The data directory
 * must be the node's alone; the command line holds a lock on it.
 *
 * @throws {StartError} The operator can put it right: a taken port, an address of another host.
 */
export async function startNode(
  config: Config,
  ports: Ports,
  host?: NodeHost,
): Promise<RunningNode> {
  // Loaded only here: the launcher, which is this file run as main, needs none of it.
  const node = await import("./cluster/node.ts");
  return await node.startNode(config, ports, host);
}

if (import.meta.main) Deno.exit(await runCommandLine(Deno.args));
