// Goal: shake hands with what is out there, in any pieces, from either side.
// Method: recorded handshakes of ffmpeg with nginx-rtmp (signed) and of rtmpdump (plain), digests
// by an independent signer for the layout nobody recorded, and our two sides against each other.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  ClientHandshake,
  HANDSHAKE_BYTES,
  ServerHandshake,
} from "../../../protocols/rtmp/handshake.ts";
import {
  CLIENT_KEY,
  findDigest,
  hasProof,
  SERVER_KEY,
  writeDigest,
  writeProof,
} from "../../../protocols/rtmp/handshake_digest.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { wireVector } from "../../support/rtmp_wire.ts";

const RANDOM = Uint8Array.from({ length: HANDSHAKE_BYTES }, (_, index) => (index * 31 + 5) & 0xff);

/** The chunk stream behind a handshake. */
const MORE = new Uint8Array(100);

/** One side of a recorded handshake. */
function recorded(name: string): { whole: Uint8Array; first: Uint8Array; second: Uint8Array } {
  const bytes = wireVector(name);
  return {
    whole: bytes,
    first: bytes.subarray(1, 1 + HANDSHAKE_BYTES),
    second: bytes.subarray(1 + HANDSHAKE_BYTES, 1 + 2 * HANDSHAKE_BYTES),
  };
}

const FFMPEG = recorded("ffmpeg_5.1_play_handshake.bin");
const NGINX = recorded("nginx_rtmp_1.2.2_to_play_handshake.bin");

function withoutDigest(packet: Uint8Array, digest: Uint8Array): Uint8Array {
  const blank = packet.slice();
  const start = digest.byteOffset - packet.byteOffset;
  return blank.fill(0, start, start + digest.length);
}

for (
  const { name, own, peer, ownKey, peerKey } of [
    { name: "ffmpeg", own: FFMPEG, peer: NGINX, ownKey: CLIENT_KEY, peerKey: SERVER_KEY },
    { name: "nginx-rtmp", own: NGINX, peer: FFMPEG, ownKey: SERVER_KEY, peerKey: CLIENT_KEY },
  ]
) {
  Deno.test(`findDigest() finds the digest of ${name}, writeDigest() writes the same`, () => {
    const found = findDigest(own.first, ownKey);
    assert(found !== undefined);
    const blank = withoutDigest(own.first, found.digest);
    assertEquals(writeDigest(blank, found.schema, ownKey), found.digest);
    assertEquals(blank, own.first);
    assertEquals(findDigest(own.first, peerKey), undefined);
    const changed = own.first.slice();
    changed[1535] ^= 1;
    assertEquals(findDigest(changed, ownKey), undefined);
  });

  Deno.test(`hasProof() accepts the second packet of ${name}, writeProof() writes the same`, () => {
    const digest = findDigest(peer.first, peerKey)?.digest;
    assert(digest !== undefined);
    assertEquals(hasProof(own.second, digest, ownKey), true);
    const blank = own.second.slice().fill(0, HANDSHAKE_BYTES - 32);
    writeProof(blank, digest, ownKey);
    assertEquals(blank, own.second);
    assertEquals(hasProof(own.second, digest, peerKey), false);
  });
}

// The sum of four pointer bytes wraps at 728, which the packets of ffmpeg and nginx do not show.
for (
  const { schema, pointer, digest } of [
    {
      schema: 0,
      pointer: 8,
      digest: "e1be5f4702cd3ab8fb0b93478124d2123915c31eb2b61d910fd46d740446a3dd",
    },
    {
      schema: 1,
      pointer: 772,
      digest: "07535d466b89805604e1efe6a4b4a70708eccf309aaa55db2850cce102998bd5",
    },
  ] as const
) {
  Deno.test(`writeDigest() finds the place behind a pointer that wraps, schema ${schema}`, () => {
    const packet = Uint8Array.from({ length: HANDSHAKE_BYTES }, (_, index) => index * 7 + 3);
    packet.set([0, 0, 0, 0, 9, 0, 0x7c, 2]);
    packet.set([0xff, 0xff, 0xff, 0xfe], pointer); // 1019, which is 291 behind the wrap.
    const written = writeDigest(packet, schema, CLIENT_KEY);
    assertEquals([written.toHex(), written.byteOffset], [digest, pointer + 4 + 291]);
  });
}

