/**
 * Events as a body of Server-Sent Events (HTML Living Standard, section 9.2).
 *
 * @module
 */
import type { Timer, Timers } from "../runtime/ports.ts";
import type { ApiEvent, NodeView } from "./node_view.ts";

/** A comment this often, in milliseconds: proxies and we ourselves notice a reader that is gone. */
const COMMENT_MS = 5_000;

/** Events that a reader may be behind; one that takes none is cut off. */
const BEHIND_MAX = 1_000;

/** Most readers of events at a time on one node: dashboards, not viewers. */
export const EVENT_READERS_MAX = 256;

export interface EventStreamOptions {
  readonly view: NodeView;
  readonly timers: Timers;
  /** Readers now; kept here. */
  readonly readers: { count: number };
}

/** The answer; it ends when its reader leaves or falls too far behind. */
export function eventStream({ view, timers, readers }: EventStreamOptions): Response {
  if (readers.count >= EVENT_READERS_MAX) {
    return new Response(`Cannot tell events: ${EVENT_READERS_MAX} readers are told already\n`, {
      status: 503,
    });
  }
  readers.count++;
  const encoder = new TextEncoder();
  const over = new AbortController();
  let timer: Timer;
  over.signal.addEventListener("abort", () => {
    readers.count--;
    timer.cancel();
  }, { once: true });
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => {
        if (over.signal.aborted) return;
        controller.enqueue(encoder.encode(text));
        if ((controller.desiredSize ?? 0) > 0) return;
        over.abort();
        controller.close();
      };
      const comment = () => {
        timer = timers.after(COMMENT_MS, comment);
        send(": \n\n");
      };
      comment();
      view.events((event) => send(messageOf(event)), over.signal);
    },
    cancel: () => over.abort(),
  }, { highWaterMark: BEHIND_MAX });
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}

function messageOf({ kind, ...fields }: ApiEvent): string {
  return `event: ${kind}\ndata: ${JSON.stringify(fields)}\n\n`;
}
