/**
 * What the launcher tells its worker over the worker's standard input: one line with the
 * configuration, then a line for each command, for each time it read the configuration again, and
 * what `supervisor/worker_lines.ts` adds. The end of the input says that the launcher is gone. A
 * pipe, because a command line shows its secrets to every user of the machine.
 *
 * @module
 */
import type { GivenConfig } from "./config.ts";
import type { WorkerPlace } from "./supervisor/worker_place.ts";

/** The first line. */
export interface Handover {
  /** This worker's share of the host's. */
  readonly config: GivenConfig;
  readonly place: WorkerPlace;
}

/** Later lines: let the clients leave; or end at once. Repeating one changes nothing. */
export type WorkerCommand = "drain" | "stop";

/** What came of reading the configuration again. */
export type Reread =
  | {
    readonly ok: true;
    readonly config: GivenConfig;
    /** Flags whose new values hold only after a restart. */
    readonly needRestart: readonly string[];
  }
  /** One line that says what is wrong, and where. */
  | { readonly ok: false; readonly reason: string };

/**
 * Longest line, in bytes: the largest configuration file with keys as long as ours, each character
 * three bytes. Far more than any real one has.
 */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Room for a line before one turns out to be longer. */
const LINE_BYTES_FIRST = 4 * 1024;

/** What goes before the outcome of a reread. */
const REREAD = "reread ";

/** The first line, without its line feed. */
export function handoverLine(handover: Handover): string {
  return JSON.stringify(handover); // Options without a value are left out, and come back so.
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

/** The line that tells the worker what came of a reread, without its line feed. */
export function rereadLine(reread: Reread): string {
  return `${REREAD}${JSON.stringify(reread)}`;
}

/** Reads a line of {@link rereadLine}; `undefined` when it is another one. */
export function parseReread(line: string): Reread | undefined {
  // Both ends are the same version of this file.
  return line.startsWith(REREAD) ? JSON.parse(line.slice(REREAD.length)) as Reread : undefined;
}

/** Whether a line is a command. */
export function isWorkerCommand(line: string): line is WorkerCommand {
  return line === "drain" || line === "stop";
}

/**
 * The lines of an input, without their line feeds, until it ends. What stands behind the last line
 * feed is no line.
 *
 * @param lineBytesMax Longest line, in bytes, with its line feed.
 * @throws {RangeError} A line is longer.
 */
export async function* inputLines(
  read: (target: Uint8Array) => Promise<number | null>,
  lineBytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<string, void> {
  let buffer = new Uint8Array(Math.min(LINE_BYTES_FIRST, lineBytesMax));
  const decoder = new TextDecoder();
  let filled = 0;
  for (;;) {
    if (filled === lineBytesMax) {
      throw new RangeError(`Cannot read line: no line feed within ${lineBytesMax} bytes`);
    }
    if (filled === buffer.length) {
      const larger = new Uint8Array(Math.min(2 * filled, lineBytesMax));
      larger.set(buffer);
      buffer = larger;
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

/** A stream in the form that {@link inputLines} reads. */
export function readerOf(
  stream: ReadableStream<Uint8Array>,
): (target: Uint8Array) => Promise<number | null> {
  const reader = stream.getReader();
  let rest = new Uint8Array(0);
  return async (target) => {
    while (rest.length === 0) {
      const { value, done } = await reader.read();
      if (done) return null;
      rest = new Uint8Array(value);
    }
    const count = Math.min(rest.length, target.length);
    target.set(rest.subarray(0, count));
    rest = rest.subarray(count);
    return count;
  };
}
