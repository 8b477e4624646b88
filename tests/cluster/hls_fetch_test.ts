// Goal: a node without a log of a stream answers HLS byte for byte as its owner does, at the price
// of one fetch a file, wherever the owner goes; and takes the stream itself when that is worth it.
// Method: whole nodes but for sockets on virtual time, requests to the real route.
import { REQUESTS_MAX } from "../../actors/stream/hls_fetches.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { VirtualMesh, type VirtualNode, type VirtualPublisher } from "../support/virtual_mesh.ts";

const PATH = "live/x";
const NAME = { app: "live", name: "x" };

interface Scene extends AsyncDisposable {
  readonly mesh: VirtualMesh;
  readonly owner: VirtualNode;
  readonly publisher: VirtualPublisher;
  /** Nodes that have nothing of the stream. */
  readonly others: VirtualNode[];
}

/** A stream of some segments on one of five nodes; another one stands by. */
async function scene(): Promise<Scene> {
  const mesh = new VirtualMesh();
  const [owner, ...rest] = await mesh.add("a", "b", "c", "d", "e");
  const publisher = await mesh.until(owner.publish(PATH));
  assert(typeof publisher !== "string");
  await mesh.run(12_000);
  const others = rest.filter(({ hub }) => hub.get(NAME) === undefined);
  assertEquals(others.length, 3);
  const dispose = () => mesh[Symbol.asyncDispose]();
  return { mesh, owner, publisher, others, [Symbol.asyncDispose]: dispose };
}

/** URIs that a media playlist lists, parts aside. */
function filesIn(playlist: string): string[] {
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)!;
  const segments = playlist.split("\r\n\r\n")[1].split("\n").filter((line) => /^\d/.test(line));
  return [init[1], ...segments];
}

function ask({ mesh }: Scene, node: VirtualNode, file: string, fields?: string) {
  const target = file === "" ? `/${PATH}.m3u8` : `/${PATH}.hls/${file}`;
  return mesh.until(node.get(target, fields));
}

/** The one answer that all nodes give at one moment. */
async function sameOn({ mesh }: Scene, nodes: readonly VirtualNode[], target: string) {
  const answers = await mesh.until(Promise.all(nodes.map((node) => node.get(target))));
  const [first, ...others] = answers.map(({ text }) => text);
  for (const other of others) assertEquals(other, first);
  return first;
}

Deno.test("a node without a log answers every file as its owner does", async () => {
  await using stage = await scene();
  const { owner, others: [b] } = stage;
  const { text } = await ask(stage, owner, "index.m3u8");
  const files = filesIn(text);
  assert(files.length > 5, text);
  const ts = files.slice(1).map((file) => file.replace("m4s", "ts"));
  const absent = ["init-0000000000000000.mp4", "1-1.m4s", "7-7.ts", "nonsense"];
  for (const file of ["", "?container=ts", "ts.m3u8", ...files, ...ts, ...absent]) {
    const target = file.startsWith("?") ? `/${PATH}.m3u8${file}` : undefined;
    // Few enough that the stream stays where it is.
    const conditional = file === files[1] ? ["Range: bytes=2-9\r\n", "If-None-Match: *\r\n"] : [];
    for (const fields of ["", ...conditional]) {
      const [here, there] = target === undefined
        ? [await ask(stage, b, file, fields), await ask(stage, owner, file, fields)]
        : await stage.mesh.until(Promise.all([b.get(target, fields), owner.get(target, fields)]));
      assertEquals(here.text, there.text, `${file} ${fields}`);
      if (absent.includes(file)) assertEquals(here.status, 404);
    }
  }
  // Playlists go on while they are asked for: at one moment both nodes say the same.
  const target = `/${PATH}.hls/index.m3u8?_HLS_skip=YES`;
  await sameOn(stage, [b, owner], target);
  assertEquals(b.hub.get(NAME), undefined);
});

Deno.test("those who ask at the same time share a fetch, and media are kept", async () => {
  await using stage = await scene();
  const { mesh, others: [b] } = stage;
  const file = filesIn((await ask(stage, b, "index.m3u8")).text)[1];
  const { counters } = b.mesh.fetches;
  assertEquals(counters.fetches, 1);
  await mesh.until(Promise.all(Array.from({ length: 10 }, () => ask(stage, b, file))));
  assertEquals([counters.fetches, counters.shared], [2, 9]);
  const held = b.mesh.fetches.heldBytes;
  assert(held > 0 && b.hub.budget.usedBytes === held, `${held} ${b.hub.budget.usedBytes}`);
  await mesh.run(31_000);
  b.mesh.fetches.sweep();
  assertEquals([b.mesh.fetches.heldBytes, b.hub.budget.usedBytes], [0, 0]);
});

