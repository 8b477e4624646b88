// Goal: a node that hears neither Redis nor any other node lets its publishers go after ten
// seconds, as the mesh goes on elsewhere; one that never had others goes on for ever.
// Method: whole nodes but for sockets on virtual time; the cables of one node are pulled.
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh, type VirtualPublisher } from "../support/virtual_mesh.ts";

const PATH = "live/x";

async function publishCutOff(names: readonly string[]) {
  const mesh = new VirtualMesh();
  const [a, ...others] = await mesh.add(...names);
  const publisher = await mesh.until(a.publish(PATH)) as VirtualPublisher;
  await mesh.run(1_000);
  a.directory.fault = "cut";
  for (const other of others) mesh.network.part("a", other.name);
  return { mesh, a, others, publisher };
}

Deno.test("a node that is cut off from the mesh lets its publishers go after ten seconds", async () => {
  const { mesh, a, others, publisher } = await publishCutOff(["a", "b", "c"]);
  await mesh.run(9_000);
  assertEquals(publisher.over, false);
  await mesh.run(5_000);
  assertEquals(publisher.over, true);
  assertEquals(a.mesh.ownership.keys(), []);
  const again = await mesh.until(a.publish(PATH));
  assert(typeof again === "string", "nobody can publish there meanwhile");
  a.directory.fault = "none";
  for (const other of others) mesh.network.join("a", other.name);
  await mesh.run(3_000);
  assert(typeof await mesh.until(a.publish(PATH)) === "object", "it is one of them again");
  await mesh[Symbol.asyncDispose]();
});

Deno.test("a node that has lost Redis and never had others goes on", async () => {
  const { mesh, a, publisher } = await publishCutOff(["a"]);
  await mesh.run(30_000);
  assertEquals(publisher.over, false);
  assertEquals(a.mesh.ownership.keys(), [PATH]);
  a.directory.fault = "none";
  await mesh.run(1_000);
  await mesh[Symbol.asyncDispose]();
});
