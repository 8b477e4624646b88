/**
 * Child processes of the tests: each has a deadline, bounded output and an end.
 *
 * A child never outlives the tests: it is ended by `end()` or `await using`, by its deadline, when
 * the test module unloads, and by the kernel when the tests themselves are killed.
 *
 * @module
 */

/** Most output kept of one stream, in characters; what is older is forgotten. */
const OUTPUT_KEPT_MAX = 256 * 1024;

/** How long a child may take to follow SIGTERM, in milliseconds. */
const END_GRACE_MS = 3_000;

/** How long something awaited may take unless said, in milliseconds: only what never comes fails. */
const EVENTUALLY_MS_MAX = 20_000;

/** Ends a child when the thread that started it is gone; part of util-linux. */
const PARENT_DEATH_TOOL = "/usr/bin/setpriv";

/** Children that still run; killed when the test module unloads. */
const running = new Set<Child>();

globalThis.addEventListener("unload", () => {
  for (const child of running) child.kill();
});

export interface ChildOptions {
  /** Deadline after which the child is killed, in milliseconds. */
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Replaces the environment as a whole. */
  readonly env?: Readonly<Record<string, string>>;
  /** Most standard output kept, in characters; {@link OUTPUT_KEPT_MAX} unless given. */
  readonly outputMax?: number;
  /** Sees each whole line of standard output as it arrives. */
  readonly onLine?: (line: string) => void;
  /** What the kernel sends the child when the tests die; "KILL" unless given. */
  readonly orphanSignal?: "KILL" | "TERM";
}

/** How a child ended. */
export interface Ended {
  readonly code: number;
  /** The deadline passed, and the child was killed. */
  readonly timedOut: boolean;
  /** The last of what it wrote. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Text of a stream, the latest `max` characters of it. */
class Output {
  #text = "";
  #line = "";
  readonly #max: number;
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(max: number, onLine?: (line: string) => void) {
    this.#max = max;
    this.#onLine = onLine;
  }

  get text(): string {
    return this.#text;
  }

  async drain(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#push(text);
  }

  #push(text: string): void {
    this.#text = (this.#text + text).slice(-this.#max);
    if (this.#onLine === undefined) return;
    const lines = (this.#line + text).split("\n");
    this.#line = (lines.pop() ?? "").slice(-this.#max);
    for (const line of lines) this.#onLine(line);
  }
}

/** A running child process. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  /** Fulfilled when the child is gone and its output is read. */
  readonly ended: Promise<Ended>;
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr = new Output(OUTPUT_KEPT_MAX);
  #timedOut = false;
  #gone = false;

  constructor(command: string, args: readonly string[], options: ChildOptions) {
    const [program, programArgs] = withParentDeath(command, args, options.orphanSignal ?? "KILL");
    this.#process = new Deno.Command(program, {
      args: programArgs,
      cwd: options.cwd,
      env: options.env,
      clearEnv: options.env !== undefined,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#process.pid;
    this.#stdout = new Output(options.outputMax ?? OUTPUT_KEPT_MAX, options.onLine);
    running.add(this);
    this.ended = this.#follow(options.timeoutMs);
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  /** Sends a signal; false when the child is gone already. */
  signal(signal: Deno.Signal): boolean {
    if (this.#gone) return false;
    try {
      this.#process.kill(signal);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof TypeError) return false;
      throw error;
    }
  }

  kill(): void {
    this.signal("SIGKILL");
  }

  /** Ends the child: `signal` first, SIGKILL when that does not help in time. */
  async end(signal: Deno.Signal = "SIGTERM", graceMs = END_GRACE_MS): Promise<Ended> {
    this.signal(signal);
    const timer = setTimeout(() => this.kill(), graceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #follow(timeoutMs: number): Promise<Ended> {
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.kill();
    }, timeoutMs);
    const drained = Promise.all([
      this.#stdout.drain(this.#process.stdout),
      this.#stderr.drain(this.#process.stderr),
    ]);
    const { code } = await this.#process.status;
    this.#gone = true;
    running.delete(this);
    clearTimeout(timer);
    // A grandchild may hold the pipes open; its output is not worth waiting for.
    await Promise.race([drained, delay(500)]);
    return { code, timedOut: this.#timedOut, stdout: this.stdout, stderr: this.stderr };
  }
}

/** Runs a child to its end. */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<Ended> {
  await using child = new Child(command, args, options);
  return await child.ended;
}

/** Runs a child that must succeed; its standard output. @throws {Error} It failed or hung. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<string> {
  const { code, timedOut, stdout, stderr } = await runChild(command, args, options);
  if (code === 0) return stdout;
  const reason = timedOut ? `ran longer than ${options.timeoutMs} ms` : `exit code ${code}`;
  throw new Error(`Cannot run ${command}: ${reason}: ${stderr.trim().slice(-600)}`);
}

/** Waits `delayMs`; for real processes and sockets only, where nothing else can be awaited. */
export function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/**
 * Polls `probe` until it gives something else than `undefined` or `false`.
 *
 * @throws {Error} Nothing came within `timeoutMs`; the text names `what`.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = EVENTUALLY_MS_MAX,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  while (true) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await delay(25);
  }
}

function withParentDeath(
  command: string,
  args: readonly string[],
  signal: string,
): [string, string[]] {
  if (!exists(PARENT_DEATH_TOOL)) return [command, [...args]];
  return [PARENT_DEATH_TOOL, ["--pdeathsig", signal, "--", command, ...args]];
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
