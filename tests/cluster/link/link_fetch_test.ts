// Goal: a file crosses a link whole, alone and bounded: it holds up no stream, takes no more than
// it was given, and what breaks on the way is told to whoever waits.
// Method: nodes with links and nothing else on a virtual network, a peer made by hand, and frames
// that Python made in orders that are right and wrong.
import type { Random } from "../../../actors/runtime/ports.ts";
import type { FetchRequest, FoundFile, ServedFile } from "../../../actors/stream/fetch.ts";
import { FetchSource } from "../../../cluster/link/fetch_source.ts";
import { FETCHES_MAX, LinkFetches } from "../../../cluster/link/link_fetches.ts";
import type { Channel } from "../../../cluster/link/channel.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { FETCH_CREDIT_BYTES, FETCHED_BYTES_MAX } from "../../../protocols/mrtmp/fetch.ts";
import { FRAME_TYPE } from "../../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../../protocols/mrtmp/frame_reader.ts";
import { FrameWriter } from "../../../protocols/mrtmp/frame_writer.ts";
import { mutate } from "../../fuzz/mutator.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { LinkMesh } from "../../support/link_mesh.ts";
import { mrtmpVector, receivedFrame } from "../../support/mrtmp_vectors.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

const WANTED: FetchRequest = {
  ...{ node: "b", name: { app: "live", name: "s" }, epoch: 7 },
  ...{ file: "1-2.m4s", query: "", carry: "", room: () => true },
};

/** A file whose bytes tell where they belong. */
function fileOf(bytes: number, change: Partial<FoundFile> = {}): FoundFile {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) content[at] = (at ^ (at >> 8) ^ (at >> 16)) & 0xff;
  const ages = { maxAgeSeconds: 6, retryAfterSeconds: 0 };
  return { status: 200, type: "video/mp4", bytes: content, ended: false, ...ages, ...change };
}

/** A node that asks, and one that answers. */
function pair(serve: (file: string) => ServedFile | Promise<ServedFile>) {
  const mesh = new LinkMesh();
  const asked: string[] = [];
  const a = mesh.add("a");
  const b = mesh.add("b", {
    serveFile: ({ name, file, epoch }) => {
      asked.push(`${name.app}/${name.name} ${file} ${epoch}`);
      return Promise.resolve(serve(file));
    },
  });
  return { mesh, a, b, asked };
}

for (const bytes of [0, 1, 65_536, 65_537, FETCH_CREDIT_BYTES, 5_000_000]) {
  Deno.test(`LinkTable.getFile() brings a file of ${bytes} bytes`, async () => {
    const file = fileOf(bytes, { ended: bytes === 1, retryAfterSeconds: 3 });
    const { mesh, a, asked } = pair(() => file);
    const rooms: number[] = [];
    const room = (bytes: number) => rooms.push(bytes) === 1;
    const getting = a.table.getFile({ ...WANTED, room });
    let over = false;
    getting.then(() => over = true);
    await mesh.until("the file", () => over);
    assertEquals(await getting, { kind: "found", file });
    assertEquals([asked, rooms], [["live/s 1-2.m4s 7"], [bytes]]);
    mesh.close();
  });
}

Deno.test("LinkTable.getFile() tells a refusal, a file too large and a defect", async () => {
  const { mesh, a } = pair((file) => {
    if (file === "refused") return { refused: true, owner: "n9" };
    if (file === "gone") return { gone: true };
    if (file === "large") return fileOf(0, { bytes: new Uint8Array(FETCHED_BYTES_MAX + 1) });
    throw new Error("a defect");
  });
  const getting = Promise.all(
    ["refused", "large", "defect", "gone"].map((file) => a.table.getFile({ ...WANTED, file })),
  );
  await mesh.advance(1_000);
  const [refused, large, defect, gone] = await getting;
  assertEquals([refused, gone], [{ kind: "refused", owner: "n9" }, { kind: "gone" }]);
  assert(large.kind === "found" && defect.kind === "found");
  assertEquals([large.file.status, large.file.bytes.length], [413, 0]);
  assertEquals(defect.file.status, 500);
  mesh.close();
});

