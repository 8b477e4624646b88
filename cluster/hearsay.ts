/**
 * What the other nodes hear of one that this node does not hear: it may be the way to it that is
 * broken, not the node.
 *
 * Who is heard by a third node is not voted against for a while, so that a way which is back soon
 * costs nobody their place; for longer than that, a node that some cannot reach serves them badly.
 *
 * @module
 */
import type { Ports } from "../actors/runtime/ports.ts";
import { actorKind } from "../actors/runtime/protocol.ts";
import type { ActorSystem } from "../actors/runtime/system.ts";
import { DIAL_MS_MAX } from "./link/dial_link.ts";
import type { NodeId } from "./link/link_settings.ts";
import type { LinkTable } from "./link/link_table.ts";
import type { Membership } from "./membership/membership.ts";
import type { PeerCalls } from "./placement/peer_calls.ts";
import { rankNodes } from "./placement/rendezvous.ts";

export type HearsayProtocol = {
  /** Whether that start of the node whose name is the key is heard here, or is this one. */
  hears: { req: { readonly incarnation: number }; res: boolean };
};

/** Every node of the largest mesh may ask at once. */
const HEARSAY_MAILBOX_MAX = 1_024;

const HEARSAY_IDLE_MS = 1_000;

export const HEARSAY = actorKind<HearsayProtocol>({
  name: "hearsay",
  messages: ["hears"],
  mailboxMax: HEARSAY_MAILBOX_MAX,
  idleMs: HEARSAY_IDLE_MS,
});

/** Nodes that are asked: those who listen for it by duty, and know at once. */
const ASKED_MAX = 3;

/** A node of whom something came within this is heard, in milliseconds: a sign of life and half. */
const HEARD_MS = 300;

/** A node that has no link to it asks it itself, for so long; and who asked waits a bit longer. */
const PROBE_MS = 150;
const ANSWER_MS = 200;

/** A way that is broken for less than this costs nobody anything, in milliseconds. */
export const FLAP_MS_MAX = 2_000;

/** How long the word of others counts, in milliseconds: a dial may have begun just before the end. */
export const VOUCHED_MS_MAX = FLAP_MS_MAX + DIAL_MS_MAX;

/** A link that fell silent says for so long that its node was not heard, in milliseconds. */
const SUSPECTED_MS = 1_500;

export interface HearsayOptions {
  readonly ports: Ports;
  readonly peers: PeerCalls;
  readonly membership: Membership;
  readonly links: Pick<LinkTable, "silentMs">;
  readonly system: ActorSystem;
}

export class Hearsay {
  readonly #options: HearsayOptions;
  /** Since when others have to vouch for a node, on the monotonic clock. */
  readonly #vouchedSinceMs = new Map<string, number>();

  /** When a node was last suspected here, on the same clock. */
  readonly #suspectedMs = new Map<string, number>();

  constructor(options: HearsayOptions) {
    this.#options = options;
    options.system.register(HEARSAY, (node) => ({
      hears: ({ incarnation }) => this.#hears({ node, incarnation }),
    }));
  }

  /**
   * Votes against a node that is not heard here, unless others hear it.
   *
   * @param strong It was proven to be gone; nobody is asked.
   */
  suspect(peer: NodeId, strong: boolean): void {
    const { membership, ports: { clock } } = this.#options;
    const { node, incarnation } = peer;
    // What befell an older start of the node says nothing of the one that is there now.
    const present = () => membership.members.get(node)?.incarnation === incarnation;
    if (!present()) return;
    if (strong) return void membership.suspectPeer(node, true);
    this.#suspectedMs.set(node, clock.nowMs());
    this.#vouches(peer).then((heard) => {
      if (!heard && present()) membership.suspectPeer(node, false);
    });
  }

  /** It is heard here again, or is no member any more. */
  forget(node: string): void {
    this.#vouchedSinceMs.delete(node);
    this.#suspectedMs.delete(node);
  }

  /** Whether a third node hears it, and that counts still. Never rejects. */
  async #vouches({ node, incarnation }: NodeId): Promise<boolean> {
    const { peers, membership, ports: { clock } } = this.#options;
    const { members, node: self } = membership;
    const sinceMs = this.#vouchedSinceMs.get(node) ?? clock.nowMs();
    if (clock.nowMs() - sinceMs >= VOUCHED_MS_MAX) return false;
    const others = [...members.values()].filter((member) =>
      member.node !== self && member.node !== node
    );
    const asked = rankNodes(node, others, ASKED_MAX).map(async (other) => {
      const req = { incarnation };
      const reply = await peers.ask(other.node, HEARSAY.name, node, "hears", req, ANSWER_MS);
      if (!reply.ok || reply.value !== true) throw new Error("not heard");
    });
    try {
      await Promise.any(asked);
    } catch {
      return false; // By nobody, or there is nobody to ask.
    }
    this.#vouchedSinceMs.set(node, sinceMs);
    return true;
  }

  async #hears({ node, incarnation }: NodeId): Promise<boolean> {
    const { peers, membership, links, ports: { clock } } = this.#options;
    const { members, node: self, incarnation: own } = membership;
    if (node === self) return incarnation === own;
    if (members.get(node)?.incarnation !== incarnation) return false;
    const silentMs = links.silentMs(node);
    if (silentMs !== undefined) return silentMs < HEARD_MS;
    if (clock.nowMs() - (this.#suspectedMs.get(node) ?? -Infinity) < SUSPECTED_MS) return false;
    const reply = await peers.ask(node, HEARSAY.name, node, "hears", { incarnation }, PROBE_MS);
    return reply.ok && reply.value === true;
  }
}
