/**
 * Reads of the configuration while the node runs: the launcher does them, because the worker may
 * not read files; whoever asked in the worker learns what came of it.
 *
 * @module
 */
import type { ReloadAnswer } from "../actors/http/config_routes.ts";
import type { Ports } from "../actors/runtime/ports.ts";
import type { Reread } from "./handover.ts";
import type { NodeHost, RunningNode } from "./running_node.ts";

/** Longest that the launcher may take, in milliseconds: it reads one file. */
const ANSWER_MS_MAX = 5_000;

/** Most who wait at a time: a person and some scripts. */
const WAITING_MAX = 64;

export interface ReloadsOptions {
  readonly ports: Ports;
  /** Tells the launcher that somebody asks. */
  readonly request: () => Promise<void>;
}

export class Reloads implements Pick<NodeHost, "reloadConfig"> {
  readonly #options: ReloadsOptions;
  #waiting: ((answer: ReloadAnswer) => void)[] = [];
  #node: Pick<RunningNode, "applyConfig"> | undefined;
  /** Came before there was a node. */
  #early: Reread | undefined;

  constructor(options: ReloadsOptions) {
    this.#options = options;
  }

  /** From now on there is a node to apply it to. */
  attach(node: Pick<RunningNode, "applyConfig">): void {
    this.#node = node;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.take(early);
  }

  async reloadConfig(): Promise<ReloadAnswer> {
    if (this.#waiting.length >= WAITING_MAX) return unavailable("too many ask at once");
    const { promise, resolve } = Promise.withResolvers<ReloadAnswer>();
    this.#waiting.push(resolve);
    const timer = this.#options.ports.timers.after(ANSWER_MS_MAX, () => {
      this.#waiting = this.#waiting.filter((other) => other !== resolve);
      resolve(unavailable("the launcher does not answer"));
    });
    await this.#options.request().catch(() => resolve(unavailable("the launcher is gone")));
    const answer = await promise;
    timer.cancel();
    return answer;
  }

  /** The launcher read the configuration, on request or by a signal. */
  take(reread: Reread): void {
    if (this.#node === undefined) {
      this.#early = reread;
      return;
    }
    const { log } = this.#options.ports;
    if (reread.ok) {
      this.#node.applyConfig(reread.config);
      log.info("configuration reloaded", { needRestart: reread.needRestart });
    } else {
      log.warn("configuration refused, nothing changed", { reason: reread.reason });
    }
    const answer: ReloadAnswer = reread.ok
      ? { ok: true, needRestart: reread.needRestart }
      : { ok: false, kind: "invalid", reason: reread.reason };
    for (const resolve of this.#waiting.splice(0)) resolve(answer);
  }
}

function unavailable(reason: string): ReloadAnswer {
  return { ok: false, kind: "unavailable", reason };
}
