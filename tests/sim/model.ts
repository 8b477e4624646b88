/**
 * A model of lease, expulsion, claim, fence and loss of data, small enough to visit every state:
 * three nodes that want one stream, a directory that may forget everything once, and an edge.
 *
 * Time is left out: a lease may end whenever its node is cut off, a claim may be carried out at any
 * later moment, and its answer may be lost. Records, markers and epochs are as the directory has
 * them; `simulation.ts` plays the real code.
 *
 * @module
 */

/** Rules that can be broken, to prove that the model sees it. */
export type ModelMutant = "no-fence" | "counter-epoch" | "no-token";

const NODES = [0, 1, 2] as const;

/** States visited, at most. */
const STATES_MAX = 3_000_000;

/** How large the model is; two starts and three claims are two million states, in 100 s. */
export interface ModelOptions {
  readonly mutant?: ModelMutant;
  /** Starts of each node, at most. */
  readonly incarnations: number;
  /** Claims of all nodes, at most. */
  readonly claims: number;
}

/** One node: what it is and what it believes. */
interface ModelNode {
  /** It does not reach the directory. */
  cut: boolean;
  incarnation: number;
  /** Epoch under which it believes to own the stream; 0: it does not. */
  own: number;
  /** Highest epoch that it had and lost: it does not take that up again. */
  dropped: number;
}

/** A claim on its way: what its sender knew. */
interface ModelClaim {
  readonly node: number;
  readonly incarnation: number;
  readonly expected: number;
}

interface ModelState {
  nodes: ModelNode[];
  /** Incarnation whose lease lives, by node; 0: none. */
  leases: number[];
  /** Highest dead incarnation, by node. */
  dead: number[];
  record: { epoch: number; node: number; incarnation: number };
  claim: ModelClaim | undefined;
  claims: number;
  /** The directory's clock, as epochs see it: it goes on when data is lost. */
  clock: number;
  wiped: boolean;
  grace: boolean;
  /** Highest epoch that the edge has taken a frame of. */
  edge: number;
}

/** What a model came to. */
export interface ModelResult {
  readonly states: number;
  /**
   * What did not hold, and the steps that lead there; `undefined` when all did. Nodes may change
   * their numbers from one step to the next.
   */
  readonly fault: string | undefined;
}

/** A step's result: it was taken, it could not be, or a rule was broken. */
type Step = boolean | string;

/** Visits every state that can be reached. */
export function checkModel(options: ModelOptions): ModelResult {
  const first = keyOf(initial());
  const from = new Map<string, { key: string; step: string } | undefined>([[first, undefined]]);
  const open = [first];
  for (let at = 0; at < open.length; at++) {
    const key = open[at];
    for (const [name, step] of STEPS) {
      const state = stateOf(key);
      const taken = step(state, options);
      if (taken === false) continue;
      const fault = typeof taken === "string" ? taken : brokenIn(state);
      if (fault !== undefined) {
        return { states: from.size, fault: `${fault} after ${pathTo(from, key)} ${name}` };
      }
      const next = keyOf(state);
      if (from.has(next)) continue;
      if (from.size >= STATES_MAX) throw new Error(`The model has more than ${STATES_MAX} states`);
      from.set(next, { key, step: name });
      open.push(next);
    }
  }
  return { states: from.size, fault: undefined };
}

/** I1: no two nodes hold one epoch. */
function brokenIn({ nodes }: ModelState): string | undefined {
  for (const a of NODES) {
    for (const b of NODES) {
      if (a < b && nodes[a].own > 0 && nodes[a].own === nodes[b].own) {
        return `I1: nodes ${a} and ${b} hold epoch ${nodes[a].own}`;
      }
    }
  }
  return undefined;
}

