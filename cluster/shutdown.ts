/**
 * How a running node ends: drained within a time limit, or stopped at once.
 *
 * @module
 */
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import type { RunningNode } from "./running_node.ts";

/** How long a node may take to close everything, in milliseconds; sockets close at once. */
export const STOP_MS_MAX = 1500;

/** How a node ended. "overdue": the time for draining, or for stopping, was over. */
export type ShutdownResult = "drained" | "stopped" | "overdue";

/** Running -> draining -> stopping, or stopping directly. */
type State = "running" | "draining" | "stopping";

/** Ends one node, once, whoever asks and however often. */
export class Shutdown {
  readonly #node: RunningNode;
  readonly #drainTimeoutMs: number;
  readonly #ports: Ports;
  readonly #ended = Promise.withResolvers<ShutdownResult>();
  #state: State = "running";
  #timer: Timer | undefined;

  constructor(node: RunningNode, options: { drainTimeoutMs: number; ports: Ports }) {
    this.#node = node;
    this.#drainTimeoutMs = options.drainTimeoutMs;
    this.#ports = options.ports;
  }

  /** Resolves when the node has ended, or has had its time to. Never rejects. */
  get ended(): Promise<ShutdownResult> {
    return this.#ended.promise;
  }

  /** Lets the clients leave, then stops; stops anyway when the time is over. */
  drain(): void {
    if (this.#state !== "running") return;
    this.#state = "draining";
    this.#ports.log.info("draining", { timeoutMs: this.#drainTimeoutMs });
    this.#timer = this.#ports.timers.after(this.#drainTimeoutMs, () => {
      this.#ports.log.warn("drain took too long, stopping", { timeoutMs: this.#drainTimeoutMs });
      this.#stop("overdue");
    });
    this.#node.drain().then(
      () => this.#stop("drained"),
      (error) => {
        this.#ports.log.error("drain failed, stopping", { error });
        this.#stop("stopped");
      },
    );
  }

  /** Stops at once; also during a drain. */
  stop(): void {
    this.#stop("stopped");
  }

  #stop(result: ShutdownResult): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#timer?.cancel();
    this.#timer = this.#ports.timers.after(STOP_MS_MAX, () => {
      this.#ports.log.warn("stop took too long, giving up", { timeoutMs: STOP_MS_MAX });
      this.#finish("overdue");
    });
    this.#node.stop().then(
      () => this.#finish(result),
      (error) => {
        this.#ports.log.error("stop failed", { error });
        this.#finish(result);
      },
    );
  }

  #finish(result: ShutdownResult): void {
    this.#timer?.cancel();
    this.#ended.resolve(result); // Whichever came first counts: the node, or its time.
  }
}
