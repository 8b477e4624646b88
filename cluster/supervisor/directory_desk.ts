/**
 * The supervisor's directory as one worker asks for it: takes the calls that come through the
 * worker's pipe and answers them.
 *
 * @module
 */
import type { Directory, Member } from "../directory/directory.ts";
import { type DirectoryStore, MemoryDirectory } from "../directory/memory_directory.ts";
import { decodeValue, encodeValue } from "./pipe_values.ts";
import { answerLine, type DirectoryAnswer, type DirectoryCall, HINT_LINE } from "./worker_lines.ts";

/** What a worker may call. */
const METHODS = [
  ...["join", "renew", "members", "isDead", "setState", "suspect", "leave", "claim", "lookup"],
  ...["reassert", "release", "writeTimeline", "readTimeline", "sharedSecret"],
] as readonly string[];

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

export class DirectoryDesk {
  readonly #directory: MemoryDirectory;
  readonly #send: (line: string) => void;
  #joined: { readonly node: string; readonly incarnation: number } | undefined;

  /** `send` takes lines for the worker, without their line feeds. */
  constructor(store: DirectoryStore, send: (line: string) => void) {
    this.#directory = new MemoryDirectory(store);
    this.#send = send;
    this.#directory.onHint(() => send(HINT_LINE));
  }

  /** Answers a call. Never rejects. */
  async take({ id, method, args }: DirectoryCall): Promise<void> {
    this.#send(answerLine(await this.#answer(id, method, args)));
  }

  /** The worker's process is gone, which is proof: nobody has to wait for its lease. */
  async workerGone(): Promise<void> {
    const joined = this.#joined;
    this.#joined = undefined;
    if (joined !== undefined) await this.#directory.leave(joined.node, joined.incarnation);
    await this.#directory.close();
  }

  async #answer(
    id: number,
    method: string,
    args: readonly unknown[],
  ): Promise<DirectoryAnswer> {
    try {
      if (!METHODS.includes(method)) throw new TypeError(`there is no method ${method}`);
      const decoded = args.map(decodeValue);
      const call = this.#directory[method as keyof Directory] as unknown as AnyMethod;
      const value = await call.apply(this.#directory, decoded);
      if (method === "join") {
        const { node } = decoded[0] as Member;
        this.#joined = { node, incarnation: (value as { incarnation: number }).incarnation };
      }
      return { id, ok: true, value: encodeValue(value) };
    } catch (error) {
      const kind = error instanceof TypeError
        ? "type"
        : error instanceof RangeError
        ? "range"
        : "unavailable";
      return { id, ok: false, kind, reason: error instanceof Error ? error.message : "unknown" };
    }
  }
}
