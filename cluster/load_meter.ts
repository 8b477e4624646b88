/**
 * How much the node does: processor, traffic and the bit rate of each stream, once a second.
 *
 * @module
 */
import process from "node:process";
import type { Traffic } from "../actors/stream/lanes.ts";
import { every } from "../actors/runtime/every.ts";
import type { Clock, Timer, Timers } from "../actors/runtime/ports.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import type { StreamHub } from "../actors/stream/stream_hub.ts";

const SAMPLE_MS = 1_000;

/** Weight of the newest sample: figures follow a change within some seconds. */
const SMOOTHING = 0.3;

export interface LoadMeterOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly hub: StreamHub;
  /** Forget what nobody needs any more. */
  readonly sweeps: readonly { sweep(): void }[];
  readonly traffic: Readonly<Record<string, Traffic>>;
}

interface StreamRate {
  bytes: number;
  kbps: number;
}

export class LoadMeter {
  readonly #options: LoadMeterOptions;
  readonly #rates = new WeakMap<StreamCore, StreamRate>();
  readonly #timer: Timer;
  #sampledAtMs: number;
  #cpuMicros = cpuMicros();
  #bytesOut = 0;
  /** Cores in use: 0.5 is half a core. */
  cpuCores = 0;
  /** Kilobits a second to all clients. */
  egressKbps = 0;

  constructor(options: LoadMeterOptions) {
    this.#options = options;
    this.#sampledAtMs = options.clock.nowMs();
    this.#timer = every(options, SAMPLE_MS, () => this.#sample());
  }

  /** Payload of all tracks of the last seconds, in kilobits a second. */
  bitrateKbps(core: StreamCore): number {
    return Math.round(this.#rates.get(core)?.kbps ?? 0);
  }

  stop(): void {
    this.#timer.cancel();
  }

  #sample(): void {
    const { clock, hub, sweeps, traffic } = this.#options;
    const nowMs = clock.nowMs();
    const elapsedMs = Math.max(1, nowMs - this.#sampledAtMs);
    this.#sampledAtMs = nowMs;
    const cpu = cpuMicros();
    this.cpuCores = round((cpu - this.#cpuMicros) / 1000 / elapsedMs);
    this.#cpuMicros = cpu;
    const bytesOut = Object.values(traffic).reduce((sum, { out }) => sum + out, 0);
    this.egressKbps = Math.round((bytesOut - this.#bytesOut) * 8 / elapsedMs);
    this.#bytesOut = bytesOut;
    for (const sweep of sweeps) sweep.sweep();
    hub.sweep();
    for (const core of hub.values()) this.#sampleStream(core, elapsedMs);
  }

  #sampleStream(core: StreamCore, elapsedMs: number): void {
    const { bytes } = core.counters;
    const rate = this.#rates.get(core);
    if (rate === undefined) return void this.#rates.set(core, { bytes, kbps: 0 });
    const kbps = (bytes - rate.bytes) * 8 / elapsedMs;
    rate.kbps = rate.kbps === 0 ? kbps : rate.kbps + (kbps - rate.kbps) * SMOOTHING;
    rate.bytes = bytes;
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
