// Goal: whoever is no member gets nothing, costs nothing and disturbs nobody.
// Method: peers made by hand on a virtual network, beside a link that works.
import { STRANGERS_MAX } from "../../../cluster/link/link_acceptor.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { FRAME_TYPE, wholeFrame } from "../../../protocols/mrtmp/frame.ts";
import { writeCredit, writeOpen } from "../../../protocols/mrtmp/subscription.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { LinkMesh, type LinkNode } from "../../support/link_mesh.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { dialRaw, greetRaw, linkRaw, liveRaw, type RawConnection } from "../../support/raw_peer.ts";

interface Scene {
  readonly mesh: LinkMesh;
  readonly a: LinkNode;
  readonly b: LinkNode;
}

/** Two nodes with a link and a stream between them. */
async function scene(): Promise<Scene & { readonly check: () => Promise<void> }> {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const stream = b.stream("s");
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  /** The link that works has noticed nothing. */
  const check = async () => {
    stream.push(3);
    await mesh.advance(30);
    const { nextSeq } = stream.core.log;
    assertEquals(sink.seqs, Array.from({ length: nextSeq }, (_, seq) => seq));
    assertEquals(a.table.snapshot()[0].state, "up");
    mesh.close();
  };
  return { mesh, a, b, check };
}

function refusals({ mesh }: Scene): unknown[] {
  return mesh.ports.linesWith("link not accepted").map(({ fields }) => fields.reason);
}

/** The reason of the REFUSE that a connection got. */
function refusalOf({ frames }: RawConnection): string {
  const refuse = frames.find(({ type }) => type === FRAME_TYPE.refuse);
  return refuse === undefined ? "none" : new TextDecoder().decode(refuse.body).slice(9);
}

Deno.test("LinkAcceptor cuts off garbage, once in the log per address and minute", async () => {
  const { check, ...here } = await scene();
  const random = seededRandom(7);
  for (let round = 0; round < 20; round++) {
    const connection = await dialRaw(here.mesh, here.b);
    connection.write(Uint8Array.from({ length: 100 }, () => randomInteger(random, 256)));
    await here.mesh.advance(5);
    assert(connection.over);
  }
  assertEquals(refusals(here).length, 1);
  await here.mesh.advance(60_000);
  (await dialRaw(here.mesh, here.b)).write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await here.mesh.advance(5);
  const [, line] = here.mesh.ports.linesWith("link not accepted");
  assertEquals(line.fields.unlogged, 19);
  await check();
});

Deno.test("LinkAcceptor cuts off a 4 GB length before the handshake, and a frame of 5 KB", async () => {
  const { check, ...here } = await scene();
  for (const bodyBytes of [0xffffffff, 5_000]) {
    const header = wholeFrame(FRAME_TYPE.hello, 0, new Uint8Array(0));
    new DataView(header.buffer).setUint32(8, bodyBytes);
    const connection = await dialRaw(here.mesh, here.b);
    connection.write(header);
    await here.mesh.advance(5);
    assert(connection.over);
  }
  await check();
});

Deno.test("LinkAcceptor cuts off who says nothing, after two seconds", async () => {
  const { check, ...here } = await scene();
  const connection = await dialRaw(here.mesh, here.b);
  await here.mesh.advance(1_900);
  assertEquals(connection.over, false);
  await here.mesh.advance(200);
  assert(connection.over);
  await check();
});

Deno.test("LinkAcceptor takes so many strangers at a time and no more", async () => {
  const { check, ...here } = await scene();
  const strangers: RawConnection[] = [];
  for (let i = 0; i <= STRANGERS_MAX; i++) {
    const dial = here.mesh.network.transport(`stranger-${i}`).dial("b", here.b.port, 1_000);
    await here.mesh.advance(1);
    const { RawConnection } = await import("../../support/raw_peer.ts");
    strangers.push(new RawConnection(await dial));
  }
  await here.mesh.advance(10);
  assertEquals(strangers.map(({ over }) => over).filter((over) => over).length, 1);
  assert(strangers.at(-1)!.over);
  await here.mesh.advance(2_500);
  assert(strangers.every(({ over }) => over));
  await check();
});

const WRONG_SECRET = new TextEncoder().encode("guessed");

Deno.test("LinkAcceptor refuses a wrong secret", async () => {
  const { check, ...here } = await scene();
  const connection = await greetRaw(here.mesh, here.b, {}, WRONG_SECRET);
  assert(connection.over);
  // It was the peer that found the secrets differ, and said so.
  assertEquals(refusals(here), ["refused by them: secret"]);
  await check();
});

Deno.test("LinkAcceptor refuses a proof that is wrong", async () => {
  const { check, ...here } = await scene();
  const honest = await dialRaw(here.mesh, here.b);
  const { mrtmpVector } = await import("../../support/mrtmp_vectors.ts");
  const { writeHello } = await import("../../../protocols/mrtmp/hello.ts");
  const hello = writeHello({
    ...{ versionMin: 1, versionMax: 1, capabilities: [], mesh: "test", node: "x", incarnation: 1 },
    ...{ target: "b", targetIncarnation: 100, channel: "control" },
    ...{ linkId: new Uint8Array(16), nonce: new Uint8Array(32) },
  });
  honest.write(wholeFrame(FRAME_TYPE.hello, 0, hello));
  honest.write(mrtmpVector("proof"));
  await here.mesh.advance(5);
  assertEquals(refusalOf(honest), "secret");
  assert(honest.over);
  await check();
});

