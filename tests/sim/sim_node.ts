/**
 * A node of the simulation: one start of one process, with the real mesh in it and nothing of the
 * sockets of clients.
 *
 * @module
 */
import { Flusher } from "../../actors/stream/flusher.ts";
import { INGEST, IngestActor } from "../../actors/stream/ingest_actor.ts";
import { logWindowUs } from "../../actors/stream/log_window.ts";
import { MediaBudget } from "../../actors/stream/media_budget.ts";
import type { StreamPolicy } from "../../actors/stream/stream_actor.ts";
import type { StreamCore } from "../../actors/stream/stream_core.ts";
import { StreamHub } from "../../actors/stream/stream_hub.ts";
import { Mesh } from "../../cluster/mesh.ts";
import { HLS_SETTINGS } from "../../protocols/hls/settings.ts";
import type { VirtualNetwork } from "../support/virtual_network.ts";
import { type DirectoryWeather, SimDirectory } from "./sim_directory.ts";
import type { SimProcess } from "./sim_process.ts";
import { simTransport } from "./sim_transport.ts";

/** Streams that a node may have data of; a simulation has a handful. */
const STREAMS_MAX = 64;

/** Media memory of a node: more than a simulation's few small frames ever take. */
const MEDIA_BYTES_MAX = 16 * 1024 * 1024;

/** Distance of sweeps over streams that nobody needs, in milliseconds. */
const SWEEP_MS = 1_000;

/** A drain may take so long, in milliseconds; what is left then is left to others. */
const DRAIN_MS = 8_000;

const SECRET = new TextEncoder().encode("the simulation's secret");

export interface SimNodeOptions {
  readonly process: SimProcess;
  readonly network: VirtualNetwork;
  readonly weather: DirectoryWeather;
  readonly holdMs: number;
  /** Whether a second publisher replaces the first of a stream at once. */
  readonly takeover: (stream: string) => boolean;
}

export class SimNode {
  readonly process: SimProcess;
  readonly hub: StreamHub;
  readonly mesh: Mesh;
  readonly directory: SimDirectory;
  readonly weather: DirectoryWeather;
  /** Told of publishers that are to be disconnected, by session. */
  readonly kicks = new Map<string, (reason: string) => void>();
  /** Its host is gone, not just the process: nobody's socket learns of its end. */
  vanished = false;
  /** Leaves on purpose: nobody new is let in. */
  draining = false;

  constructor({ process, network, weather, holdMs, takeover }: SimNodeOptions) {
    this.process = process;
    this.weather = weather;
    this.directory = new SimDirectory(process, weather);
    this.hub = new StreamHub({
      budget: new MediaBudget(MEDIA_BYTES_MAX),
      streamsMax: STREAMS_MAX,
      windowUs: logWindowUs(HLS_SETTINGS),
      flusher: new Flusher<StreamCore>({
        clock: process.clock,
        timers: process.timers,
        window: 0,
        latenessMs: () => 0,
        failed(_stream, error) {
          throw error;
        },
      }),
    });
    const policyOf = ({ name }: { name: string }): StreamPolicy => ({
      hls: HLS_SETTINGS,
      logWindowUs: logWindowUs(HLS_SETTINGS),
      holdMs,
      takeover: takeover(name),
    });
    const { name } = process;
    const mesh: Mesh = this.mesh = new Mesh({
      ports: process,
      directory: this.directory,
      transport: simTransport(process, network),
      mesh: "sim",
      secret: () => SECRET,
      self: {
        ...{ node: name, address: name, host: name, zone: "", role: "any", weight: 1 },
        addresses: {},
      },
      hub: this.hub,
      policyOf,
      replicas: 1,
      reasserting: () => {},
      load: () => ({ cpu: 0, lagMs: 0, egressKbps: 0, streams: mesh.ownership.size, viewers: 0 }),
      latenessMs: () => process.latenessMs,
    });
    mesh.system.register(INGEST, (id) => new IngestActor((reason) => this.#kick(id, reason)));
    this.#sweep();
  }

  get name(): string {
    return this.process.name;
  }

  /** It runs and lets clients in, as far as they can know. */
  get open(): boolean {
    return !this.process.dead && !this.draining;
  }

  /** Gives its streams to others; resolves when it has none, or after a while. */
  async drain(): Promise<void> {
    this.draining = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.process.timers.after(DRAIN_MS, resolve);
    await Promise.race([this.mesh.drain(), promise]);
    timer.cancel();
  }

  async leave(): Promise<void> {
    await this.mesh.leave();
    await this.mesh.stop();
  }

  #kick(id: string, reason: string): number {
    const core = this.mesh.ingests.coreOf(id);
    this.kicks.get(id)?.(reason);
    return core?.log.nextSeq ?? 0;
  }

  #sweep(): void {
    this.process.timers.after(SWEEP_MS, () => {
      this.hub.sweep();
      this.#sweep();
    });
  }
}
