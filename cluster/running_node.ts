/**
 * What a started node offers to the program that started it.
 *
 * @module
 */
import type { Ports } from "../actors/runtime/ports.ts";
import type { ReloadAnswer } from "../actors/http/config_routes.ts";
import type { Config, GivenConfig } from "./config.ts";
import type { Directory } from "./directory/directory.ts";
import type { WorkerPlace } from "./supervisor/worker_place.ts";

/** A node whose listeners are all up. */
export interface RunningNode {
  readonly name: string;
  /** What listens where: "rtmp" and "http" to `host:port`, IPv6 addresses in brackets. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Puts the applications of another configuration in force, for new sessions alone. */
  applyConfig(config: GivenConfig): void;
  /** Takes no new work and resolves when the last client has left; has no time limit itself. */
  drain(): Promise<void>;
  /** Closes everything at once; also during a drain, and more than once. */
  stop(): Promise<void>;
}

/** Where a node stands among the workers of its host. */
export interface NodePlace extends WorkerPlace {
  /** Name of the host, which is the node's own when it is alone there. */
  readonly hostName: string;
  /** The one that the host's workers share; `undefined` = Redis has it, or the node is alone. */
  readonly directory: Directory | undefined;
}

/** What a node may ask of the program that started it. */
export interface NodeHost {
  /** Left out: it is the only node of that program. */
  readonly place?: NodePlace;
  /** Replaces the workers of the host one after another; left out when it cannot. */
  restartHost?(): void;
  /** Reads the configuration again and applies it; answers once that is done. */
  reloadConfig(): Promise<ReloadAnswer>;
}

/**
 * Starts a node and resolves once all of its listeners are up.
 *
 * @throws {StartError} The operator can put it right: a taken port, an address of another host.
 */
export type StartNode = (config: Config, ports: Ports, host?: NodeHost) => Promise<RunningNode>;
