// Goal: a node dies, hangs, is cut off, drains or is restarted, and viewers on the others notice
// no more than was promised: no frame lost or doubled, short gaps, the same HLS from every node,
// and nothing left behind.
// Method: `deno task chaos` with two runs of each fault; real nodes and a real redis-server.
import { type Fault, FAULTS } from "../chaos/faults.ts";
import { Ground } from "../chaos/ground.ts";
import { holdings, leaks } from "../chaos/leaks.ts";
import { missingNetwork } from "../chaos/network.ts";
import { missedBounds, runRounds } from "../chaos/series.ts";
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";

const NEEDS = { needs: ["redis"], timeoutMs: 200_000 } as const;

/** Runs of each, but for those that are many faults in one. */
const TIMES = 2;
const ONCE = ["drain", "rolling"];

/** Those that one mesh of three nodes lives through, one after the other. */
const SHARED = FAULTS.filter(({ name }) =>
  ["move", "drain", "kill", "pause", "kill-ingest", "kill-both", "encoder-of-two"]
    .includes(name)
);

/** Those that take seconds by themselves, on meshes beside each other. */
const LONG = FAULTS.filter((fault) => !SHARED.includes(fault) && !ONCE.includes(fault.name));
const missing = await missingNetwork();
const RUN = LONG.filter(({ cables }) => !cables || missing === undefined);

async function faultsOf(ground: Ground, fault: Fault): Promise<string[]> {
  const times = ONCE.includes(fault.name) ? 1 : TIMES;
  const outcome = await runRounds(ground, fault, { times, told: (text) => console.log(text) });
  return [...missedBounds(outcome), ...outcome.faults];
}

/** The same on a mesh of its own. */
async function faultsAlone(fault: Fault): Promise<string[]> {
  const { nodes: names, cables, args } = fault;
  await using ground = await Ground.start({ names, cables, args });
  return await faultsOf(ground, fault);
}

Deno.test(endToEnd("viewers do not notice what befalls other nodes", NEEDS, async () => {
  const args = SHARED.flatMap((fault) => fault.args ?? []);
  await using ground = await Ground.start({ names: ["a", "b", "c"], args });
  const before = await holdings(ground);
  const found: string[] = [];
  for (const fault of SHARED) found.push(...await faultsOf(ground, fault));
  found.push(...await leaks(ground, before));
  assertEquals(found, []);
}));

Deno.test(endToEnd("nor what takes seconds to be known for sure", NEEDS, async () => {
  assertEquals((await Promise.all(RUN.map(faultsAlone))).flat(), []);
}));

Deno.test(endToEnd("nor that all nodes are restarted in turn", NEEDS, async () => {
  const rolling = FAULTS.filter(({ name }) => name === "rolling");
  assertEquals((await Promise.all(rolling.map(faultsAlone))).flat(), []);
}));

for (const { what } of LONG.filter((fault) => !RUN.includes(fault))) {
  Deno.test({ name: `${what} (skipped: ${missing})`, ignore: true, fn() {} });
}
