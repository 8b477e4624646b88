/**
 * Whereabouts of streams where there is one node: all are its own.
 *
 * @module
 */
import type { StreamOwner, Upstream, Whereabouts } from "../../actors/stream/upstream.ts";
import type { Clock } from "../../actors/runtime/ports.ts";

export class LoneWhereabouts implements Whereabouts {
  readonly node: string;
  readonly #epoch: number;

  constructor(node: string, clock: Clock) {
    this.node = node;
    this.#epoch = Math.round(clock.wallMs() * 1000);
  }

  resolve(): Promise<StreamOwner | undefined> {
    return Promise.resolve({ node: this.node, epoch: this.#epoch });
  }

  forget(): void {}

  watch(): () => void {
    return () => {};
  }

  ownEpoch(): number {
    return this.#epoch;
  }

  takeOver(): Promise<boolean> {
    return Promise.resolve(true);
  }

  carrier(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  reaches(): Promise<boolean> {
    return Promise.resolve(true);
  }

  prepare(): Promise<boolean> {
    return Promise.resolve(false);
  }

  nowMs(): undefined {
    return undefined;
  }

  confirm(): Promise<void> {
    return Promise.resolve();
  }

  highestEpoch(): number {
    return 0;
  }

  accepts(): boolean {
    return true;
  }

  transfer(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  gone(): boolean {
    return false;
  }

  leaving(): boolean {
    return false;
  }
}

/** There is no other node to subscribe to. */
export const NO_UPSTREAM: Upstream = {
  open() {
    throw new Error("Cannot subscribe: there is one node");
  },
};
