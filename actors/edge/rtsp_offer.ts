/**
 * Waits until a stream can be described: somebody publishes it, and its tracks are known.
 *
 * @module
 */
import type { StreamName } from "../stream/stream_key.ts";
import { notPublished, startPlay } from "./play_start.ts";
import { offerOf, type RtspOffer } from "./rtsp_class.ts";
import type { Edge } from "./edge.ts";

/**
 * A live stream whose tracks are not known yet is waited for this long in any case, in
 * milliseconds: encoders announce what they send within a second.
 */
const SETTLE_MS = 3_000;

export type OfferResult =
  | { readonly ok: true; readonly offer: RtspOffer }
  | { readonly ok: false; readonly notFound: boolean; readonly description: string };

/** Finds the stream and waits for it as its application says; rejects never. */
export async function awaitOffer(edge: Edge, name: StreamName): Promise<OfferResult> {
  await edge.finder.find(name);
  const started = startPlay(edge, name);
  if (!started.ok) return started;
  const { core, waitMs } = started;
  const offer = offerOf(core);
  if (offer !== undefined && core.live) return { ok: true, offer };
  const { promise, resolve } = Promise.withResolvers<RtspOffer | undefined>();
  const reader = {
    advance() {
      const offer = offerOf(core);
      if (offer !== undefined || core.ended) resolve(offer);
    },
  };
  core.readers.add(reader);
  const timer = edge.ports.timers.after(
    core.live ? Math.max(waitMs, SETTLE_MS) : waitMs,
    () => resolve(undefined),
  );
  const found = await promise;
  timer.cancel();
  core.readers.delete(reader);
  return found === undefined || core.ended ? notPublished(edge, name) : { ok: true, offer: found };
}
