/**
 * A map of bounded size that forgets what was used longest ago.
 *
 * @module
 */

export class RecentMap<Value> {
  readonly #max: number;
  readonly #map = new Map<string, Value>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: string): Value | undefined {
    const value = this.#map.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size <= this.#max) return;
    for (const oldest of this.#map.keys()) return void this.#map.delete(oldest);
  }

  delete(key: string): void {
    this.#map.delete(key);
  }

  /** Forgets whatever `unwanted` says. Looks at all of it: not for hot paths. */
  prune(unwanted: (value: Value) => boolean): void {
    for (const [key, value] of this.#map) {
      if (unwanted(value)) this.#map.delete(key);
    }
  }
}
