/**
 * What a fuzz campaign says to a person.
 *
 * @module
 */
import type { Failure, TargetReport } from "./campaign.ts";

/** Longest reason that is printed whole, in characters: a stack and its causes. */
const REASON_LENGTH_MAX = 3_000;

/** A failure, with the flags that run its input again. */
export function failureText({ target, seed, index, reason, hex }: Failure): string {
  return [
    `FAILURE of "${target}": ${reason.slice(0, REASON_LENGTH_MAX)}`,
    `  again: --only '${target}' --seed ${seed} --index ${index}`,
    `  input: --only '${target}' --hex ${hex}`,
  ].join("\n");
}

/** The outcome of a whole campaign. */
export interface Outcome {
  /** Of all shards. */
  readonly reports: readonly TargetReport[];
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

/** A line for each target, then the one line that sums up: inputs, seconds, failures. */
export function reportText({ reports, failures, seconds }: Outcome): string {
  const byTarget = Map.groupBy(reports, ({ target }) => target);
  const lines = [...byTarget].map(([target, parts]) => {
    const inputs = sum(parts.map((part) => part.inputs));
    const totalMs = sum(parts.map((part) => part.totalMs));
    const longestMs = Math.max(...parts.map((part) => part.longestMs));
    const kib = Math.max(...parts.map((part) => part.largestBytes)) / 1024;
    return `${String(inputs).padStart(9)} inputs ${
      (totalMs * 1_000 / inputs).toFixed(0).padStart(6)
    }` +
      ` us each, longest ${longestMs.toFixed(0)} ms, largest array ${
        kib.toFixed(0)
      } KiB: ${target}`;
  });
  const inputs = sum(reports.map((report) => report.inputs));
  const last = `${inputs} inputs, ${seconds.toFixed(1)} seconds, ${failures.length} failures`;
  return [...lines, last].join("\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