// By Python's hmac and hashlib over the packets below; ffmpeg and nginx use schema 0.
for (
  const { schema, key, digest } of [
    {
      schema: 0,
      key: CLIENT_KEY,
      digest: "612af37c38c4a1b74e5737fc4021ded17ed92a9431c19bc665cf421131bad8a6",
    },
    {
      schema: 1,
      key: CLIENT_KEY,
      digest: "e6a7fbdda4aab503b4e693e92d6f18d9d4b89f3ef0e95fffe767a4830aa37109",
    },
    {
      schema: 1,
      key: SERVER_KEY,
      digest: "8cf942e0b80b22c73e795599cf7deecef044c3189f0116b46b6ca5909479f8fe",
    },
  ] as const
) {
  const side = key === CLIENT_KEY ? "client" : "server";
  Deno.test(`writeDigest() signs for a ${side} in schema ${schema}`, () => {
    const packet = Uint8Array.from({ length: HANDSHAKE_BYTES }, (_, index) => index * 7 + 3);
    packet.set([0, 0, 0, 0, 9, 0, 0x7c, 2]);
    assertEquals(writeDigest(packet, schema, key).toHex(), digest);
    const found = findDigest(packet, key);
    assertEquals([found?.schema, found?.digest.toHex()], [schema, digest]);
  });
}

/** Feeds a side in pieces; returns what it sent. The rest of the input must stay with the caller. */
function feedAll(
  side: ServerHandshake | ClientHandshake,
  bytes: Uint8Array,
  pieceBytes: number,
): Uint8Array {
  const output: number[] = [];
  let at = 0;
  while (at < bytes.length && !side.done) {
    const piece = bytes.slice(at, at + pieceBytes);
    at += side.feed(piece);
    piece.fill(0xee);
    output.push(...side.takeOutput() ?? []);
  }
  assertEquals(side.takeOutput(), undefined);
  assertEquals(at, Math.min(bytes.length, 1 + 2 * HANDSHAKE_BYTES));
  return Uint8Array.from(output);
}

for (const pieceBytes of [1, 7, 1536, 1537, 1538, 3073, 5000]) {
  Deno.test(`ServerHandshake answers ffmpeg in pieces of ${pieceBytes}`, () => {
    const server = new ServerHandshake(RANDOM);
    const output = feedAll(server, concatBytes(FFMPEG.whole, MORE), pieceBytes);
    assertEquals([server.done, server.digest, output[0], output.length], [true, true, 3, 3073]);
    const s1 = output.subarray(1, 1 + HANDSHAKE_BYTES);
    const clientDigest = findDigest(FFMPEG.first, CLIENT_KEY)!;
    assertEquals(findDigest(s1, SERVER_KEY)?.schema, clientDigest.schema);
    assertEquals(hasProof(output.subarray(1537), clientDigest.digest, SERVER_KEY), true);
  });

  Deno.test(`ClientHandshake understands nginx-rtmp in pieces of ${pieceBytes}`, () => {
    const client = new ClientHandshake(RANDOM, { digest: 0 });
    const output = feedAll(client, concatBytes(NGINX.whole, MORE), pieceBytes);
    assertEquals([client.done, client.digest, output[0], output.length], [true, true, 3, 3073]);
    assertEquals(findDigest(output.subarray(1, 1537), CLIENT_KEY)?.schema, 0);
    const serverDigest = findDigest(NGINX.first, SERVER_KEY)!.digest;
    assertEquals(hasProof(output.subarray(1537), serverDigest, CLIENT_KEY), true);
  });
}

Deno.test("ServerHandshake echoes a plain client, time included", () => {
  const hello = Uint8Array.of(3, ...RANDOM);
  hello.set([1, 2, 3, 4, 0, 0, 0, 0], 1);
  const server = new ServerHandshake(RANDOM);
  assertEquals(server.feed(hello), hello.length);
  assertEquals([server.done, server.digest], [false, false]);
  const output = server.takeOutput()!;
  assertEquals(output.subarray(1, 9), new Uint8Array(8)); // Time 0, then zero (5.2.3).
  assertEquals(output.subarray(9, 1537), RANDOM.subarray(8));
  assertEquals(output.subarray(1537), hello.subarray(1));
  // Whatever comes as the echo ends the handshake, and not one byte more.
  assertEquals(server.feed(new Uint8Array(2000)), HANDSHAKE_BYTES);
  assertEquals([server.done, server.feed(new Uint8Array(5))], [true, 0]);
});

