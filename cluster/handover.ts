/**
 * What the launcher tells its worker over the worker's standard input: one line with the
 * configuration, then a line for each command. The end of the input says that the launcher is
 * gone. A pipe, because a command line shows its secrets to every user of the machine.
 *
 * @module
 */
import type { GivenConfig } from "./config.ts";

/** The first line. */
export interface Handover {
  readonly config: GivenConfig;
  /** Process id of the launcher. */
  readonly launcherPid: number;
}

/** Later lines: let the clients leave; or end at once. Repeating one changes nothing. */
export type WorkerCommand = "drain" | "stop";

/** Longest line, in bytes: the longest path and token leave it mostly empty. */
const LINE_BYTES_MAX = 65_536;

/** The first line, with its line feed. */
export function handoverLine(handover: Handover): string {
  return `${JSON.stringify(handover)}\n`; // Options without a value are left out, and come back so.
}

/**
 * Reads the first line.
 *
 * @throws {TypeError} Not a line of {@link handoverLine}: somebody ran the worker by hand.
 */
export function parseHandover(line: string): Handover {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("config" in value)) {
    throw new TypeError("Cannot start worker: its input is not a configuration");
  }
  return value as Handover; // Both ends are the same version of this file.
}

/** Whether a line is a command. */
export function isWorkerCommand(line: string): line is WorkerCommand {
  return line === "drain" || line === "stop";
}

/**
 * The lines of an input, without their line feeds, until it ends. What stands behind the last line
 * feed is no line.
 *
 * @throws {RangeError} A line is longer than 64 KiB.
 */
export async function* inputLines(
  read: (target: Uint8Array) => Promise<number | null>,
): AsyncGenerator<string, void> {
  const buffer = new Uint8Array(LINE_BYTES_MAX);
  const decoder = new TextDecoder();
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      throw new RangeError(`Cannot read line: no line feed within ${LINE_BYTES_MAX} bytes`);
    }
    const count = await read(buffer.subarray(filled));
    if (count === null) return;
    filled += count;
    for (let end; (end = buffer.subarray(0, filled).indexOf(0x0a)) >= 0;) {
      yield decoder.decode(buffer.subarray(0, end));
      buffer.copyWithin(0, end + 1, filled);
      filled -= end + 1;
    }
  }
}
