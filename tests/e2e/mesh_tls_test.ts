// Goal: with --mesh-tls nodes speak TLS with each other, and with nobody who does not.
// Method: two real nodes with a certificate of their own authority, and a third one without.
import { assertEquals, assertMatch } from "../support/assert.ts";
import { certificate } from "../support/certificates.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh } from "../support/mesh.ts";
import { startNodeChild } from "../support/node_process.ts";

const NEEDS = { needs: ["redis", "openssl"], timeoutMs: 60_000 } as const;

async function tlsFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "headwater-mesh-tls-" });
  const { key, cert, ca } = await certificate(folder, "node");
  await Deno.writeTextFile(`${folder}/key.pem`, key);
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/ca.pem`, ca);
  return folder;
}

Deno.test(endToEnd("--mesh-tls carries streams, and nothing to who has no TLS", NEEDS, async () => {
  const folder = await tlsFolder();
  try {
    await using mesh = await startMesh(["a", "b"], ["--mesh-tls", folder]);
    const [a, b] = mesh.nodes;
    const stream = await publishNumbered(a, "live/tls");
    using viewer = await follow(b, "rtmp", "live/tls");
    await untilPlaying(viewer, 20);
    const plain = await mesh.add("plain");
    const response = await fetch(plain.httpUrl("live/tls.m3u8"));
    assertEquals(response.status, 404);
    await response.body?.cancel();
    await untilPlaying(viewer, viewer.check.last - viewer.check.first + 20);
    assertEquals([viewer.check.lost, viewer.check.doubled], [0, 0]);
    await stream.end();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}));

Deno.test(endToEnd("--mesh-tls refuses a folder without its files", NEEDS, async () => {
  const folder = await Deno.makeTempDir({ prefix: "headwater-mesh-tls-" });
  const mesh = ["--redis", "redis://127.0.0.1:1", "--mesh-port", "0", "--mesh-tls", folder];
  const { code, stderr } = await startNodeChild([...mesh, "--data", `${folder}/data`]).ended;
  await Deno.remove(folder, { recursive: true });
  assertEquals(code, 2);
  assertMatch(stderr, /--mesh-tls .*: must hold cert\.pem as a readable file: NotFound/);
}));