Deno.test("ServerHandshake takes a client whose version has no digest behind it for plain", () => {
  const hello = Uint8Array.of(3, ...RANDOM);
  hello.set([0, 0, 0, 0, 9, 0, 124, 2], 1);
  const server = new ServerHandshake(RANDOM);
  server.feed(hello);
  assertEquals(server.digest, false);
  assertEquals(server.takeOutput()!.subarray(1537), hello.subarray(1));
});

Deno.test("ServerHandshake takes a client for plain that signs and leaves its version zero", () => {
  const hello = Uint8Array.of(3, ...RANDOM);
  hello.fill(0, 1, 9);
  writeDigest(hello.subarray(1), 0, CLIENT_KEY);
  const server = new ServerHandshake(RANDOM);
  server.feed(hello);
  assertEquals(server.digest, false);
  assertEquals(server.takeOutput()!.subarray(1537), hello.subarray(1));
});

for (const digest of [undefined, 0, 1] as const) {
  Deno.test(`ClientHandshake and ServerHandshake agree, digest ${digest}`, () => {
    const client = new ClientHandshake(RANDOM, { digest });
    const server = new ServerHandshake(RANDOM.toReversed());
    server.feed(client.takeOutput()!);
    client.feed(server.takeOutput()!);
    const signed = digest !== undefined;
    assertEquals([client.done, server.digest, client.digest], [true, signed, signed]);
    assertEquals(server.feed(client.takeOutput()!), HANDSHAKE_BYTES);
    assertEquals(server.done, true);
  });
}

Deno.test("ClientHandshake falls back to plain with a server that does not sign", () => {
  const client = new ClientHandshake(RANDOM, { digest: 1 });
  const answer = Uint8Array.of(3, ...RANDOM.toReversed(), ...RANDOM);
  // C1 was not taken yet: both packets come out, in their order.
  assertEquals(client.feed(answer), answer.length);
  const output = client.takeOutput()!;
  assertEquals([output.length, client.digest, client.done], [3073, false, true]);
  assertEquals(output.subarray(1537), RANDOM.toReversed());
});

Deno.test("ServerHandshake refuses text, retired and encrypted versions at the first byte", () => {
  for (const version of [0, 1, 2, 6, 8, 9, 32, 0x47, 0x16 + 0x20, 255]) {
    const server = new ServerHandshake(RANDOM);
    const error = assertThrows(() => server.feed(Uint8Array.of(version)), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["RTMP", "5.2.2", 0]);
  }
  // 5.2.2: an unknown version is answered with 3, and the client may go on.
  for (const version of [3, 4, 31]) {
    const server = new ServerHandshake(RANDOM);
    server.feed(Uint8Array.of(version, ...RANDOM));
    assertEquals(server.takeOutput()![0], 3);
  }
});

Deno.test("ClientHandshake refuses any version but 3", () => {
  for (const version of [0, 2, 4, 6, 0x48]) {
    const client = new ClientHandshake(RANDOM);
    const error = assertThrows(() => client.feed(Uint8Array.of(version)), ProtocolError);
    assertEquals(error.section, "5.2.2");
  }
});

Deno.test("handshakes need 1536 random bytes, and leave them alone", () => {
  const random = RANDOM.slice();
  feedAll(new ServerHandshake(random), wireVector("ffmpeg_5.1_publish.bin"), 4000);
  feedAll(
    new ClientHandshake(random, { digest: 1 }),
    wireVector("nginx_rtmp_1.2.2_to_publish.bin"),
    4000,
  );
  assertEquals(random, RANDOM);
  assertThrows(() => new ServerHandshake(new Uint8Array(1535)), RangeError);
  assertThrows(() => new ClientHandshake(new Uint8Array(1537)), RangeError);
});
