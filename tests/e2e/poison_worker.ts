/**
 * A worker with a real node in it, in which the name of a stream says what fails:
 *
 * - `stumbles`: its actors throw at the first of each of {@link STUMBLES};
 * - `falls`: they throw at every message but those that begin or end a publish;
 * - `rots`: bytes cannot be made of the stream after {@link ROTS_AFTER_FRAMES} frames.
 *
 * @module
 */
import { EDGE_STREAM, EdgeStreamActor } from "../../actors/stream/edge_stream_actor.ts";
import { StreamActor } from "../../actors/stream/stream_actor.ts";
import { StreamCore } from "../../actors/stream/stream_core.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { startNode } from "../../cluster/node.ts";
import { runWorker } from "../../cluster/worker.ts";

const ROTS_AFTER_FRAMES = 100;

/** What a stream cannot do without even if its actors fail at all else. */
const SPARED = ["publish", "unpublish"];

/** Fewer than make an actor be given up that stumbles over each of them within ten seconds. */
const STUMBLES = ["move", "adopt", "unpublish", "connect", "check"];

/** Messages that somebody stumbled over, by actor. */
const stumbled = new Set<string>();

function poison(kind: string, messages: readonly string[], prototype: object): void {
  const handlers = prototype as Record<string, (...args: unknown[]) => unknown>;
  for (const message of messages) {
    const handle = handlers[message];
    handlers[message] = function (req, context) {
      const { key } = context as { key: string };
      const once = `${kind} ${key} ${message}`;
      if (key.includes("stumbles") && STUMBLES.includes(message) && !stumbled.has(once)) {
        stumbled.add(once);
        throw new Error(`stumbled over ${message}`);
      }
      if (key.includes("falls") && !SPARED.includes(message)) throw new Error(`fell: ${message}`);
      return handle.call(this, req, context);
    };
  }
}

poison(STREAM.name, STREAM.messages.map(nameOf), StreamActor.prototype);
poison(EDGE_STREAM.name, EDGE_STREAM.messages.map(nameOf), EdgeStreamActor.prototype);

const flush = StreamCore.prototype.flush;
StreamCore.prototype.flush = function () {
  const rotten = this.name.name.includes("rots") && !this.ended;
  if (rotten && this.counters.frames > ROTS_AFTER_FRAMES) throw new Error("rotten");
  flush.call(this);
};

function nameOf(message: string | { readonly name: string }): string {
  return typeof message === "string" ? message : message.name;
}

Deno.exit(await runWorker(startNode));