Deno.test("too many requests bring the stream here, and players notice nothing", async () => {
  await using stage = await scene();
  const { mesh, others: [b] } = stage;
  const numbers: number[] = [];
  for (let i = 0; i < REQUESTS_MAX + 30; i++) {
    const { text, status } = await ask(stage, b, "index.m3u8");
    assertEquals(status, 200);
    numbers.push(Number(/^\d+-(\d+)\.m4s$/gm.exec(text)![1]));
  }
  assertEquals(numbers, numbers.toSorted((x, y) => x - y));
  assert(b.hub.get(NAME)?.current);
  const { fetches } = b.mesh.fetches.counters;
  assert(fetches <= REQUESTS_MAX + 5, `${fetches}`);
  await mesh.run(1_000);
  await ask(stage, b, "index.m3u8");
  assertEquals(b.mesh.fetches.counters.fetches, fetches);
});

for (const target of ["index.m3u8?_HLS_msn=1", "1-1.0.m4s"]) {
  Deno.test(`a low-latency player's request brings the stream here: ${target}`, async () => {
    await using stage = await scene();
    const { others: [b] } = stage;
    await ask(stage, b, target);
    assert(b.hub.get(NAME)?.current);
    assertEquals(b.mesh.fetches.counters.fetches, 0);
  });
}

Deno.test("fetches follow a stream that is moved, at once", async () => {
  await using stage = await scene();
  const { mesh, owner, others: [b, c] } = stage;
  await ask(stage, b, "index.m3u8");
  await mesh.until(owner.mesh.system.ref(STREAM, PATH).ask.move({ to: c.name }));
  const before = mesh.ports.nowMs;
  const { text, status } = await ask(stage, b, "index.m3u8");
  assertEquals([status, mesh.ports.nowMs - before < 500], [200, true]);
  assertEquals((await ask(stage, b, filesIn(text).at(-1)!)).status, 200);
  await sameOn(stage, [b, c], `/${PATH}.hls/index.m3u8`);
  assertEquals(b.hub.get(NAME), undefined);
});

Deno.test("an owner that dies during a fetch costs a delay", async () => {
  await using stage = await scene();
  const { mesh, owner, others: [b] } = stage;
  const { text } = await ask(stage, b, "index.m3u8");
  const newest = Number(/^\d+-(\d+)\.m4s$/gm.exec(filesIn(text).at(-1)!)![1]);
  // Nothing gets to or from its host any more, while an answer is on its way.
  for (const { name } of mesh.nodes) {
    if (name === owner.name) continue;
    mesh.network.hold(name, owner.name);
    mesh.network.hold(owner.name, name);
  }
  owner.directory.fault = "cut";
  const again = await ask(stage, b, "index.m3u8");
  assertEquals(again.status, 200, again.text);
  const now = Number(/^\d+-(\d+)\.m4s$/gm.exec(filesIn(again.text).at(-1)!)![1]);
  assert(now >= newest, `${now} after ${newest}`);
  for (const { name } of mesh.nodes) {
    mesh.network.release(name, owner.name);
    mesh.network.release(owner.name, name);
  }
  owner.directory.fault = "none";
});

Deno.test("players see the end of a stream, and its next beginning on another node", async () => {
  await using stage = await scene();
  const { mesh, publisher, others: [b, c] } = stage;
  await ask(stage, b, "index.m3u8");
  publisher.close(false);
  await mesh.run(3_000);
  const { text } = await ask(stage, b, "index.m3u8");
  assert(text.includes("#EXT-X-ENDLIST"), text);
  for (const file of filesIn(text)) assertEquals((await ask(stage, b, file)).status, 200, file);
  await mesh.until(c.publish(PATH));
  await mesh.run(6_000);
  const next = await ask(stage, b, "index.m3u8");
  assert(next.status === 200 && !next.text.includes("#EXT-X-ENDLIST"), next.text);
  await sameOn(stage, [b, c], `/${PATH}.hls/index.m3u8`);
});

Deno.test("a stream that is nowhere is not found, and leaves nothing", async () => {
  await using stage = await scene();
  const { mesh, others: [b] } = stage;
  const answer = await mesh.until(b.get("/live/nowhere.m3u8"));
  assertEquals(answer.status, 404);
  b.hub.sweep();
  assertEquals(b.mesh.fetches.counters.fetches, 0);
});
