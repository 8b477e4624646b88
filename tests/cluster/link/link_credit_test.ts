// Goal: whoever is slow waits alone and bounded, and goes on at a place that players can begin at.
// Method: a peer made by hand that gives no credit, or does not read, on a virtual network.
import { CREDIT_INITIAL_BYTES } from "../../../cluster/link/source_cursor.ts";
import { FRAME_TYPE } from "../../../protocols/mrtmp/frame.ts";
import { writeCredit, writeOpen } from "../../../protocols/mrtmp/subscription.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { LinkMesh, type LinkNode, type TestStream } from "../../support/link_mesh.ts";
import { linkRaw, liveRaw, type RawConnection } from "../../support/raw_peer.ts";

interface Scene {
  readonly mesh: LinkMesh;
  readonly b: LinkNode;
  readonly stream: TestStream;
}

function scene(frames: number): Scene {
  const mesh = new LinkMesh();
  const b = mesh.add("b");
  const stream = b.stream("s");
  stream.push(frames);
  return { mesh, b, stream };
}

/** Numbers of the records that came for a handle, with every START's as text. */
function storyOf({ frames }: RawConnection, handle: number): (number | string)[] {
  return frames.filter((frame) => frame.handle === handle).flatMap(
    ({ type, body }): (number | string)[] => {
      const seq = () => new DataView(body.buffer).getFloat64(0);
      if (type === FRAME_TYPE.start) return [`start ${seq()}`];
      return type >= FRAME_TYPE.frame ? [seq()] : [];
    },
  );
}

function openBody(name: string): Uint8Array<ArrayBuffer> {
  return writeOpen({ app: "live", name, mode: "edge", epoch: 0 }).slice();
}

Deno.test("a subscription without credit waits alone, and goes on at a MARK", async () => {
  const { mesh, b, stream } = scene(1);
  const other = b.stream("t");
  const { control, media } = await linkRaw(mesh, b);
  control.send(FRAME_TYPE.open, 1, openBody("s"));
  control.send(FRAME_TYPE.open, 2, openBody("t"));
  for (let second = 0; second < 20; second++) {
    stream.push(25, 40_000); // A megabyte each second: the credit is gone after four.
    other.push(25);
    await liveRaw(mesh, [control, media], 1_000);
  }
  const before = storyOf(media, 1);
  assert(before.length > 100 && before.length < 120, `${before.length}`);
  assertEquals(storyOf(media, 2).at(-1), other.core.log.nextSeq - 1); // Nothing missing here.
  assertEquals(b.table.snapshot()[0].creditStalls, 1);
  control.send(FRAME_TYPE.credit, 1, writeCredit(CREDIT_INITIAL_BYTES).slice());
  await liveRaw(mesh, [control, media], 100);
  const after = storyOf(media, 1).slice(before.length);
  const join = stream.core.log.joinSeq!;
  assertEquals(after[0], `start ${join - 1}`); // In front of the newest key frame: its MARK.
  assertEquals(stream.core.log.at(join - 1)?.kind, "mark");
  assertEquals(after.at(-1), stream.core.log.nextSeq - 1);
  assertEquals(b.table.snapshot()[0].jumps, 1);
  mesh.close();
});

Deno.test("a subscription that lags leaves records out although the log has them", async () => {
  const { mesh, b, stream } = scene(1);
  const { control, media } = await linkRaw(mesh, b);
  control.send(FRAME_TYPE.open, 1, openBody("s"));
  for (let second = 0; second < 11; second++) {
    stream.push(25, 40_000); // The credit is gone after four seconds, the log keeps twelve.
    await liveRaw(mesh, [control, media], 100);
  }
  const before = storyOf(media, 1);
  assert(stream.core.log.firstSeq < before.length);
  control.send(FRAME_TYPE.credit, 1, writeCredit(CREDIT_INITIAL_BYTES).slice());
  await liveRaw(mesh, [control, media], 100);
  assertEquals(storyOf(media, 1)[before.length], `start ${stream.core.log.joinSeq! - 1}`);
  mesh.close();
});

Deno.test("a subscription that waits holds no records: the log drops what it wants", async () => {
  const { mesh, b, stream } = scene(1);
  const { control, media } = await linkRaw(mesh, b);
  control.send(FRAME_TYPE.open, 1, openBody("s"));
  for (let second = 0; second < 30; second++) {
    stream.push(25, 40_000);
    await liveRaw(mesh, [control, media], 100);
  }
  assert(stream.core.log.bytes < 16_000_000);
  mesh.close();
});

Deno.test("a node that does not read media is bounded, and cut after some seconds", async () => {
  const { mesh, b, stream } = scene(1);
  const { control, media } = await linkRaw(mesh, b);
  control.send(FRAME_TYPE.open, 1, openBody("s"));
  await liveRaw(mesh, [control, media], 100);
  const [, pipe] = [...mesh.network.connections].at(-1)!.pipes;
  pipe.hold();
  const takenBefore = pipe.taken;
  for (let i = 0; i < 48; i++) {
    stream.push(3, 40_000);
    await liveRaw(mesh, [control, media], 100);
  }
  assertEquals(b.events.filter((event) => event.startsWith("lost")), []);
  assert(pipe.taken - takenBefore < 300_000, `${pipe.taken}`);
  for (let i = 0; i < 10; i++) await liveRaw(mesh, [control, media], 100);
  assertEquals(b.events.filter((event) => event.startsWith("lost")), ["lost raw closed in"]);
  assertEquals([control.over, stream.core.eager.size], [true, 0]);
  assertEquals(mesh.ports.linesWith("link closed")[0].fields.reason, "it does not read");
  mesh.close();
});
