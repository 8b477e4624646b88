/**
 * What other nodes ask and tell the actors of this one.
 *
 * @module
 */
import { ASK_REFUSED } from "../actors/runtime/ask.ts";
import { EDGE_STREAM } from "../actors/stream/edge_stream_actor.ts";
import type { LinkReceiver, NodeId } from "./link/link_settings.ts";
import type { Membership } from "./membership/membership.ts";
import type { MeshLocator } from "./placement/mesh_locator.ts";

/** @param parts Asked for with each message: links are there before the rest is. */
export function linkReceiver(
  parts: () => { readonly locator: MeshLocator; readonly membership: Membership },
): LinkReceiver {
  // A node that was expelled, and cannot know it, may look for streams, and not decide on them.
  const mayCall = ({ node, incarnation }: NodeId, kind: string) =>
    kind === EDGE_STREAM.name || !parts().membership.isDead(node, incarnation);
  return {
    ask: (from, { kind, key, name, req, timeoutMs }) =>
      mayCall(from, kind)
        ? parts().locator.receive(kind, key, name, req, timeoutMs, from.node)
        : Promise.resolve(ASK_REFUSED.unreachable),
    tell(from, { kind, key, name, req }) {
      if (mayCall(from, kind)) parts().locator.receiveTell(kind, key, name, req);
    },
  };
}