Deno.test("a large file holds up no stream on the same link", async () => {
  // Three milliseconds each way and 256 KiB under way: some 40 MB a second.
  const mesh = new LinkMesh({ delayMs: () => 3 });
  const a = mesh.add("a");
  const b = mesh.add("b", { serveFile: () => Promise.resolve(fileOf(30_000_000)) });
  const stream = b.stream("s");
  stream.push(25);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(500);
  let over = false;
  a.table.getFile(WANTED).then(() => over = true);
  let [behindMax, frames] = [0, 0];
  for (; !over && frames < 1_000; frames++) {
    stream.push(1);
    await mesh.advance(40);
    behindMax = Math.max(behindMax, stream.core.log.nextSeq - 1 - (sink.seqs.at(-1) ?? 0));
  }
  assert(over && frames > 5, `${frames} frames while it came`);
  assert(behindMax <= 2, `${behindMax} frames behind`);
  mesh.close();
});

Deno.test("LinkTable.getFile() is lost with its link, half-way or not begun", async () => {
  const file = fileOf(30_000_000); // Twenty milliseconds at least.
  const { mesh, a } = pair((name) => name === "never" ? new Promise(() => {}) : file);
  const sizes: number[] = [];
  const room = (bytes: number) => sizes.push(bytes) > 0;
  const getting = ["1-2.m4s", "never"].map((file) => a.table.getFile({ ...WANTED, file, room }));
  for (let ms = 0; ms < 1_000 && sizes.length === 0; ms++) await mesh.advance(1);
  assertEquals(sizes.length, 1);
  a.table.disconnect("b", "a test");
  const results = await Promise.all(getting);
  assertEquals(results.map(({ kind }) => kind), ["lost", "lost"]);
  mesh.close();
});

Deno.test("LinkTable.getFile() takes no file for which there is no room", async () => {
  const { mesh, a } = pair(() => fileOf(4_000_000));
  const getting = a.table.getFile({ ...WANTED, room: () => false });
  await mesh.advance(2_000);
  assertEquals(await getting, { kind: "unable" });
  const { bytesIn } = a.table.snapshot().find(({ direction }) => direction === "out")!;
  assert(bytesIn < 2 * FETCH_CREDIT_BYTES, `${bytesIn} bytes came all the same`);
  mesh.close();
});

Deno.test("FetchSource sends what its credit allows, and goes on with more", () => {
  const over: FetchSource[] = [];
  const source = new FetchSource({ handle: 9, wake() {}, over: (one) => void over.push(one) });
  const writer = new FrameWriter(1_024);
  assert(!source.fill(writer, 1 << 30)); // Nothing was found yet.
  source.answer(fileOf(3_000_000));
  assert(!source.fill(writer, 1 << 30));
  const first = writer.length;
  assert(first >= FETCH_CREDIT_BYTES && first < FETCH_CREDIT_BYTES + 70_000, `${first}`);
  source.addCredit(3_000_000);
  assert(source.fill(writer, 65_536)); // A turn, not all of it.
  assert(writer.length - first <= 65_536 + 12);
  while (source.fill(writer, 65_536));
  assertEquals(over, [source]);
  assert(writer.length > 3_000_000);
  assertThrows(() => source.addCredit(64 * 1024 * 1024), ProtocolError);
});

/** Fetches with a control connection that takes what it is given. */
function asking(capabilities: readonly string[] = ["fetch"]) {
  const ports = new VirtualPorts();
  const fetches = new LinkFetches({ ports, needed() {} });
  const sent: [type: number, handle: number][] = [];
  const control = {
    hasRoom: true,
    send: (type: number, handle: number) => sent.push([type, handle]),
  };
  const up = () => fetches.up(control as unknown as Channel, capabilities);
  return { ports, fetches, sent, up };
}

