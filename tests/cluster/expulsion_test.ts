// Goal: a node that was expelled takes nobody with it: it finds all its links closed, and must not
// take that for the death of the others.
// Method: whole nodes but for sockets on virtual time; two votes expel one of four that lives.
import type { Suspicion } from "../../cluster/directory/directory.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh } from "../support/virtual_mesh.ts";

Deno.test("a node that was expelled suspects nobody, and joins anew", async () => {
  await using mesh = new VirtualMesh();
  const nodes = await mesh.add("a", "b", "c", "d");
  const [a, b, c, d] = nodes;
  await mesh.run(1_000);
  const before = nodes.map(({ mesh }) => mesh.membership.incarnation);
  const suspected: string[] = [];
  const suspect = a.directory.suspect.bind(a.directory);
  a.directory.suspect = (suspicion: Suspicion) => {
    suspected.push(suspicion.node);
    return suspect(suspicion);
  };
  for (const voter of [b, c]) {
    void voter.directory.suspect({
      ...{ node: "a", incarnation: before[0], voter: voter.name, votesNeeded: 2 },
      ...{ windowMs: 2_000, strong: false, graceMs: 0 },
    });
  }
  await mesh.run(3_000);
  assertEquals(suspected, []);
  const after = nodes.map(({ mesh }) => mesh.membership.incarnation);
  assert(after[0] > before[0], "it was expelled");
  assertEquals(after.slice(1), before.slice(1));
  assertEquals([...d.mesh.membership.members.keys()].sort(), ["a", "b", "c", "d"]);
});
