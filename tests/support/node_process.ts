/**
 * A real node, started as its users start it: `deno task node` on ports the system chooses.
 *
 * @module
 */
import type { ListenerProtocol } from "../../actors/edge/admission.ts";
import { Child, type Ended, eventually } from "./processes.ts";
import { REPOSITORY } from "./paths.ts";

/** Longest a node may live, in milliseconds: longer than any test file, or series, that uses it. */
const LIFE_MAX_MS = 1_800_000;

/** Longest a node may take to be ready: two starts of Deno on a busy machine. */
const READY_MS_MAX = 60_000;

/** Longest a node may take to follow SIGTERM before its processes are killed, in milliseconds. */
const STOP_MS_MAX = 8_000;

/** The token every test node is started with. */
export const TEST_TOKEN = "test-token-of-the-e2e-tests";

/** What the node prints on standard output once it serves. */
interface ReadyLine {
  readonly event: "ready";
  readonly node: string;
  readonly pids: readonly number[];
  readonly addresses: Readonly<Record<string, string>>;
}

/** One line of the node's log; fields beside these depend on the event. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A running node. Ended by `stop()` or `await using`, which also remove its data. */
export class TestNode implements AsyncDisposable {
  readonly ready: ReadyLine;
  readonly dataFolder: string;
  readonly #child: Child;

  constructor(child: Child, ready: ReadyLine, dataFolder: string) {
    this.#child = child;
    this.ready = ready;
    this.dataFolder = dataFolder;
  }

  /** How the process that was started ended: `deno task` itself. */
  get ended(): Promise<Ended> {
    return this.#child.ended;
  }

  /** The process that serves the clients. */
  get workerPid(): number {
    return this.ready.pids[this.ready.pids.length - 1];
  }

  /** `host:port` of a listener. */
  address(protocol: ListenerProtocol): string {
    return this.ready.addresses[protocol];
  }

  rtmpUrl(path: string): string {
    return `rtmp://${this.address("rtmp")}/${path}`;
  }

  rtspUrl(path: string): string {
    return `rtsp://${this.address("rtsp")}/${path}`;
  }

  httpUrl(path: string): string {
    return `http://${this.address("http")}/${path}`;
  }

  wsUrl(path: string): string {
    return `ws://${this.address("http")}/${path}`;
  }

  /** Calls the API with the token; a JSON answer must be there. */
  async api<T>(path: string, method = "GET"): Promise<T> {
    const response = await this.fetchApi(path, method);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  fetchApi(path: string, method = "GET", json?: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${TEST_TOKEN}`, "content-type": "application/json" };
    const body = json === undefined ? undefined : JSON.stringify(json);
    return fetch(this.httpUrl(`api/v1/${path}`), { method, headers, body });
  }

  /** What a scrape of the metrics gives. */
  fetchMetrics(): Promise<Response> {
    return fetch(this.httpUrl("metrics"), { headers: { authorization: `Bearer ${TEST_TOKEN}` } });
  }

  /** The latest log lines; what is not JSON is given as `{ text }`. */
  logs(): LogLine[] {
    return this.#child.stderr.split("\n").filter((line) => line !== "").map(parseLogLine);
  }

  /** Waits for a log line that `matches`. @throws {Error} None came in time. */
  async waitForLog(what: string, matches: (line: LogLine) => boolean): Promise<LogLine> {
    return await eventually(`log line: ${what}`, () => this.logs().find(matches));
  }

  /** Signals the process that was started, as a service manager would. */
  signal(signal: Deno.Signal): void {
    this.#child.signal(signal);
  }

  /** Resident memory of the worker in bytes. */
  memoryBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.workerPid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async stop(): Promise<Ended> {
    const ended = await this.#child.end("SIGTERM", STOP_MS_MAX);
    // When `deno task` had to be killed, what it started may still be there.
    for (const pid of this.ready.pids) killIfRunning(pid);
    await removeFolder(this.dataFolder);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export interface TestNodeOptions {
  /** Further flags. */
  readonly args?: readonly string[];
  /** Folder for `--data`; one of its own unless given. */
  readonly dataFolder?: string;
  /** Command that runs the node's; none unless given. */
  readonly within?: readonly string[];
  /** Path of the program that is run as the task runs the real one; that unless given. */
  readonly program?: string;
}

/** Starts a node and waits until it is ready. @throws {Error} It ended or was silent. */
export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const dataFolder = options.dataFolder ?? await Deno.makeTempDir({ prefix: "headwater-data-" });
  const { promise, resolve, reject } = Promise.withResolvers<ReadyLine>();
  const child = startNodeChild([...options.args ?? [], "--data", dataFolder], (line) => {
    try {
      resolve(JSON.parse(line) as ReadyLine);
    } catch {
      reject(new Error(`Cannot start a node: it printed ${line.slice(0, 200)}`));
    }
  }, { within: options.within, program: options.program });
  child.ended.then(({ code, stderr }) => {
    reject(new Error(`Cannot start a node: exit code ${code}: ${stderr.slice(-600)}`));
  });
  const timer = setTimeout(() => {
    reject(new Error(`Cannot start a node: not ready after ${READY_MS_MAX} ms: ${child.stderr}`));
  }, READY_MS_MAX);
  try {
    return new TestNode(child, await promise, dataFolder);
  } catch (error) {
    await child.end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs `deno task node` with ports of its own; flags in `args` come last and win. Without a
 * `token` the node makes its own.
 */
export function startNodeChild(
  args: readonly string[],
  onLine?: (line: string) => void,
  { token = TEST_TOKEN, within = [], program }: {
    token?: string | null;
    within?: readonly string[];
    program?: string;
  } = {},
): Child {
  const [command, ...before] = [...within, Deno.execPath()];
  return new Child(command, [
    ...before,
    ...(program === undefined ? ["task", "--quiet", "node"] : taskArguments(program)),
    ...["--host", "127.0.0.1", "--workers", "1"],
    ...["--rtmp-port", "0", "--rtsp-port", "0", "--http-port", "0"],
    ...["--name", "test", "--log-format", "json"],
    ...(token === null ? [] : ["--api-token", token]),
    ...args,
  ], {
    cwd: REPOSITORY,
    env: cleanEnvironment(),
    timeoutMs: LIFE_MAX_MS,
    orphanSignal: "TERM",
    onLine,
  });
}

/** The arguments of `deno` that do with `program` what the task `node` does, itself left out. */
function taskArguments(program: string): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${REPOSITORY}/deno.json`));
  const command = (tasks.node as string).replace(/mod\.ts$/, program);
  const words = command.replace(/\$\(.*\(\)'\)/, Deno.execPath()).split(" ").slice(1);
  return [words[0], "--quiet", ...words.slice(1)];
}

/** The environment without what would configure the node from outside. */
function cleanEnvironment(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(
    all.filter(([name]) => !name.startsWith("HEADWATER_") && name !== "REDIS_URL"),
  );
}

function parseLogLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { text: line };
  }
}

function killIfRunning(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    return; // Gone, as it should be.
  }
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
