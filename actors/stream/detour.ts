/**
 * The way round an owner that is not reached: its stream comes from whoever else has it.
 *
 * Records have the same numbers on all nodes, so that none is lost or comes twice on the way there
 * and back. Who decides about the stream does not change by it.
 *
 * @module
 */
import type { Clock } from "../runtime/ports.ts";
import { Feed } from "./feed.ts";
import type { StreamCore } from "./stream_core.ts";
import type { SessionState, StreamOwner, Upstream, Whereabouts } from "./upstream.ts";

export interface DetourOptions {
  readonly upstream: Upstream;
  readonly whereabouts: Whereabouts;
}

/** What a look for the owner came to. */
export interface Found {
  readonly owner: StreamOwner | undefined;
  /** It answers; known while the stream comes from somebody else. */
  readonly reached: boolean;
}

export class Detour {
  readonly #options: DetourOptions;
  /** Nodes that were no way round. */
  readonly #closed = new Set<string>();
  #feed: Feed | undefined;

  constructor(options: DetourOptions) {
    this.#options = options;
  }

  /** Whether it fills the log now. */
  fills(core: StreamCore): boolean {
    return this.#feed !== undefined && core.feed === this.#feed;
  }

  /**
   * Takes the stream from its publisher's node, or from one that carries it; each is tried once.
   *
   * @param over It brings nothing any more; not called after {@link Detour.leave}.
   * @returns The node; `undefined` when there is none to try.
   */
  take(
    core: StreamCore,
    { ingest, replicas }: SessionState,
    clock: Clock,
    over: () => void,
  ): string | undefined {
    const { upstream, whereabouts } = this.#options;
    const node = [ingest, ...replicas].find((other) =>
      other !== "" && other !== whereabouts.node && !whereabouts.gone(other) &&
      !this.#closed.has(other)
    );
    if (node === undefined) return undefined;
    core.feed?.close(); // It still waits for its link.
    const feed = new Feed(core, {
      ...{ upstream, node, clock, mode: "any", epoch: 0 },
      closed: () => {
        this.#closed.add(node);
        if (core.feed !== feed) return;
        core.feed = undefined;
        core.starved = true;
        over();
      },
    });
    core.feed = this.#feed = feed;
    return node;
  }

  /** The stream comes from somebody else from now on. */
  leave(core: StreamCore): void {
    if (!this.fills(core)) return;
    this.#feed!.close();
    core.feed = this.#feed = undefined;
  }

  /** The owner is there: every way may be tried when it is lost again. */
  forget(): void {
    this.#closed.clear();
  }
}
