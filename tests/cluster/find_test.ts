// Goal: a stream that somebody looks for is not forgotten before it is found.
// Method: whole nodes but for sockets on virtual time, with a slow directory and a node that sweeps
// all the time.
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh } from "../support/virtual_mesh.ts";

Deno.test("StreamFinder.find() finds a stream although unused ones are swept meanwhile", async () => {
  await using mesh = new VirtualMesh();
  const [a, b] = await mesh.add("a", "b", "c");
  await mesh.until(a.publish("live/x"));
  await mesh.run(1_000);
  // What this node knows of it is out of date, so that it needs more than one try.
  assertEquals((await mesh.until(b.mesh.ownership.resolve("live/x")))?.node, "a");
  await mesh.until(a.mesh.system.ref(STREAM, "live/x").ask.move({ to: "c" }));
  const sweep = () => {
    b.hub.sweep();
    mesh.ports.timers.after(5, sweep);
  };
  sweep();
  const watch = await mesh.until(b.watch("live/x"));
  await mesh.run(1_000);
  assert(watch.last >= mesh.frame - 1, `${watch.last} of ${mesh.frame}`);
  watch.close();
});

Deno.test("StreamFinder.find() leaves nothing of a stream that is nowhere", async () => {
  await using mesh = new VirtualMesh();
  const [a] = await mesh.add("a");
  await mesh.until(Promise.resolve(a.mesh.finder.find({ app: "live", name: "nowhere" })));
  a.hub.sweep();
  assertEquals(a.hub.size, 0);
});