const STEPS: readonly [string, (state: ModelState, options: ModelOptions) => Step][] = [
  ...NODES.flatMap((k): typeof STEPS => [
    [`cut${k}`, (state) => flip(state, k, true)],
    [`heal${k}`, (state) => flip(state, k, false)],
    [`renew${k}`, (state, { incarnations }) => renew(state, k, incarnations)],
    [`expire${k}`, (state) => expire(state, k)],
    [`expel${k}`, (state) => expel(state, k)],
    [`send${k}`, (state, { claims }) => sendClaim(state, k, claims)],
    [`frame${k}`, (state, { mutant }) => frame(state, k, mutant)],
  ]),
  ["claim", (state, { mutant }) => carryOut(state, mutant, false)],
  ["claim-unheard", (state, { mutant }) => carryOut(state, mutant, true)],
  ["wipe", wipe],
  ["grace-over", endGrace],
];

function flip({ nodes }: ModelState, k: number, cut: boolean): Step {
  if (nodes[k].cut === cut) return false;
  nodes[k].cut = cut;
  return true;
}

/** Renews, or learns that it is dead, or tells a directory that forgot; looks at the record. */
function renew({ nodes, leases, dead, record }: ModelState, k: number, startsMax: number): Step {
  const node = nodes[k];
  if (node.cut) return false;
  if (dead[k] >= node.incarnation) {
    if (node.incarnation >= startsMax) return false;
    lose(node);
    node.incarnation++;
  }
  leases[k] = node.incarnation;
  const ours = record.node === k && record.incarnation === node.incarnation;
  if (node.own > 0 && record.epoch > node.own && !ours) lose(node);
  if (node.own > record.epoch) {
    Object.assign(record, { epoch: node.own, node: k, incarnation: node.incarnation });
  }
  // Claimed in a call whose answer was lost.
  if (node.own < record.epoch && ours && record.epoch > node.dropped) node.own = record.epoch;
  return true;
}

function lose(node: ModelNode): void {
  node.dropped = Math.max(node.dropped, node.own);
  node.own = 0;
}

function expire({ nodes, leases }: ModelState, k: number): Step {
  if (leases[k] === 0 || !nodes[k].cut) return false;
  leases[k] = 0;
  return true;
}

/** Somebody who reaches the directory finds its lease gone. */
function expel({ nodes, leases, dead, grace }: ModelState, k: number): Step {
  const { incarnation } = nodes[k];
  if (grace || leases[k] > 0 || dead[k] >= incarnation) return false;
  if (!NODES.some((other) => other !== k && !nodes[other].cut)) return false;
  dead[k] = incarnation;
  return true;
}

/** Claims what nobody owns that it knows of. */
function sendClaim(state: ModelState, k: number, claimsMax: number): Step {
  const { nodes, leases, dead, record, grace } = state;
  const { cut, own, incarnation } = nodes[k];
  if (state.claim !== undefined || state.claims >= claimsMax) return false;
  if (cut || own > 0 || leases[k] !== incarnation) return false;
  const gone = record.epoch === 0 ? !grace : dead[record.node] >= record.incarnation;
  const old = record.epoch > 0 && record.node === k;
  if (!gone && !old) return false;
  state.claim = { node: k, incarnation, expected: record.epoch };
  state.claims++;
  return true;
}

/** The directory carries a claim out, sooner or later; `unheard`: the answer is lost. */
function carryOut(state: ModelState, mutant: ModelMutant | undefined, unheard: boolean): Step {
  const { claim, record, nodes } = state;
  if (claim === undefined) return false;
  state.claim = undefined;
  const { node, incarnation, expected } = claim;
  // Without tokens of their own, any claim looks like the retry of the one that was carried out.
  const retry = mutant === "no-token" && record.epoch > 0;
  if (!retry) {
    if (record.epoch !== expected) return true;
    state.clock++;
    const epoch = mutant === "counter-epoch"
      ? record.epoch + 1
      : Math.max(record.epoch + 1, state.clock);
    state.record = { epoch, node, incarnation };
  }
  const sender = nodes[node];
  if (unheard || sender.cut || sender.incarnation !== incarnation || sender.own > 0) return true;
  sender.own = state.record.epoch;
  return true;
}

