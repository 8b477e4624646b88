/**
 * The load generators as child processes on the loader's core.
 *
 * @module
 */
import { fromFileUrl, REPOSITORY } from "../support/paths.ts";
import { Child } from "../support/processes.ts";
import type { PlayOptions, PlayReport } from "./load/play.ts";
import type { HlsPlayOptions } from "./load/hls_play.ts";
import type { PublishOptions, PublishReport } from "./load/publish.ts";
import { countAsOwn } from "./proc.ts";

/** Core of the server that is measured, and of everything else. */
export const SERVER_CORE = 0;
export const LOADER_CORE = 1;

/** V8's flags of the node's workers (see `cluster/worker_command.ts`): memory compares then. */
const WORKER_FLAGS = [
  "--v8-flags=--min-semi-space-size=16,--max-semi-space-size=16,--heap-growing-percent=20",
];

/** Longest a generator may live, in milliseconds: a forgotten one must not load the machine. */
const LIFE_MS_MAX = 600_000;

/** Longest until all play or publish, in milliseconds: 5,000 viewers on a busy machine. */
const START_MS_MAX = 90_000;

/** A generator that reports when asked. */
class LoadProcess<Report> implements AsyncDisposable {
  /** Fulfilled with the first line: all are connected and working. */
  readonly started: Promise<unknown>;
  readonly pid: number;
  readonly #child: Child;
  #awaited: PromiseWithResolvers<Report> | undefined;

  constructor(script: string, options: unknown, core: number, flags: readonly string[] = []) {
    const started = Promise.withResolvers<unknown>();
    const path = fromFileUrl(new URL(script, import.meta.url));
    const run = ["run", "--quiet", "--allow-all", ...flags, path, JSON.stringify(options)];
    this.#child = new Child("taskset", ["-c", String(core), Deno.execPath(), ...run], {
      cwd: REPOSITORY,
      timeoutMs: LIFE_MS_MAX,
      onLine: (line) => {
        const value = JSON.parse(line) as { event: string };
        if (value.event === "report") this.#awaited?.resolve(value as Report);
        else started.resolve(value);
      },
    });
    this.pid = this.#child.pid;
    countAsOwn(this.pid, core);
    const timer = setTimeout(() => {
      started.reject(new Error(`${script} did not start within ${START_MS_MAX} ms`));
    }, START_MS_MAX);
    this.#child.ended.then(({ code, stderr }) => {
      clearTimeout(timer);
      const error = new Error(`${script} ended with ${code}: ${stderr.slice(-600)}`);
      started.reject(error);
      this.#awaited?.reject(error);
    });
    this.started = started.promise.finally(() => clearTimeout(timer));
    this.started.catch(() => {}); // Awaited by whoever measures.
  }

  /** What happened since this was asked last. */
  report(): Promise<Report> {
    this.#awaited = Promise.withResolvers<Report>();
    this.#child.signal("SIGUSR2");
    return this.#awaited.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end("SIGKILL");
  }
}

export type Players = LoadProcess<PlayReport>;
export type Pushers = LoadProcess<PublishReport>;

/** Starts players; resolves when all of them play. */
export async function startPlayers(options: PlayOptions): Promise<Players> {
  return await startedOrEnded(new LoadProcess<PlayReport>("load/play.ts", options, LOADER_CORE));
}

/** Starts players of low-latency HLS; resolves when all of them got a part. */
export async function startHlsPlayers(options: HlsPlayOptions): Promise<Players> {
  const script = "load/hls_play.ts";
  return await startedOrEnded(new LoadProcess<PlayReport>(script, options, LOADER_CORE));
}

/** Starts publishers; resolves when all of them publish. */
export async function startPushers(options: PublishOptions): Promise<Pushers> {
  return await startedOrEnded(
    new LoadProcess<PublishReport>("load/publish.ts", options, LOADER_CORE),
  );
}

/** A server of the benchmark's own, such as the bare loop; resolves with its ready line. */
export async function startScript<Ready>(
  script: string,
  options: unknown,
): Promise<{ ready: Ready; process: LoadProcess<never> }> {
  const process = await startedOrEnded(
    new LoadProcess<never>(script, options, SERVER_CORE, WORKER_FLAGS),
  );
  return { ready: await process.started as Ready, process };
}

async function startedOrEnded<Report>(
  process: LoadProcess<Report>,
): Promise<LoadProcess<Report>> {
  try {
    await process.started;
    return process;
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}
