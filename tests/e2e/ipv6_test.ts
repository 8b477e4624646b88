// Goal: IPv6 is as good as IPv4 on every port: publishing, playing, and what nodes say to each
// other.
// Method: two real nodes that listen on ::1 alone and advertise it; each protocol publishes to one
// of them and plays from both.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh } from "../support/mesh.ts";
import { linksOf, untilLive } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
import { playRtsp, publishRtsp } from "../support/rtsp_play.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

interface NodeItem {
  readonly addresses: Readonly<Record<string, string>>;
}

/** Begins to play a body and leaves. */
async function untilBody(node: TestNode, path: string): Promise<void> {
  const response = await fetch(node.httpUrl(path));
  assertEquals(response.status, 200, path);
  const reader = response.body!.getReader();
  assert((await reader.read()).value!.length > 0, path);
  await reader.cancel();
}

/** Plays HLS down to its first segment. */
async function untilSegment(node: TestNode, path: string): Promise<void> {
  let url = node.httpUrl(path);
  for (let depth = 0; depth < 3; depth++) {
    const response = await fetch(url);
    assertEquals(response.status, 200, url);
    if (depth === 2) return void await response.body!.cancel();
    const uris = (await response.text()).split("\n").filter((line) => /^[^#]/.test(line));
    url = new URL(uris[0], url).href;
  }
}

Deno.test(endToEnd("every protocol publishes and plays over IPv6, and so do links", {
  needs: ["ffmpeg", "redis"],
}, async () => {
  await using mesh = await startMesh(["a", "b"], ["--host", "::1", "--advertise", "::1"]);
  const [a, b] = mesh.nodes;
  for (const address of Object.values(a.ready.addresses)) {
    assert(address.startsWith("[::1]:"), address);
  }
  const { items } = await b.api<{ items: NodeItem[] }>("nodes");
  const advertised = items.flatMap(({ addresses }) => Object.values(addresses));
  assertEquals(advertised.filter((address) => !address.startsWith("[::1]:")), []);
  const file = await mediaFile("h264_aac");
  const played = (["tcp", "udp"] as const).map(async (transport) => {
    const path = `live/${transport}`;
    await using publisher = publishRtsp(a.rtspUrl(path), file, transport);
    await untilLive(b, path);
    const frames = await Promise.all([a, b].map((node) => playRtsp(node.rtspUrl(path), transport)));
    for (const { video } of frames) assert(video.length > 50, `${transport}: ${video.length}`);
    assertEquals((await publisher.ended).code, 0);
  });
  const stream = await publishNumbered(a, "live/x");
  await untilLive(b, "live/x");
  for (const node of mesh.nodes) {
    for (const protocol of VIEWER_PROTOCOLS) {
      using follower = await follow(node, protocol, "live/x");
      await untilPlaying(follower);
    }
    for (const ending of ["ts", "mp4"]) await untilBody(node, `live/x.${ending}`);
    for (const query of ["", "?container=ts"]) await untilSegment(node, `live/x.m3u8${query}`);
  }
  const links = await linksOf(b);
  assert(links.some(({ state, bytesIn }) => state === "up" && bytesIn > 10_000));
  await Promise.all(played);
  await stream.end();
}));
