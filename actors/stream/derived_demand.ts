/**
 * Tells the owners of streams that somebody on this node needs their derived audio.
 *
 * @module
 */
import { isDerived } from "../../protocols/media/derived_audio.ts";
import type { Actors } from "../runtime/actor.ts";
import { every } from "../runtime/every.ts";
import type { Clock, Timer, Timers } from "../runtime/ports.ts";
import type { StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey } from "./stream_key.ts";
import { STREAM } from "./stream_protocol.ts";

/** How often it is looked: the sound of a stream's first such viewer begins as much later. */
const LOOK_MS = 500;

/** How often it is said again; an owner forgets after some times as long. */
const REPEAT_MS = 5_000;

export interface DerivedDemandOptions {
  readonly hub: StreamHub;
  readonly system: Actors;
  readonly clock: Clock;
  readonly timers: Timers;
}

export class DerivedDemand {
  readonly #options: DerivedDemandOptions;
  /** When it was last said, and to which publish session, by stream. */
  readonly #said = new WeakMap<StreamCore, { readonly atMs: number; readonly anchor: unknown }>();
  readonly #timer: Timer;

  constructor(options: DerivedDemandOptions) {
    this.#options = options;
    this.#timer = every(options, LOOK_MS, () => {
      for (const core of options.hub.values()) this.#look(core);
    });
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(core: StreamCore): void {
    const { log } = core;
    if (!core.live || !log.head.tracks.some(isDerived) || !wantsDerived(core)) return;
    const nowMs = this.#options.clock.nowMs();
    const anchor = log.anchorAt(log.nextSeq);
    const said = this.#said.get(core);
    if (said !== undefined && said.anchor === anchor && nowMs - said.atMs < REPEAT_MS) return;
    this.#said.set(core, { atMs: nowMs, anchor });
    this.#options.system.ref(STREAM, streamKey(core.name)).tell.derive();
  }
}

function wantsDerived({ encodings, readers }: StreamCore): boolean {
  return encodings.playable || readers.values().some(({ playable }) => playable);
}
