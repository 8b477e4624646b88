/**
 * Messages to actors on other nodes, over the links.
 *
 * @module
 */
import type { PeerCalls } from "../placement/peer_calls.ts";
import type { LinkTable } from "./link_table.ts";

/** What whoever finds actors sends by. */
export function linkPeerCalls(links: Pick<LinkTable, "ask" | "tell">): PeerCalls {
  return {
    ask: (node, kind, key, name, req, timeoutMs) =>
      links.ask(node, { kind, key, name, req, timeoutMs }),
    tell: (node, kind, key, name, req) => links.tell(node, { kind, key, name, req }),
  };
}
