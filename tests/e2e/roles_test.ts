// Goal: an edge takes clients and owns nothing; an origin owns and takes no clients.
// Method: a real redis-server, an edge and an origin; what is published and played at the edge is
// looked for at the origin, whose ports are tried.
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh } from "../support/mesh.ts";
import { startTestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";

interface StreamItem {
  readonly owner: string;
  readonly ingest: string | null;
}

Deno.test(
  endToEnd("an origin owns what is published at an edge", { needs: ["redis"] }, async () => {
    await using mesh = await startMesh([]);
    const origin = await mesh.add("origin", ["--role", "origin"]);
    const edge = await mesh.add("edge", ["--role", "edge"]);
    assertEquals(Object.keys(origin.ready.addresses), ["http"]);
    assert(origin.address("http").startsWith("127.0.0.1:"));
    for (let at = 0; at < 4; at++) {
      const publisher = await publishNumbered(edge, `live/r${at}`);
      const follower = await follow(edge, "rtmp", `live/r${at}`);
      await untilPlaying(follower);
      const stream = await edge.api<StreamItem>(`streams/live/r${at}`);
      assertEquals([stream.owner, stream.ingest], ["origin", "edge"]);
      // The origin has the stream, and gives it to no client.
      for (const ending of ["flv", "m3u8", "ts", "html"]) {
        const response = await fetch(origin.httpUrl(`live/r${at}.${ending}`));
        await response.body?.cancel();
        assertEquals(response.status, 404, ending);
      }
      const last = await publisher.end();
      assertEquals(await follower.viewer.ended, "end of stream");
      assertEquals([follower.check.lost, follower.check.last], [0, last]);
    }
    for (const path of ["healthz", "readyz", "metrics"]) {
      const response = await fetch(origin.httpUrl(path));
      await response.body?.cancel();
      assertEquals(response.status, 200, path);
    }
    const nodes = await edge.api<{ items: { name: string; addresses: object }[] }>("nodes");
    const listed = nodes.items.find(({ name }) => name === "origin");
    assertEquals(Object.keys(listed?.addresses ?? {}), ["mesh"]);
  }),
);

Deno.test(endToEnd("edges alone take no publisher", { needs: ["redis"] }, async () => {
  await using mesh = await startMesh([]);
  const edge = await mesh.add("edge", ["--role", "edge", "--play-wait", "1s"]);
  await assertRejects(() => publishNumbered(edge, "live/nobody"));
  await mesh.add("late", ["--role", "origin"]);
  const publisher = await eventually("an origin came", async () => {
    return await publishNumbered(edge, "live/somebody").catch(() => undefined);
  });
  await publisher.stop();
}));

Deno.test(endToEnd("a role without a mesh is refused", {}, async () => {
  for (const role of ["edge", "origin"]) {
    const error = await assertRejects(() => startTestNode({ args: ["--role", role] }));
    assert(error.message.includes(`exit code 2: --role ${role}: needs --redis`), error.message);
  }
}));
