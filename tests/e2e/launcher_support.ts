/**
 * Starts the command line with a fake node behind it, as `deno task node` would.
 *
 * @module
 */
import { REPOSITORY } from "../support/paths.ts";
import { Child, delay, type Ended, eventually } from "../support/processes.ts";

/** Longest that a launcher of these tests may live, in milliseconds. */
const LIFE_MAX_MS = 90_000;

const MAIN = `${REPOSITORY}/tests/e2e/launcher_main.ts`;

/** A launcher and its worker. */
export interface Launched extends AsyncDisposable {
  readonly child: Child;
  /** The ready line. */
  readonly ready: {
    readonly event: string;
    readonly node: string;
    readonly pids: readonly [number, number];
    readonly addresses: Readonly<Record<string, string>>;
  };
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The arguments of the task `node`, its program replaced by the one with the fake node. */
function taskCommand(): string {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${REPOSITORY}/deno.json`));
  return (tasks.node as string).replace(/mod\.ts$/, MAIN);
}

/** The arguments of `deno` that do what the task does, without the task's own process. */
export function launcherArguments(args: readonly string[]): string[] {
  const words = taskCommand().replace(/\$\(.*\(\)'\)/, Deno.execPath()).split(" ").slice(1);
  return [words[0], "--quiet", ...words.slice(1), "--workers", "1", ...args];
}

/** A folder with a `deno.json` whose task `node` is ours with the fake node. */
export async function makeTaskFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "headwater-task-" });
  const settings = JSON.parse(Deno.readTextFileSync(`${REPOSITORY}/deno.json`));
  settings.tasks = { node: taskCommand() };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(settings));
  return folder;
}

/** Runs the command line. */
export function runLauncher(options: LaunchOptions & { onLine?: (line: string) => void }): Child {
  return new Child(Deno.execPath(), launcherArguments(options.args ?? []), {
    timeoutMs: LIFE_MAX_MS,
    cwd: REPOSITORY,
    env: { ...Deno.env.toObject(), NO_COLOR: "1", ...options.env },
    onLine: options.onLine,
  });
}

/** Runs the command line to its end. */
export async function launcherResult(options: LaunchOptions): Promise<Ended> {
  await using child = runLauncher(options);
  return await child.ended;
}

/** Starts a node that is to be ready; any free port on loopback, JSON lines. */
export async function launch(data: string, options: LaunchOptions = {}): Promise<Launched> {
  const fixed = ["--host", "127.0.0.1", "--rtmp-port", "0", "--log-format", "json"];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const args = [...fixed, "--data", data, ...options.args ?? []];
  const child = runLauncher({ ...options, args, onLine: resolve });
  child.ended.then(({ code, stderr }) => reject(new Error(`not ready, code ${code}: ${stderr}`)));
  const ready = JSON.parse(await promise) as Launched["ready"];
  return {
    child,
    ready,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.ended;
      await eventually("the worker is gone", () => !isAlive(ready.pids[1]));
    },
  };
}

/** Runs `test` with a data directory that is removed afterwards. */
export async function withData(test: (data: string) => Promise<void>): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "headwater-data-" });
  try {
    await test(data);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** Whether a process runs; one that only waits to be collected does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Waits until the worker's log says so often that `message` happened. */
export async function logged(child: Child, message: string): Promise<void> {
  await eventually(`log: ${message}`, () => countLogged(child.stderr, message) > 0);
}

/** How often a JSON log has a message. */
export function countLogged(log: string, message: string): number {
  return log.split(`"message":${JSON.stringify(message)}`).length - 1;
}

/** A pause that two signals of a person have between them; shorter ones are echoes. */
export function betweenPresses(): Promise<void> {
  return delay(300);
}
