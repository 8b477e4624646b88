/**
 * Metrics of this process in the Prometheus text format, pulled from a snapshot at each scrape;
 * between scrapes nothing here runs.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, Registry } from "prom-client";
import {
  type ByLabel,
  LABEL_VALUES_MAX,
  type MetricsPart,
  type MetricsSource,
  type ProcessUsage,
} from "./metrics_source.ts";
import { type Described, LABELLED, PROCESS, SINGLE } from "./metrics_families.ts";
import type { MetricsText } from "./service_routes.ts";

/** Makes the scrape of a process: a function that answers with the present text. */
export function createMetrics(
  source: MetricsSource,
  readProcess: () => ProcessUsage = readThisProcess,
): () => Promise<MetricsText> {
  // The registry collects from all metrics before its first pause, so one scrape is one snapshot.
  return scrapeOf(
    () => [{ worker: "", snapshot: source.snapshot(), usage: readProcess() }],
    false,
  );
}

/**
 * Makes the scrape of a host with several workers, whichever of them answers. What is there at the
 * moment is summed. What only ever rises, and what a sum says nothing of, is told of each worker
 * apart: a worker that is replaced begins anew, which must not look as if all had.
 */
export function createHostMetrics(
  ask: () => Promise<readonly MetricsPart[]>,
): () => Promise<MetricsText> {
  return scrapeOf(ask, true);
}

function scrapeOf(
  ask: () => readonly MetricsPart[] | Promise<readonly MetricsPart[]>,
  byWorker: boolean,
): () => Promise<MetricsText> {
  const registry = new Registry();
  let parts!: readonly MetricsPart[]; // Set before each collection.
  const add = (one: Described, read: (part: MetricsPart) => number | ByLabel, label?: string) => {
    const apart = byWorker && (one.type === "counter" || one.perWorker === true);
    addFamily(registry, { ...one, label, worker: apart }, () => {
      return samplesOf(parts.map((part) => ({ worker: part.worker, read: read(part) })), apart);
    });
  };
  for (const one of SINGLE) add(one, ({ snapshot }) => one.read(snapshot));
  for (const one of LABELLED) add(one, ({ snapshot }) => one.read(snapshot), one.label);
  for (const one of PROCESS) add({ ...one, perWorker: true }, ({ usage }) => one.read(usage));
  return async () => {
    const asked = ask();
    parts = "then" in asked ? await asked : asked;
    return { contentType: registry.contentType, body: await registry.metrics() };
  };
}

/** One number of a family. */
interface Sample {
  readonly worker: string;
  /** Empty for a family without labels of its own. */
  readonly value: string;
  readonly number: number;
}

/** The workers' numbers: each apart, or the sums of those with the same label. */
function samplesOf(
  numbers: readonly { readonly worker: string; readonly read: number | ByLabel }[],
  apart: boolean,
): Sample[] {
  const samples = new Map<string, Sample>();
  for (const { worker, read } of numbers) {
    const byLabel = typeof read === "number" ? [["", shown(read)] as const] : boundedLabels(read);
    for (const [value, number] of byLabel) {
      const key = apart ? `${worker} ${value}` : value;
      const sum = number + (samples.get(key)?.number ?? 0);
      samples.set(key, { worker, value, number: sum });
    }
  }
  return [...samples.values()];
}

interface Family extends Described {
  readonly label: string | undefined;
  /** Whether each sample names its worker. */
  readonly worker: boolean;
}

function addFamily(registry: Registry, family: Family, read: () => Sample[]): void {
  const { type, name, help, label, worker } = family;
  const labelNames = [...(label === undefined ? [] : [label]), ...(worker ? ["worker"] : [])];
  const common = { name, help, registers: [registry], labelNames };
  const labelsOf = (sample: Sample): Record<string, string> => ({
    ...(label === undefined ? {} : { [label]: sample.value }),
    ...(worker ? { worker: sample.worker } : {}),
  });
  if (type === "gauge") {
    const collect = function (this: Gauge): void {
      this.reset();
      for (const sample of read()) this.set(labelsOf(sample), sample.number);
    };
    new Gauge({ ...common, collect });
    return;
  }
  const collect = function (this: Counter): void {
    // The numbers are running totals already, so each scrape starts the library's sum anew.
    this.reset();
    for (const sample of read()) this.inc(labelsOf(sample), sample.number);
  };
  new Counter({ ...common, collect });
}

/** The first {@link LABEL_VALUES_MAX} - 1 values as they are, and the sum of the rest. */
function boundedLabels(numbers: ByLabel): Map<string, number> {
  const shownNumbers = new Map<string, number>();
  for (const [value, number] of Object.entries(numbers)) {
    const room = shownNumbers.size < LABEL_VALUES_MAX - 1 || shownNumbers.has(value);
    const key = room ? value : "other";
    shownNumbers.set(key, (shownNumbers.get(key) ?? 0) + shown(number));
  }
  return shownNumbers;
}

/** One odd number (a percentile of nothing is NaN) must not cost the whole scrape. */
function shown(number: number): number {
  return Number.isFinite(number) && number > 0 ? number : 0;
}

/** Reads this process's usage; needs no permission. */
export function readThisProcess(): ProcessUsage {
  const { user, system } = process.cpuUsage(); // Microseconds.
  const { rss, heapUsed } = process.memoryUsage();
  return {
    userCpuSeconds: user / 1e6,
    systemCpuSeconds: system / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    startSeconds: performance.timeOrigin / 1_000,
  };
}
