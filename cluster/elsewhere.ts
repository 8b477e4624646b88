/**
 * Where the clients of a node that drains should go: to nodes that are up, evenly.
 *
 * @module
 */
import type { Elsewhere } from "../actors/edge/departures.ts";
import type { Session } from "../actors/edge/session_table.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import type { LoadReport, Member } from "./directory/directory.ts";

/** What is looked at of a session. */
type Client = Pick<Session, "role" | "protocol" | "stream" | "secure">;

export interface OtherNodesOptions {
  readonly mesh: {
    readonly node: string;
    readonly members: ReadonlyMap<string, Member>;
    readonly loads: ReadonlyMap<string, LoadReport>;
  };
  /** Owner of a stream as far as is known here. */
  readonly ownerOf: (key: string) => string | undefined;
}

export class OtherNodes implements Elsewhere {
  readonly #options: OtherNodesOptions;
  /** Clients sent to each node since the loads were reported. */
  readonly #sent = new Map<string, number>();
  #loads: ReadonlyMap<string, LoadReport> | undefined;

  constructor(options: OtherNodesOptions) {
    this.#options = options;
  }

  get open(): boolean {
    return this.#candidates().length > 0;
  }

  /** A publisher's is the node that owns its stream, which saves a hop; a viewer's the emptiest. */
  choose({ role, protocol, stream, secure }: Client): string | undefined {
    const listener = `${protocol === "rtsp" ? "rtsp" : "rtmp"}${secure ? "s" : ""}`;
    const candidates = this.#candidates().filter(({ addresses }) => {
      return addresses[listener] !== undefined;
    });
    const owner = role === "publish" ? this.#options.ownerOf(streamKey(stream)) : undefined;
    const chosen = candidates.find(({ node }) => node === owner) ?? this.#emptiest(candidates);
    if (chosen === undefined) return undefined;
    this.#sent.set(chosen.node, (this.#sent.get(chosen.node) ?? 0) + 1);
    return chosen.addresses[listener];
  }

  #candidates(): Member[] {
    const { node, members } = this.#options.mesh;
    return [...members.values()].filter((member) =>
      member.node !== node && member.state === "up" && takesClients(member)
    );
  }

  #emptiest(candidates: readonly Member[]): Member | undefined {
    const { loads } = this.#options.mesh;
    if (loads !== this.#loads) this.#sent.clear();
    this.#loads = loads;
    const clients = ({ node, weight }: Member) => {
      const { viewers } = loads.get(node) ?? { viewers: 0 };
      return (viewers + (this.#sent.get(node) ?? 0)) / Math.max(weight, Number.MIN_VALUE);
    };
    return candidates.toSorted((a, b) => clients(a) - clients(b)).at(0);
  }
}

/** Nodes of role `origin` tell no addresses. */
function takesClients({ addresses: { rtmp, rtsp } }: Member): boolean {
  return rtmp !== undefined || rtsp !== undefined;
}
