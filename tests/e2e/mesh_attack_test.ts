// Goal: whoever knocks at the mesh port and is no node of the mesh, or behaves like none, is
// refused or bounded, costs one line in the log, and disturbs nobody.
// Method: three real nodes with a numbered stream from a to viewers on b and c, which must get each
// frame once, while bytes made by hand go to a's mesh port.
import { FRAME_TYPE, wholeFrame } from "../../protocols/mrtmp/frame.ts";
import { writeCredit, writeOpen } from "../../protocols/mrtmp/subscription.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, type Follower, LIGHT, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { linksOf, untilLive } from "../support/mesh_api.ts";
import {
  dialMesh,
  greet,
  headerOf,
  keepAlive,
  linkTo,
  memberOn,
  readToEnd,
  writeAll,
} from "../support/mesh_raw_socket.ts";
import type { LogLine, TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { seededRandom } from "../support/random.ts";
import { NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";

const NEEDS = { needs: ["redis"] } as const;
const SECRET = "the-secret-of-this-very-mesh";
const WRONG = "the-secret-of-some-other-mesh";

/** A node that must not grow by more than this while somebody does not read, in bytes. */
const GROWTH_BYTES_MAX = 200 * 1024 * 1024;

let mesh: TestMesh;
let stream: NumberedStream;
let followers: Follower[];

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"], ["--mesh-secret", SECRET]);
  const [a, b, c] = mesh.nodes;
  stream = await publishNumbered(a, "live/undisturbed");
  await untilLive(b, "live/undisturbed");
  followers = [
    await follow(b, "rtmp", "live/undisturbed"),
    await follow(c, "http-flv", "live/undisturbed"),
  ];
  for (const follower of followers) await untilPlaying(follower);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

/** The viewers have got every frame so far, and get more. */
async function undisturbed(): Promise<void> {
  for (const follower of followers) {
    const { check } = follower;
    await untilPlaying(follower, check.last - check.first + 20);
    assertEquals([check.lost, check.doubled], [0, 0]);
  }
}

function lines(node: TestNode, message: string): LogLine[] {
  return node.logs().filter((line) => line.message === message);
}

Deno.test(
  endToEnd("strangers, garbage, lengths of 4 GiB and dead nodes are refused", NEEDS, async () => {
    const [a, b] = mesh.nodes;
    const target = await memberOn(b, "a");
    const { mesh: address } = target.addresses;
    const self = { target, node: "raw", incarnation: 1, secret: SECRET };
    const linkId = new Uint8Array(16);

    const wrong = await greet({ ...self, secret: WRONG, channel: "control", linkId });
    assertEquals(wrong, "us: secret"); // It proves itself first, and its proof is not ours.

    const { incarnation } = await memberOn(a, "b");
    const dead = { ...self, node: "b", incarnation: incarnation - 1, linkId } as const;
    assertEquals(await greet({ ...dead, channel: "control" }), "them: expelled");
    const other = { ...target, incarnation: target.incarnation - 1 };
    assertEquals(
      await greet({ ...self, target: other, channel: "control", linkId }),
      "them: target",
    );
    assertEquals(await greet({ ...self, channel: "media", linkId }), "them: channel");

    const { next } = seededRandom(5);
    const noise = Uint8Array.from({ length: 4_096 }, () => Math.floor(next() * 256));
    const http = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const lengths = headerOf(FRAME_TYPE.hello, 0xffff_ffff);
    for (const bytes of [noise, http, lengths]) {
      const socket = await dialMesh(address);
      await writeAll(socket, bytes);
      await readToEnd(socket);
    }
    // Somebody who knows the secret is held to the same rules afterwards.
    const { control, media } = await linkTo(self);
    await writeAll(control, headerOf(FRAME_TYPE.call, 0xffff_ffff));
    await Promise.all([readToEnd(control), readToEnd(media)]);

    // All came from one address: one line, and one for the link that was up.
    assertEquals(lines(a, "link not accepted").length, 1);
    assertEquals(lines(a, "link closed").length, 1);
    await undisturbed();
  }),
);

Deno.test(
  endToEnd("many that say nothing are bounded, and nodes still come in", NEEDS, async () => {
    const [a, b] = mesh.nodes;
    const target = await memberOn(b, "a");
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => dialMesh(target.addresses.mesh)),
    );
    // Each is cut off after two seconds at most.
    await Promise.all(sockets.map(readToEnd));
    const self = { target, node: "raw", incarnation: 1, secret: SECRET };
    const { control, media } = await linkTo(self);
    control.close();
    media.close();
    assertEquals(lines(a, "link not accepted").length, 1);
    await undisturbed();
  }),
);

Deno.test(endToEnd("a node that stops reading is cut off", NEEDS, async () => {
  const [a, b] = mesh.nodes;
  const target = await memberOn(b, "a");
  const publisher = await Publisher.open(a.address("rtmp"), "live/heavy");
  // 6 MB a second: what the system buffers for a socket is full within some.
  const heavy = new NumberedStream(publisher, { ...LIGHT, frameBytes: 240_000 });
  await untilLive(b, "live/heavy");
  const before = lines(a, "link closed").length;
  const memoryBytes = a.memoryBytes();
  const self = { target, node: "deaf", incarnation: 1, secret: SECRET };
  const { control, media } = await linkTo(self);
  const stop = keepAlive([control, media]);
  const open = writeOpen({ app: "live", name: "heavy", mode: "edge", epoch: 0 });
  await writeAll(control, wholeFrame(FRAME_TYPE.open, 1, open));
  await writeAll(control, wholeFrame(FRAME_TYPE.credit, 1, writeCredit(60 * 1024 * 1024)));
  await eventually(
    "its link is there",
    async () => (await linksOf(a)).some(({ node, peer }) => node === "a" && peer === "deaf"),
  );
  let most = 0;
  await eventually("its link is gone", async () => {
    most = Math.max(most, a.memoryBytes() - memoryBytes);
    return !(await linksOf(a)).some(({ node, peer }) => node === "a" && peer === "deaf");
  }, 60_000);
  stop();
  control.close();
  media.close();
  const said = lines(a, "link closed").slice(before);
  assertEquals(said.map(({ node }) => node), ["deaf"]);
  assert(most < GROWTH_BYTES_MAX, `${most} bytes`);
  await undisturbed();
  await heavy.end();
}));

Deno.test(
  endToEnd("a node with another secret takes no part, and nobody notices", NEEDS, async () => {
    const [a, b, c] = mesh.nodes;
    const d = await mesh.add("d", ["--mesh-secret", WRONG]);
    // With four members a stream's first choice is d now and then.
    const paths = Array.from({ length: 16 }, (_, at) => `live/with-d-${at}`);
    const streams = await Promise.all(paths.map((path) => publishNumbered(a, path)));
    const watching = await Promise.all(paths.map((path) => follow(b, "rtmp", path)));
    for (const follower of watching) await untilPlaying(follower);
    const { items } = await c.api<{ items: unknown[] }>("streams");
    assert(items.length >= 16, `${items.length} streams`);
    for (const { check } of watching) assertEquals([check.lost, check.doubled], [0, 0]);
    await Promise.all(streams.map((one) => one.end()));
    await delay(3_000);
    for (const node of [a, b, c]) {
      const said = lines(node, "link refused").length + lines(node, "link not accepted").length;
      assert(said <= 3, `${node.ready.node} said it ${said} times`);
    }
    await undisturbed();
    await d.stop();
    await stream.end();
  }),
);
