/**
 * One worker process as its supervisor sees it: pipes of lines in both directions, and its end.
 *
 * @module
 */
import type { GivenConfig } from "../config.ts";
import { inputLines, readerOf } from "../handover.ts";
import { workerArguments } from "../worker_command.ts";
import { parseMessage, type WorkerMessage } from "./worker_lines.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number;
  readonly signal: string | null;
}

/** A worker that runs. */
export interface WorkerHandle {
  readonly pid: number;
  /** Resolves when the process is gone and its last line was taken. */
  readonly ended: Promise<WorkerEnd>;
  /** Sends a line, which has no line feed yet; does nothing when the worker is gone. */
  send(line: string): void;
  /** Ends it at once; does nothing when it is gone. */
  kill(): void;
}

export interface StartWorkerOptions {
  readonly config: GivenConfig;
  readonly workerModule: URL;
  /** Workers of the host: more than one talk to each other. */
  readonly count: number;
  readonly onMessage: (message: WorkerMessage) => void;
  /** A line for the world. */
  readonly onLine: (line: string) => void;
}

/** Starts the process. @throws {Error} The system does not let us. */
export function startWorker(options: StartWorkerOptions): WorkerHandle {
  const { config, workerModule, count } = options;
  const process = new Deno.Command(Deno.execPath(), {
    args: workerArguments(config, workerModule, count),
    // A group of its own: a terminal's Ctrl-C is for the launcher, which passes it on once.
    detached: true,
    stdin: "piped", // Its end tells the worker that the launcher is gone.
    stdout: "piped", // Its messages to us; what is none is passed on.
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  const encoder = new TextEncoder();
  const said = follow(process.stdout, options);
  return {
    pid: process.pid,
    ended: Promise.all([process.status, said]).then(([{ code, signal }]) => ({ code, signal })),
    send(line) {
      writer.write(encoder.encode(`${line}\n`)).catch(() => {}); // The status tells it is gone.
    },
    kill() {
      try {
        process.kill("SIGKILL");
      } catch {
        return; // Gone already.
      }
    },
  };
}

async function follow(
  stdout: ReadableStream<Uint8Array>,
  { onMessage, onLine }: StartWorkerOptions,
): Promise<void> {
  for await (const line of inputLines(readerOf(stdout))) {
    const message = parseMessage(line);
    if (message === undefined) onLine(line);
    else onMessage(message);
  }
}