/** I2: the edge takes a frame; links do not depend on the directory. */
function frame(state: ModelState, k: number, mutant?: ModelMutant): Step {
  const { own } = state.nodes[k];
  if (own === 0) return false;
  if (own < state.edge) {
    return mutant === "no-fence" ? `I2: the edge goes from epoch ${state.edge} to ${own}` : false;
  }
  if (own === state.edge) return false;
  state.edge = own;
  return true;
}

function wipe(state: ModelState): Step {
  if (state.wiped) return false;
  state.wiped = state.grace = true;
  state.leases = [0, 0, 0];
  state.dead = [0, 0, 0];
  state.record = { epoch: 0, node: 0, incarnation: 0 };
  return true;
}

/** Whoever reaches the directory has told it again by then. */
function endGrace(state: ModelState): Step {
  const { grace, nodes, leases } = state;
  const told = NODES.every((k) => nodes[k].cut || leases[k] === nodes[k].incarnation);
  if (!grace || !told) return false;
  state.grace = false;
  return true;
}

function initial(): ModelState {
  return {
    nodes: NODES.map(() => ({ cut: false, incarnation: 1, own: 0, dropped: 0 })),
    leases: [1, 1, 1],
    dead: [0, 0, 0],
    record: { epoch: 0, node: 0, incarnation: 0 },
    claim: undefined,
    claims: 0,
    clock: 0,
    wiped: false,
    grace: false,
    edge: 0,
  };
}

/** Numbers of a node in a key. */
const NODE_CHARACTERS = 8;

/**
 * One character a number; all are small. Nodes are put in order, as it does not matter which is
 * which: that leaves a sixth of the states.
 */
function keyOf(state: ModelState): string {
  const { record, claim, claims, clock, wiped, grace, edge } = state;
  const nodes = NODES.map((k) => {
    const { cut, incarnation, own, dropped } = state.nodes[k];
    return String.fromCharCode(
      ...[+cut, incarnation, own, dropped, state.leases[k], state.dead[k]],
      record.epoch > 0 && record.node === k ? record.incarnation : 0,
      claim?.node === k ? claim.incarnation : 0,
    );
  }).sort();
  const rest = [record.epoch, claim?.expected ?? 0, claims, clock, +wiped, +grace, edge];
  return nodes.join("") + String.fromCharCode(...rest);
}

function stateOf(key: string): ModelState {
  const of = (k: number, field: number) => key.charCodeAt(k * NODE_CHARACTERS + field);
  const [epoch, expected, claims, clock, wiped, grace, edge] = Array.from(
    key.slice(NODES.length * NODE_CHARACTERS),
    (character) => character.charCodeAt(0),
  );
  const owner = NODES.find((k) => of(k, 6) > 0);
  const claimer = NODES.find((k) => of(k, 7) > 0);
  return {
    nodes: NODES.map((k) => ({
      cut: of(k, 0) === 1,
      incarnation: of(k, 1),
      own: of(k, 2),
      dropped: of(k, 3),
    })),
    leases: NODES.map((k) => of(k, 4)),
    dead: NODES.map((k) => of(k, 5)),
    record: owner === undefined
      ? { epoch, node: 0, incarnation: 0 }
      : { epoch, node: owner, incarnation: of(owner, 6) },
    claim: claimer === undefined
      ? undefined
      : { node: claimer, incarnation: of(claimer, 7), expected },
    ...{ claims, clock, wiped: wiped === 1, grace: grace === 1, edge },
  };
}

function pathTo(from: ReadonlyMap<string, { key: string; step: string } | undefined>, key: string) {
  const steps: string[] = [];
  for (let before = from.get(key); before !== undefined; before = from.get(before.key)) {
    steps.push(before.step);
  }
  return steps.reverse().join(" ");
}
