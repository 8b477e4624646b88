/**
 * Nodes that have links and nothing else, over real sockets of the loopback interface.
 *
 * @module
 */
import type { Log, Ports } from "../../actors/runtime/ports.ts";
import { Flusher } from "../../actors/stream/flusher.ts";
import { MediaBudget } from "../../actors/stream/media_budget.ts";
import { StreamCore } from "../../actors/stream/stream_core.ts";
import { DenoTransport, type LinkTls } from "../../cluster/link/deno_transport.ts";
import type { LinkPeer } from "../../cluster/link/link_settings.ts";
import { LinkTable } from "../../cluster/link/link_table.ts";
import { systemPorts } from "../../cluster/system_ports.ts";

/** A node's links, and the streams that it serves. */
export interface RealLinks {
  readonly table: LinkTable;
  readonly port: number;
  readonly streams: Map<string, StreamCore>;
  /** Node names and kinds of what happened. */
  readonly events: string[];
}

export interface RealLinksOptions {
  readonly name: string;
  readonly peers: Map<string, LinkPeer>;
  readonly tls?: LinkTls;
  readonly log?: Log;
  readonly secret?: string;
}

/** Opens a node's mesh port and adds it to `peers`. */
export function realLinks({ name, peers, tls, log, secret }: RealLinksOptions): RealLinks {
  const ports = systemPorts(log ?? SILENT);
  const streams = new Map<string, StreamCore>();
  const events: string[] = [];
  const table = new LinkTable({
    ports,
    transport: new DenoTransport({ hostname: "127.0.0.1", port: 0, tls, acceptFailed() {} }),
    mesh: "test",
    secret: new TextEncoder().encode(secret ?? "a secret of the mesh"),
    self: () => ({ node: name, incarnation: 1 }),
    peerOf: (node) => peers.get(node),
    isDead: () => false,
    gossip: () => ({ view: 1, redisOk: true, lagMs: 0 }),
    events: {
      silent: ({ node }) => void events.push(`silent ${node}`),
      lost: ({ node }, loss) => void events.push(`lost ${node} ${loss}`),
      gossip() {},
    },
    receiver: {
      ask: (_from, { req }) => Promise.resolve({ ok: true, value: req }),
      tell() {},
    },
    serve: ({ name }) => {
      const core = streams.get(name);
      if (core === undefined) return { refused: true };
      const state = { state: "live", epoch: 1, generation: 1, owner: "b" } as const;
      return { core, state: () => ({ ...state, ingest: "b", startedAtMs: 1, replicas: [] }) };
    },
    reading() {},
    parsed() {},
  });
  const port = table.listen();
  peers.set(name, { address: "127.0.0.1", port, incarnation: 1 });
  return { table, port, streams, events };
}

/** A stream that nothing flushes: links do not wait for it. */
export function realStream(name: string, windowUs = 2_000_000): StreamCore {
  const flusher = new Flusher<StreamCore>({
    ...realPorts(),
    window: 1_000,
    latenessMs: () => 0,
    failed(_stream, error) {
      throw error;
    },
  });
  const budget = new MediaBudget(1 << 30);
  return new StreamCore({ app: "live", name }, { budget, windowUs, flusher });
}

/** The real clock, and timers that never fire: no flush is left behind. */
function realPorts(): Pick<Ports, "clock" | "timers"> {
  const { clock } = systemPorts(SILENT);
  return { clock, timers: { after: () => ({ cancel() {} }), soon() {} } };
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT };
