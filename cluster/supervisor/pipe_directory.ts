/**
 * A worker's way to the directory that its supervisor keeps: calls and answers over the pipes
 * between the two. A supervisor that does not answer is a directory that is away, as Redis is
 * when it does not: what was asked may have been done.
 *
 * @module
 */
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import { type Directory, DirectoryUnavailable } from "../directory/directory.ts";
import { decodeValue, encodeValue } from "./pipe_values.ts";
import {
  type DirectoryAnswer,
  type DirectoryCall,
  HINT_LINE,
  parseAnswer,
} from "./worker_lines.ts";

/** How long a call may take, in milliseconds: as long as one to Redis. */
export const CALL_MS_MAX = 1_000;

/** Most calls that wait for their answers; a renewal and a claim a stream, all at once. */
export const CALLS_MAX = 4_096;

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

export interface PipeDirectoryOptions {
  readonly ports: Ports;
  /** Sends a call to the supervisor; never blocks. */
  readonly send: (call: DirectoryCall) => void;
}

export class PipeDirectory implements Directory {
  readonly #options: PipeDirectoryOptions;
  readonly #calls = new Map<number, Call>();
  #hints: (() => void)[] = [];
  #lastId = 0;
  #closed = false;

  constructor(options: PipeDirectoryOptions) {
    this.#options = options;
  }

  readonly join = this.#method("join");
  readonly renew = this.#method("renew");
  readonly members = this.#method("members");
  readonly isDead = this.#method("isDead");
  readonly setState = this.#method("setState");
  readonly suspect = this.#method("suspect");
  readonly leave = this.#method("leave");
  readonly claim = this.#method("claim");
  readonly lookup = this.#method("lookup");
  readonly reassert = this.#method("reassert");
  readonly release = this.#method("release");
  readonly writeTimeline = this.#method("writeTimeline");
  readonly readTimeline = this.#method("readTimeline");
  readonly sharedSecret = this.#method("sharedSecret");

  get roundTrips(): number {
    return this.#lastId;
  }

  onHint(callback: () => void): void {
    if (!this.#closed) this.#hints.push(callback);
  }

  /** Takes a line of the supervisor; false when it is not about the directory. */
  take(line: string): boolean {
    if (line === HINT_LINE) {
      for (const hint of this.#hints) hint();
      return true;
    }
    const answer = parseAnswer(line);
    if (answer !== undefined) this.#answered(answer);
    return answer !== undefined;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#hints = [];
    for (const id of [...this.#calls.keys()]) this.#give(id)?.reject(unavailable("it was closed"));
    return Promise.resolve();
  }

  #method<Name extends MethodName>(method: Name): Directory[Name] {
    const call = (...args: unknown[]) => this.#call(method, args);
    return call as Directory[Name];
  }

  #call(method: MethodName, args: readonly unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(unavailable("it was closed"));
    if (this.#calls.size >= CALLS_MAX) return Promise.reject(unavailable("too many calls wait"));
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = this.#options.ports.timers.after(CALL_MS_MAX, () => {
      this.#give(id)?.reject(unavailable("the supervisor does not answer"));
    });
    this.#calls.set(id, { resolve, reject, timer });
    this.#options.send({ kind: "directory", id, method, args: args.map(encodeValue) });
    return promise;
  }

  #answered(answer: DirectoryAnswer): void {
    const call = this.#give(answer.id); // None when its time was over.
    if (answer.ok) return call?.resolve(decodeValue(answer.value));
    const { kind, reason } = answer;
    if (kind === "unavailable") return call?.reject(new DirectoryUnavailable(reason));
    call?.reject(kind === "type" ? new TypeError(reason) : new RangeError(reason));
  }

  /** Takes a call off the list. */
  #give(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.timer.cancel();
    return call;
  }
}

type MethodName = {
  [Name in keyof Directory]: Directory[Name] extends (...args: never[]) => Promise<unknown> ? Name
    : never;
}[keyof Directory];

function unavailable(why: string): DirectoryUnavailable {
  return new DirectoryUnavailable(`Cannot ask the directory: ${why}`);
}
