/**
 * The mesh with one of its rules broken, from outside: what a simulation that sees must find.
 *
 * @module
 */
import type { Clock } from "../../actors/runtime/ports.ts";
import type { UpstreamRequest } from "../../actors/stream/upstream.ts";
import { ClaimTable } from "../../cluster/directory/claim_table.ts";
import type { ClaimRequest, ClaimResult, OwnedKey } from "../../cluster/directory/directory.ts";
import { DirectoryStore } from "../../cluster/directory/memory_directory.ts";
import type { SimNode } from "./sim_node.ts";

export interface Mutant {
  readonly name: string;
  /** The rule whose breach must be seen. */
  readonly breaks: string;
  /** Instead of the directory's data. */
  readonly store?: (clock: Clock) => DirectoryStore;
  /** Called with each node before it joins. */
  readonly node?: (node: SimNode) => void;
}

/** Epochs that count on from the record, which a directory that lost its data does not know. */
class CounterClaims extends ClaimTable {
  override claim(key: OwnedKey, request: ClaimRequest, nowUs: number): ClaimResult {
    if (nowUs > request.deadlineUs) return { kind: "late" };
    return super.claim(key, request, 0);
  }
}

class CounterStore extends DirectoryStore {
  #counted = new CounterClaims();

  override get claims(): ClaimTable {
    return this.#counted;
  }

  override wipe(): void {
    super.wipe();
    this.#counted = new CounterClaims();
  }
}

/** Changes what a node asks other nodes for. */
function changeOpens(node: SimNode, change: (request: UpstreamRequest) => UpstreamRequest): void {
  const { links } = node.mesh;
  const open = links.open.bind(links);
  links.open = (request) => open(change(request));
}

/** Resumes some records early, and takes what comes again for new. */
function doubled(node: SimNode, request: UpstreamRequest): UpstreamRequest {
  const { sink, fromSeq } = request;
  return {
    ...request,
    fromSeq: fromSeq === undefined ? undefined : Math.max(0, fromSeq - 4),
    sink: {
      started: (start, caughtUpSeq) => sink.started(start, caughtUpSeq),
      state: (state) => sink.state(state),
      closed: (end) => sink.closed(end),
      record(record) {
        const nextSeq = node.hub.get(request.name)?.log.nextSeq ?? 0;
        sink.record(record.seq < nextSeq ? { ...record, seq: nextSeq } : record);
      },
    },
  };
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "no fence: an owner of an old epoch is taken for the owner",
    breaks: "I2",
    node(node) {
      changeOpens(node, (request) => ({ ...request, epoch: 0 }));
      node.mesh.ownership.accepts = () => true;
    },
  },
  {
    name: "counter epochs: they begin anew when the directory lost its data",
    breaks: "I1",
    store: (clock) => new CounterStore(clock),
  },
  {
    name: "no claim tokens: any claim counts as the retry of the one before",
    breaks: "I1",
    node({ directory }) {
      const claim = directory.claim.bind(directory);
      directory.claim = (key, request) => claim(key, { ...request, token: "none" });
    },
  },
  {
    name: "no de-duplication: records that came before are taken again",
    breaks: "I3",
    node: (node) => changeOpens(node, (request) => doubled(node, request)),
  },
];
