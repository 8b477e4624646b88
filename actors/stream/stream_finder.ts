/**
 * Finds streams for those who ask this node for them, wherever they are owned.
 *
 * @module
 */
import type { Actors } from "../runtime/actor.ts";
import { EDGE_STREAM } from "./edge_stream_actor.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey, type StreamName } from "./stream_key.ts";

export class StreamFinder {
  readonly #hub: StreamHub;
  readonly #system: Actors;

  constructor(hub: StreamHub, system: Actors) {
    this.#hub = hub;
    this.#system = system;
  }

  /**
   * Brings a stream here if somebody owns it: afterwards the hub knows whether it is live.
   *
   * @returns `undefined` when it is here already and there is nothing to wait for.
   */
  find(name: StreamName): Promise<void> | undefined {
    const core = this.#hub.get(name);
    if (core !== undefined && core.live && core.current) return undefined;
    return this.#system.ref(EDGE_STREAM, streamKey(name)).ask.find().then(() => {});
  }
}
