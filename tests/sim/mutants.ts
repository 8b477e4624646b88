/**
 * The mesh with one of its rules broken, from outside: what a simulation that sees must find.
 *
 * @module
 */
import type { UpstreamRequest } from "../../actors/stream/upstream.ts";
import { ClaimTable } from "../../cluster/directory/claim_table.ts";
import { MEMBERS_MAX } from "../../cluster/directory/checks.ts";
import type {
  ClaimRequest,
  ClaimResult,
  OwnedKey,
  Ownership,
} from "../../cluster/directory/directory.ts";
import type { Clock } from "../../actors/runtime/ports.ts";
import type { DirectoryWeather, SimDirectory } from "./sim_directory.ts";
import type { SimNode } from "./sim_node.ts";
import { SimStore } from "./sim_store.ts";

export interface Mutant {
  readonly name: string;
  /** The rule whose breach must be seen. */
  readonly breaks: string;
  /** Instead of the directory's data. */
  readonly store?: (clock: Clock) => SimStore;
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

class CounterStore extends SimStore {
  protected override newClaims(): ClaimTable {
    return new CounterClaims();
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

/** A node that keeps what it owns when it should give it up: cut off, or expelled. */
function keepOwned({ mesh: { ownership, membership } }: SimNode, when: "cut off" | "expelled") {
  const dropAll = ownership.dropAll.bind(ownership);
  ownership.dropAll = () => {
    const expelled = membership.leaseEndMs === -Infinity;
    if (expelled !== (when === "expelled")) dropAll();
  };
}

/** Whose lease is silent is dead, also when nobody could renew one. */
function judgeAtOnce({ directory, mesh: { membership } }: SimNode): void {
  const renew = directory.renew.bind(directory);
  const suspect = directory.suspect.bind(directory);
  directory.suspect = (suspicion) => suspect({ ...suspicion, graceMs: 0 });
  directory.renew = async (options) => {
    const result = await renew(options);
    for (const node of result.ok ? result.silent : []) {
      const incarnation = membership.members.get(node)?.incarnation;
      if (incarnation === undefined || node === options.node) continue;
      const suspicion = { node, incarnation, voter: options.node, votesNeeded: MEMBERS_MAX };
      directory.suspect({ ...suspicion, windowMs: 1, strong: false, graceMs: 0 }).catch(() => {});
    }
    return result;
  };
}

/** Tells a directory that is back only what it had known before. */
function forgetProvisional({ directory }: SimNode): void {
  const known = new Set<number>();
  const { claim, lookup, reassert } = bound(directory);
  directory.claim = async (key, request) => {
    const result = await claim(key, request);
    if (result.kind === "won") known.add(result.epoch);
    return result;
  };
  directory.lookup = async (keys) => {
    const found = await lookup(keys);
    for (const record of found) if (record !== undefined) known.add(record.epoch);
    return found;
  };
  directory.reassert = (key, owner) =>
    known.has(owner.epoch) ? reassert(key, owner) : Promise.resolve(owner);
}

/** Owns things in the name of its first start, which is dead. */
function keepIncarnation({ directory, name }: SimNode): void {
  let first = 0;
  const { join, claim, reassert } = bound(directory);
  directory.join = async (member, leaseMs) => {
    const joined = await join(member, leaseMs);
    first ||= joined.incarnation;
    return joined;
  };
  const old = <T extends { node: string }>(owner: T): T =>
    owner.node === name ? { ...owner, incarnation: first } : owner;
  directory.claim = (key, request) => claim(key, old(request));
  directory.reassert = (key, owner) => reassert(key, old(owner));
}

/** What its target believes of a move whose claim is to come, in each simulation. */
const EARLY = new WeakMap<DirectoryWeather, Map<string, Ownership>>();

/** How much later the claim comes, in milliseconds. */
const EARLY_MS = 400;

/** The target of a move goes on with the stream before the directory knows. */
function moveBeforeClaim({ directory, weather, name, process }: SimNode): void {
  const early = EARLY.get(weather) ?? new Map<string, Ownership>();
  EARLY.set(weather, early);
  const { claim, lookup } = bound(directory);
  directory.claim = (key, request) => {
    if (request.node === name) return claim(key, request);
    const { node, incarnation, expectedEpoch } = request;
    early.set(key.key, { node, incarnation, epoch: expectedEpoch + 1 });
    process.timers.after(EARLY_MS, () => {
      early.delete(key.key);
      claim(key, { ...request, deadlineUs: Number.MAX_SAFE_INTEGER }).catch(() => {});
    });
    return Promise.resolve({ kind: "won", epoch: expectedEpoch + 1 });
  };
  directory.lookup = async (keys) => {
    const found = await lookup(keys);
    return found.map((record, i) => {
      const moved = early.get(keys[i].key);
      return moved?.node === name ? moved : record;
    });
  };
}

/** The calls of a directory as they were. */
function bound(directory: SimDirectory) {
  return {
    join: directory.join.bind(directory),
    claim: directory.claim.bind(directory),
    lookup: directory.lookup.bind(directory),
    reassert: directory.reassert.bind(directory),
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
  {
    name: "moves whose target goes on before the claim",
    breaks: "I5",
    node: moveBeforeClaim,
  },
  {
    name: "a minority that keeps what it owns",
    breaks: "I8",
    node: (node) => keepOwned(node, "cut off"),
  },
  {
    name: "an expelled node that keeps what it owned",
    breaks: "I1",
    node: (node) => keepOwned(node, "expelled"),
  },
  {
    name: "an expelled node that keeps its incarnation",
    breaks: "I5",
    node: keepIncarnation,
  },
  {
    name: "no grace: a directory that was away is believed at once",
    breaks: "I9",
    node: judgeAtOnce,
  },
  {
    name: "provisional epochs that the directory is never told",
    breaks: "I5",
    node: forgetProvisional,
  },
];
