/**
 * Carries the handshake over a connection, within its time.
 *
 * @module
 */
import type { Timers } from "../../actors/runtime/ports.ts";
import type { HandshakeStep } from "../../protocols/mrtmp/handshake.ts";
import type { HandshakeRefusal } from "../../protocols/mrtmp/hello.ts";
import type { ReceivedFrame } from "../../protocols/mrtmp/frame.ts";
import { type Channel, type ChannelEvents, IGNORE } from "./channel.ts";

/** Longest handshake, in milliseconds: two round trips, on the worst of networks. */
export const HANDSHAKE_MS_MAX = 2_000;

/** How a handshake ended; when it failed, the channel is closed. */
export type Greeting<Result> =
  | { readonly ok: true; readonly result: Result }
  | {
    readonly ok: false;
    readonly reason: string;
    /** What was told to the other node, or by it. */
    readonly refusal?: HandshakeRefusal;
    /** The other node misbehaved or was refused: worth a line in the log. */
    readonly fault: boolean;
  };

export interface GreetingOptions<Result> {
  readonly channel: Channel;
  readonly side: { receive(frame: ReceivedFrame): HandshakeStep<Result> };
  /** What this side says first. */
  readonly opening?: Uint8Array;
  readonly timers: Timers;
  /** Who owns the channel from the next frame on. */
  readonly next: (result: Result) => ChannelEvents;
}

/** Resolves when the handshake is over, either way. */
export function greet<Result>(options: GreetingOptions<Result>): Promise<Greeting<Result>> {
  const { channel, side, timers } = options;
  const { promise, resolve } = Promise.withResolvers<Greeting<Result>>();
  const timer = timers.after(HANDSHAKE_MS_MAX, () => {
    channel.close("the handshake took too long", true);
  });
  const settle = (greeting: Greeting<Result>) => {
    timer.cancel();
    resolve(greeting);
  };
  channel.events = {
    ...IGNORE,
    frame(frame) {
      const step = side.receive(frame);
      if (step.send !== undefined) channel.sendWhole(step.send);
      if (step.kind === "wait") return;
      if (step.kind === "done") {
        channel.events = options.next(step.result);
        return settle({ ok: true, result: step.result });
      }
      const { reason: refusal, by } = step;
      channel.closeWhenSent("refused", timers);
      settle({ ok: false, reason: `refused by ${by}: ${refusal}`, refusal, fault: true });
    },
    closed: ({ reason, fault }) => settle({ ok: false, reason, fault }),
  };
  if (options.opening !== undefined) channel.sendWhole(options.opening);
  channel.run();
  return promise;
}