Deno.test("LinkFetches asks nothing of a node that does not know it", async () => {
  const { fetches, sent, up } = asking([]);
  const getting = fetches.getFile(WANTED);
  up();
  assertEquals([await getting, sent, fetches.size], [{ kind: "unable" }, [], 0]);
});

Deno.test("LinkFetches has a bound, and gives up in the end", async () => {
  const { ports, fetches, sent, up } = asking();
  up();
  const getting = Array.from({ length: FETCHES_MAX }, () => fetches.getFile(WANTED));
  assertEquals(await fetches.getFile(WANTED), { kind: "unable" });
  await ports.advance(200_000);
  assertEquals((await Promise.all(getting)).filter(({ kind }) => kind !== "lost"), []);
  assertEquals(sent.filter(([type]) => type === FRAME_TYPE.close).length, FETCHES_MAX);
});

const WRONG: Readonly<Record<string, readonly string[]>> = {
  "a PIECE without FOUND": ["piece"],
  "FOUND twice": ["found", "found"],
  "more than was announced": ["found", "piece_short", "piece"],
  "a PIECE of nothing": ["found", "piece_empty"],
  "END after FOUND": ["found", "end_refused"],
  "an END that moves it": ["end_moved"],
  "a record": ["keyframe"],
};

/** A vector for the first fetch; a PIECE may be cut. */
function frameOf(name: string): Uint8Array {
  const [plain, cut] = name.split("_");
  const vector = mrtmpVector(plain === "piece" ? plain : name);
  const bytes = vector.slice(0, cut === "short" ? 14 : cut === "empty" ? 12 : vector.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 0x80000001);
  view.setUint32(8, bytes.length - 12);
  return bytes;
}

for (const [what, names] of Object.entries(WRONG)) {
  Deno.test(`LinkFetches refuses ${what}`, () => {
    const { fetches, up } = asking();
    up();
    fetches.getFile(WANTED);
    assertThrows(() => {
      for (const name of names) fetches.frame(receivedFrame(frameOf(name)));
    }, ProtocolError);
  });
}

Deno.test("LinkFetches puts a file together, and ignores what comes after", async () => {
  const { fetches, up } = asking();
  up();
  const getting = fetches.getFile(WANTED);
  for (const name of ["found", "piece", "piece"]) fetches.frame(receivedFrame(frameOf(name)));
  const result = await getting;
  assert(result.kind === "found");
  assertEquals([...result.file.bytes], [0, 1, 2, 3, 4]);
});

/** The bytes with one bit of them wrong. */
function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  changed[randomInteger(random, bytes.length)] ^= 1 << randomInteger(random, 8);
  return changed;
}

Deno.test("LinkFetches reads or refuses fuzzed answers, and settles once", async () => {
  const story = ["found", "piece_short", "piece"].map(frameOf);
  const seeds = [concatBytes(...story), ...["found", "piece", "end_refused"].map(frameOf)];
  let whole = 0;
  for (let seed = 0; seed < 2_000; seed++) {
    const { fetches, up } = asking();
    up();
    const getting = fetches.getFile({ ...WANTED, room: (bytes) => bytes < 1_000 });
    const reader = new FrameReader((frame) => fetches.frame(frame), {
      arenaBytes: 4_096,
      bodyBytesMax: 1 << 20,
    });
    try {
      const random = seededRandom(seed);
      reader.feed(seed % 2 === 0 ? mutate(seeds, random) : flipped(seeds[0], random));
    } catch (error) {
      assert(error instanceof ProtocolError, `seed ${seed}: ${error}`);
    }
    fetches.lost();
    const result = await getting;
    assert(result.kind !== "found" || result.file.bytes.length < 1_000);
    if (result.kind === "found") whole++;
  }
  assert(whole > 10, `${whole} files came through`);
});
