/**
 * A node that hears neither Redis nor any other node, and had others: they may have gone on without
 * it, so after a while its publishers are sent to where the mesh is.
 *
 * @module
 */
import { every } from "../actors/runtime/every.ts";
import type { Ports, Timer } from "../actors/runtime/ports.ts";

/** How long that is borne, in milliseconds: most cables are back by then. */
const BORNE_MS = 10_000;

/** How often it is looked at, in milliseconds. */
const LOOK_MS = 500;

export interface LonelinessOptions {
  readonly ports: Ports;
  readonly alone: () => boolean;
  /** Called again and again while it is alone for longer. */
  readonly giveUp: () => void;
}

export class Loneliness {
  readonly #options: LonelinessOptions;
  #sinceMs: number | undefined;
  readonly #timer: Timer;

  constructor(options: LonelinessOptions) {
    this.#options = options;
    this.#timer = every(options.ports, LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { alone, giveUp, ports: { clock, log } } = this.#options;
    if (!alone()) {
      this.#sinceMs = undefined;
      return;
    }
    const nowMs = clock.nowMs();
    this.#sinceMs ??= nowMs;
    const aloneMs = nowMs - this.#sinceMs;
    if (aloneMs < BORNE_MS) return;
    if (aloneMs < BORNE_MS + LOOK_MS) log.warn("cut off from the mesh, publishers are let go");
    giveUp();
  }
}
