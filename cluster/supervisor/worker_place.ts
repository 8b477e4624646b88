/**
 * Which of a host's workers a process is, and what they share.
 *
 * @module
 */
import type { PortRange } from "../../actors/edge/udp_ports.ts";
import type { GivenConfig } from "../config.ts";

/** A worker's place among the workers of its host. Plain data: it goes through a pipe. */
export interface WorkerPlace {
  /** 0 to {@link count} - 1; also its slice of whatever is cut into as many parts. */
  readonly index: number;
  /** Workers of the host; 1 = this one is alone. */
  readonly count: number;
  /** Random; names this run of the supervisor to the lock of the data directory. */
  readonly host: string;
  /** What the workers prove to each other when no other host is in the mesh. */
  readonly meshSecret: string;
  /** The host's ports are known and, when there are several workers, theirs already. */
  readonly portsKnown: boolean;
}

/** The place of a node that another program runs, or the tests. */
export const ALONE: WorkerPlace = {
  index: 0,
  count: 1,
  host: "",
  meshSecret: "",
  portsKnown: false,
};

/** Media memory that a worker should have at least, in bytes: some streams with their windows. */
const WORKER_MEDIA_BYTES_MIN = 64 * 1024 * 1024;

/** Most workers of a host: the largest machines have as many cores. */
export const WORKERS_MAX = 256;

/** How many workers a configuration asks for on a host of so many cores. */
export function workerCount(
  { workers, mediaMemoryBytes }: Pick<GivenConfig, "workers" | "mediaMemoryBytes">,
  cores: number,
): number {
  if (workers !== "auto") return workers;
  const affordable = Math.floor(mediaMemoryBytes / WORKER_MEDIA_BYTES_MIN);
  return Math.max(1, Math.min(cores, affordable, WORKERS_MAX));
}

/** The part of the host's settings that one of `count` workers has. */
export function shareOf(config: GivenConfig, place: WorkerPlace): GivenConfig {
  const { count, index } = place;
  if (count === 1) return config;
  return {
    ...config,
    mediaMemoryBytes: Math.floor(config.mediaMemoryBytes / count),
    maxConnections: Math.ceil(config.maxConnections / count),
    udpPorts: slice(config.udpPorts, place),
    meshPort: config.redis === undefined || config.meshPort === 0 ? 0 : config.meshPort + index,
  };
}

/** A worker's own pairs of UDP ports; "off" when there are fewer pairs than workers. */
function slice(range: PortRange | "off", { index, count }: WorkerPlace): PortRange | "off" {
  if (range === "off") return range;
  const pairs = Math.floor((range.to - range.from + 1) / 2 / count);
  const from = range.from + 2 * pairs * index;
  return pairs === 0 ? "off" : { from, to: from + 2 * pairs - 1 };
}

/** The name of a worker on the host that is called `host`. */
export function workerName(host: string, { index, count }: WorkerPlace): string {
  return count === 1 ? host : `${host}.${index}`;
}
