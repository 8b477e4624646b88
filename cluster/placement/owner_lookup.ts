/**
 * Looks owners up in the directory: all that are wanted within one turn of the event loop in one
 * round trip.
 *
 * @module
 */
import type { Timers } from "../../actors/runtime/ports.ts";
import type { Directory, Ownership } from "../directory/directory.ts";

/** Most keys in one round trip: more would hold up what is sent behind them. */
export const LOOKUP_KEYS_MAX = 1_000;

export class OwnerLookup {
  readonly #directory: Directory;
  readonly #timers: Timers;
  /** Wanted, not yet sent. */
  #wanted = new Map<string, PromiseWithResolvers<Ownership | undefined>>();

  constructor(directory: Directory, timers: Timers) {
    this.#directory = directory;
    this.#timers = timers;
  }

  /**
   * The record of `key` as it is after this call.
   *
   * @returns `undefined` when there never was one.
   * @throws {DirectoryUnavailable}
   */
  find(key: string): Promise<Ownership | undefined> {
    const known = this.#wanted.get(key);
    if (known !== undefined) return known.promise;
    if (this.#wanted.size === 0) this.#timers.soon(() => this.#send());
    const wanted = Promise.withResolvers<Ownership | undefined>();
    this.#wanted.set(key, wanted);
    return wanted.promise;
  }

  #send(): void {
    const wanted = [...this.#wanted];
    this.#wanted = new Map();
    for (let start = 0; start < wanted.length; start += LOOKUP_KEYS_MAX) {
      const batch = wanted.slice(start, start + LOOKUP_KEYS_MAX);
      this.#directory.lookup(batch.map(([key]) => ({ kind: "s", key }))).then(
        (found) => batch.forEach(([, { resolve }], i) => resolve(found[i])),
        (error) => batch.forEach(([, { reject }]) => reject(error)),
      );
    }
  }
}
