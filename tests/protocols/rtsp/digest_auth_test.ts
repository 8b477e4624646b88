// Goal: who knows the password gets in, with every form of Digest that players send; nobody else.
// Method: the examples of the RFCs, and proofs recorded from ffmpeg and GStreamer.
import { assert, assertEquals } from "../../support/assert.ts";
import { rtspElements, rtspVector } from "../../support/rtsp_sessions.ts";
import {
  type AuthChallenge,
  AUTHORIZATION_LENGTH_MAX,
  parseChallenge,
  parseDigestProof,
  provesPassword,
  strongestChallenge,
  writeAuthorization,
  writeChallenge,
} from "../../../protocols/rtsp/digest_auth.ts";
import { NONCE_LIFE_MS, NonceMint } from "../../../protocols/rtsp/nonce_mint.ts";

/** RFC 7616, section 3.9.1. */
const RFC_7616 = {
  challenge: (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ' +
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
  answer: {
    ...{ user: "Mufasa", pass: "Circle of Life", method: "GET", uri: "/dir/index.html", count: 1 },
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  },
  responses: {
    MD5: "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
  },
} as const;

for (const algorithm of ["MD5", "SHA-256"] as const) {
  Deno.test(`writeAuthorization() answers RFC 7616's ${algorithm} as the RFC does`, () => {
    const challenge = parseChallenge(RFC_7616.challenge(algorithm));
    assert(challenge !== undefined);
    const proof = parseDigestProof(writeAuthorization(challenge, RFC_7616.answer));
    assertEquals(proof?.response, RFC_7616.responses[algorithm]);
    assertEquals(proof!.auth?.nc, "00000001");
    assert(provesPassword(proof!, "GET", "Circle of Life"));
    assert(!provesPassword(proof!, "GET", "Circle of life"));
    assert(!provesPassword(proof!, "POST", "Circle of Life"));
  });
}

Deno.test("parseDigestProof() reads RFC 7616's example as written there", () => {
  const proof = parseDigestProof(
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
      'algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ' +
      'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ' +
      'response="8ca523f5e9506fed4657c9700eebdbec", ' +
      'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
  );
  assert(provesPassword(proof!, "GET", "Circle of Life"));
});

for (const name of ["ffmpeg_5.1_play_digest", "gstreamer_1.22_play_digest"]) {
  Deno.test(`provesPassword() believes ${name}, and writeAuthorization() writes the same`, () => {
    const request = rtspElements(rtspVector(name, "client")).find((text) =>
      text.includes("Digest")
    );
    const field = /authorization=(Digest [^}]*?response="[^"]*")/.exec(request!)![1];
    const proof = parseDigestProof(field)!;
    assertEquals(proof.auth, undefined); // The form of RFC 2617 without qop.
    assert(provesPassword(proof, "DESCRIBE", "pass word"));
    assert(!provesPassword(proof, "DESCRIBE", "pass"));
    const { realm, nonce, uri } = proof;
    const challenge = parseChallenge(`Digest realm="${realm}", nonce="${nonce}"`)!;
    const answer = {
      user: "user",
      pass: "pass word",
      method: "DESCRIBE",
      uri,
      cnonce: "",
      count: 1,
    };
    assertEquals(writeAuthorization(challenge, answer), field);
  });
}

Deno.test("strongestChallenge() prefers SHA-256, then MD5, then Basic, and skips the unknown", () => {
  const fields = [
    'Basic realm="r"',
    'Digest realm="r", nonce="1", algorithm=MD5',
    'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"',
    'Digest realm="r", nonce="3", algorithm=SHA-512-256',
    'Digest realm="r", nonce="4", algorithm=MD5, qop="auth-int"',
    "Negotiate",
  ];
  assertEquals(strongestChallenge(fields)?.nonce, "2");
  assertEquals(strongestChallenge(fields.slice(0, 2))?.nonce, "1");
  assertEquals(strongestChallenge(fields.slice(0, 1))?.scheme, "Basic");
  assertEquals(strongestChallenge(fields.slice(3)), undefined);
});

Deno.test("writeChallenge() writes what parseChallenge() reads, quotes and all", () => {
  const challenge: AuthChallenge = {
    scheme: "Digest",
    realm: 'a "b" \\c',
    nonce: "n",
    algorithm: "SHA-256",
    opaque: "o",
    qopAuth: true,
    stale: true,
  };
  assertEquals(parseChallenge(writeChallenge(challenge)), challenge);
  assertEquals(writeChallenge({ ...challenge, scheme: "Basic" }), 'Basic realm="a \\"b\\" \\\\c"');
});

Deno.test("writeAuthorization() answers Basic with UTF-8", () => {
  const answer = { ...RFC_7616.answer, user: "test", pass: "123£" };
  // RFC 7617, section 2.1
  assertEquals(
    writeAuthorization(parseChallenge('Basic realm="foo"')!, answer),
    "Basic dGVzdDoxMjPCow==",
  );
});

Deno.test("parseDigestProof() takes a name in UTF-8 and refuses what is too long or half", () => {
  const field = (user: string) =>
    `Digest username="${user}", realm="r", nonce="n", uri="u", response="AB"`;
  const latin1 = [...new TextEncoder().encode("Jürgen")].map((byte) => String.fromCharCode(byte));
  assertEquals(parseDigestProof(field(latin1.join("")))?.user, "Jürgen");
  assertEquals(parseDigestProof(field('a\\"b'))?.user, 'a"b');
  assertEquals(parseDigestProof(field("a"))?.response, "ab");
  assertEquals(parseDigestProof(field("a".repeat(AUTHORIZATION_LENGTH_MAX))), undefined);
  assertEquals(parseDigestProof('Digest username="a"'), undefined);
  assertEquals(parseDigestProof(`${field("a")}, qop=auth`), undefined);
  assertEquals(parseDigestProof(field("a").replace("Digest", "Basic")), undefined);
});

Deno.test("NonceMint knows its nonces, of the connection and for a time", () => {
  const mint = new NonceMint(new Uint8Array(32).fill(7));
  const nonce = mint.make("c1", 1_000_000);
  assertEquals(mint.check(nonce, "c1", 1_000_000 + NONCE_LIFE_MS), "good");
  assertEquals(mint.check(nonce, "c1", 1_000_001 + NONCE_LIFE_MS), "stale");
  assertEquals(mint.check(nonce, "c2", 1_000_000), "foreign");
  assertEquals(new NonceMint(new Uint8Array(32)).check(nonce, "c1", 1_000_000), "foreign");
  for (const other of ["", nonce.slice(1), `${nonce}0`, nonce.replace(/^0/, "1"), "é".repeat(36)]) {
    assertEquals(mint.check(other, "c1", 1_000_000), "foreign", other);
  }
});
