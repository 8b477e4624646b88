/**
 * What an owner that died has left: whoever owns its stream now fetches what others got of it.
 *
 * @module
 */
import type { Ports } from "../runtime/ports.ts";
import { Feed } from "./feed.ts";
import type { Publication, StreamCore } from "./stream_core.ts";
import type { Upstream, Whereabouts } from "./upstream.ts";

/** Longest that it takes, in milliseconds; publisher and viewers wait meanwhile. */
const INHERIT_MS = 1_000;

export interface InheritOptions {
  readonly key: string;
  readonly ports: Ports;
  readonly whereabouts: Whereabouts;
  readonly upstream: Upstream;
}

/**
 * Brings the log of `core` as far as that of the node that has most of the stream: its viewers
 * there would see time go back otherwise. Never rejects.
 */
export async function inherit(core: StreamCore, options: InheritOptions): Promise<void> {
  const { key, ports, whereabouts, upstream } = options;
  const { log } = core;
  const generation = log.anchorAt(log.nextSeq)?.generation;
  const known = generation === undefined ? undefined : { generation, nextSeq: log.nextSeq };
  const node = await whereabouts.carrier(key, known);
  if (node === undefined || core.ended) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = ports.timers.after(INHERIT_MS, resolve);
  const feed = new Feed(core, {
    ...{ upstream, node, clock: ports.clock, mode: "any", epoch: 0 },
    state: (state) => core.session ??= state,
    caughtUp: resolve,
    closed: () => resolve(),
  });
  core.feed?.close();
  core.feed = feed; // Keeps it from being forgotten, and from being fed twice.
  await promise;
  timer.cancel();
  feed.close();
  if (core.feed === feed) core.feed = undefined;
}

/** A session as far as one who carried it knows it, when its owner is gone. */
export function lostSession({ session, log }: StreamCore, holdMs: number): Publication | undefined {
  const anchor = log.anchorAt(log.nextSeq);
  if (session === undefined || anchor === undefined) return undefined;
  const { epoch, generation, ingest, startedAtMs } = session;
  const { nextSeq, newestDtsUs } = log;
  const grant = { epoch, generation, nextSeq, startUs: newestDtsUs, afterUs: newestDtsUs };
  const publisher = { ingestId: `${ingest}~lost`, node: ingest };
  return { publisher, grant: { ...grant, hls: anchor.hls }, startedAtMs, holdMs };
}
