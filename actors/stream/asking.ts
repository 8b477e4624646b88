/**
 * Those who look for a stream of another node, and wait to hear whether it is live.
 *
 * @module
 */
import type { Reply } from "../runtime/actor.ts";
import type { StreamCore } from "./stream_core.ts";

/** One who wants to know whether a stream is live, which is not forgotten meanwhile. */
export class Asking {
  readonly #core: StreamCore;
  readonly #reply: Reply<boolean>;
  #answered = false;

  constructor(core: StreamCore, reply: Reply<boolean>) {
    this.#core = core;
    this.#reply = reply;
    core.finds++;
  }

  answer(live: boolean): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#core.finds--;
    this.#reply.send(live);
  }
}