const REFUSED = [
  ["mesh", { mesh: "prod" }],
  ["target", { target: "c" }],
  ["target", { targetIncarnation: 99 }],
  ["expelled", { node: "ghost", incarnation: 5 }],
  ["channel", { channel: "media" }],
] as const;

for (const [reason, change] of REFUSED) {
  Deno.test(`LinkAcceptor refuses ${Object.entries(change)} with "${reason}"`, async () => {
    const { check, ...here } = await scene();
    here.mesh.dead.add("ghost:5");
    const connection = await greetRaw(here.mesh, here.b, change);
    assertEquals(refusalOf(connection), reason);
    assert(connection.over);
    assertEquals(refusals(here), [`refused by us: ${reason}`]);
    assertEquals(here.b.table.snapshot().length, 1);
    await check();
  });
}

Deno.test("LinkAcceptor takes a node's new link in place of the one before", async () => {
  const { check, ...here } = await scene();
  const first = await linkRaw(here.mesh, here.b);
  const second = await greetRaw(here.mesh, here.b, { linkId: new Uint8Array(16).fill(1) });
  assert(first.control.over && first.media.over);
  assertEquals(second.over, false);
  assertEquals(here.b.table.snapshot().filter(({ node }) => node === "raw").length, 1);
  await check();
});

Deno.test("LinkAcceptor ends a link whose media connection does not come", async () => {
  const { check, ...here } = await scene();
  const control = await greetRaw(here.mesh, here.b);
  await liveRaw(here.mesh, [control], 4_500);
  assertEquals(control.over, false);
  await liveRaw(here.mesh, [control], 1_000);
  assert(control.over);
  await check();
});

/** What a member that lost its mind may send, and on which connection. */
const MISBEHAVIOUR: Readonly<Record<string, (link: RawLink) => void>> = {
  "an unknown type": ({ control }) => control.write(wholeFrame(0x7f as 1, 0, new Uint8Array(0))),
  "a HELLO once more": ({ control }) => control.send(FRAME_TYPE.hello),
  "a 4 GB length": ({ control }) => control.write(Uint8Array.fromHex("1000000000000001ffffffff")),
  "64 KiB and a byte": ({ control }) => {
    control.send(FRAME_TYPE.tell, 0, new Uint8Array(65_537));
  },
  "a CALL that is no map": ({ control }) => control.send(FRAME_TYPE.call, 1, Uint8Array.of(0xc0)),
  "a REPLY nobody asked for": ({ control }) => control.send(FRAME_TYPE.reply, 1),
  "media from the dialler": ({ media }) => media.send(FRAME_TYPE.frame, 1, new Uint8Array(25)),
  "an OPEN on media": ({ media }) => media.send(FRAME_TYPE.open, 1, open()),
  "a handle twice": ({ control }) => {
    control.send(FRAME_TYPE.open, 1, open());
    control.send(FRAME_TYPE.open, 1, open());
  },
  "too much credit": ({ control }) => {
    control.send(FRAME_TYPE.open, 1, open());
    control.send(FRAME_TYPE.credit, 1, writeCredit(64 * 1024 * 1024).slice());
  },
};

type RawLink = Awaited<ReturnType<typeof linkRaw>>;

function open(): Uint8Array<ArrayBuffer> {
  return writeOpen({ app: "live", name: "s", mode: "edge", epoch: 0 }).slice();
}

for (const [what, misbehave] of Object.entries(MISBEHAVIOUR)) {
  Deno.test(`a link ends with ${what}, and no other does`, async () => {
    const { check, ...here } = await scene();
    const link = await linkRaw(here.mesh, here.b);
    misbehave(link);
    await here.mesh.advance(10);
    assert(link.control.over && link.media.over);
    assertEquals(here.b.table.snapshot().length, 1);
    assertEquals(here.mesh.ports.linesWith("link closed").length, 1);
    assertEquals(here.b.streams.get("s")!.core.eager.size, 1);
    await check();
  });
}

Deno.test("a link survives no fuzzed member, and the others do", async () => {
  const { check, ...here } = await scene();
  const { mutate } = await import("../../fuzz/mutator.ts");
  const { mrtmpVector } = await import("../../support/mrtmp_vectors.ts");
  const names = ["open", "open_from", "credit", "close", "ping", "call", "tell", "bye"];
  const seeds = [concatBytes(...names.map(mrtmpVector)), ...names.map(mrtmpVector)];
  for (let seed = 0; seed < 150; seed++) {
    const link = await linkRaw(here.mesh, here.b);
    link.control.write(mutate(seeds, seededRandom(seed)));
    await here.mesh.advance(3);
    link.control.close();
    link.media.close();
    await here.mesh.advance(3);
    assertEquals(here.b.table.snapshot().length, 1, `seed ${seed}`);
    assertEquals(here.b.streams.get("s")!.core.eager.size, 1, `seed ${seed}`);
  }
  await check();
});
