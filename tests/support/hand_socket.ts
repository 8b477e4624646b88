/**
 * A socket that takes what is written when the test says so.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { OutletSocket } from "../../actors/edge/outlet.ts";

export class HandSocket implements OutletSocket {
  /** What was asked to be written, as it was given. */
  readonly writes: Uint8Array[] = [];
  readonly #taken: Uint8Array[] = [];
  /** How often it was closed. */
  closed = 0;
  #outstanding: PromiseWithResolvers<number> | undefined;

  /** @throws {Error} A write is outstanding: there may be one at most. */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#outstanding !== undefined) throw new Error("Cannot write: a write is outstanding");
    this.writes.push(bytes);
    this.#outstanding = Promise.withResolvers();
    return this.#outstanding.promise;
  }

  close(): void {
    this.closed++;
  }

  get writing(): boolean {
    return this.#outstanding !== undefined;
  }

  /** All writes as text. */
  get written(): string[] {
    return this.writes.map((bytes) => new TextDecoder().decode(bytes));
  }

  /** Everything that it took. */
  get taken(): Uint8Array {
    return concatBytes(...this.#taken);
  }

  /** Takes the first `bytes` of the outstanding write, or all of it; resolves when that is known. */
  async take(bytes = this.writes.at(-1)!.length): Promise<void> {
    const { promise, resolve } = this.#end();
    this.#taken.push(this.writes.at(-1)!.slice(0, bytes));
    resolve(bytes);
    await promise;
  }

  /** Fails the outstanding write; resolves when that is known. */
  async fail(error: Error): Promise<void> {
    const { promise, reject } = this.#end();
    reject(error);
    await promise.catch(() => {});
  }

  #end(): PromiseWithResolvers<number> {
    const outstanding = this.#outstanding!;
    this.#outstanding = undefined;
    return outstanding;
  }
}
