// Goal: only nodes that know the secret, and mean each other, get through.
// Method: a handshake whose bytes Python made (hmac, msgpack), then every refusal.
import { ProtocolError } from "../../../protocols/errors.ts";
import { FRAME_TYPE, HEADER_BYTES, wholeFrame } from "../../../protocols/mrtmp/frame.ts";
import {
  AcceptHandshake,
  type AcceptHandshakeOptions,
  DialHandshake,
} from "../../../protocols/mrtmp/handshake.ts";
import { type HandshakeRefusal, type Hello, writeHello } from "../../../protocols/mrtmp/hello.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import {
  mrtmpVector,
  receivedFrame,
  VECTOR_SECRET,
  withBody,
} from "../../support/mrtmp_vectors.ts";

const HELLO: Omit<Hello, "versionMin" | "versionMax"> = {
  capabilities: ["a", "b"],
  mesh: "test",
  node: "n1",
  incarnation: 1_767_225_600_000_001,
  target: "n2",
  targetIncarnation: 1_767_225_600_000_002,
  channel: "media",
  linkId: Uint8Array.from({ length: 16 }, (_, index) => index),
  nonce: Uint8Array.from({ length: 32 }, (_, index) => index),
};
const ACCEPT: AcceptHandshakeOptions = {
  secret: VECTOR_SECRET,
  mesh: "test",
  node: "n2",
  incarnation: 1_767_225_600_000_002,
  capabilities: ["b", "c"],
  nonce: Uint8Array.from({ length: 32 }, (_, index) => 32 + index),
  judge: () => undefined,
};

function dialling(change: Partial<Hello> = {}, secret = VECTOR_SECRET): DialHandshake {
  return new DialHandshake({ secret, hello: { ...HELLO, ...change } });
}

Deno.test("DialHandshake says and understands what Python made", () => {
  const dial = dialling();
  assertEquals(dial.opening(), mrtmpVector("hello"));
  const proof = dial.receive(receivedFrame(mrtmpVector("welcome")));
  assert(proof.kind === "wait" && proof.send !== undefined);
  assertEquals(proof.send, mrtmpVector("proof"));
  const done = dial.receive(receivedFrame(mrtmpVector("ready")));
  assert(done.kind === "done");
  assertEquals(done.result, { version: 1, capabilities: ["b"] });
});

Deno.test("AcceptHandshake says and understands what Python made", () => {
  const accept = new AcceptHandshake(ACCEPT);
  const welcome = accept.receive(receivedFrame(mrtmpVector("hello")));
  assert(welcome.kind === "wait" && welcome.send !== undefined);
  assertEquals(welcome.send, mrtmpVector("welcome"));
  const done = accept.receive(receivedFrame(mrtmpVector("proof")));
  assert(done.kind === "done");
  assertEquals(done.send, mrtmpVector("ready"));
  assertEquals(done.result.hello.node, "n1");
  assertEquals(done.result.capabilities, ["b"]);
});

interface Outcome {
  readonly dial: string;
  readonly accept: string;
}

/** Lets two sides talk until one has had enough. */
function meet(dial: DialHandshake, accept: AcceptHandshake): Outcome {
  let toAccept: Uint8Array | undefined = dial.opening();
  const outcome = { dial: "waits", accept: "waits" };
  for (let turn = 0; turn < 4 && toAccept !== undefined; turn++) {
    const answer = accept.receive(receivedFrame(toAccept));
    outcome.accept = textOf(answer);
    if (answer.send === undefined) break;
    const next = dial.receive(receivedFrame(answer.send));
    outcome.dial = textOf(next);
    toAccept = next.send;
  }
  return outcome;
}

function textOf(step: { kind: string; by?: string; reason?: string }): string {
  return step.kind === "refused" ? `${step.reason} by ${step.by}` : step.kind;
}

const OTHER_SECRET = new TextEncoder().encode("another secret");

const REFUSED: readonly {
  readonly what: string;
  readonly reason: HandshakeRefusal;
  readonly by: "dial" | "accept";
  readonly dial?: DialHandshake;
  readonly accept?: Partial<AcceptHandshakeOptions>;
}[] = [
  { what: "a wrong secret", reason: "secret", by: "dial", dial: dialling({}, OTHER_SECRET) },
  { what: "another mesh", reason: "mesh", by: "accept", accept: { mesh: "prod" } },
  { what: "another node", reason: "target", by: "accept", accept: { node: "n3" } },
  { what: "a node that was restarted", reason: "target", by: "accept", accept: { incarnation: 1 } },
  {
    what: "an expelled incarnation",
    reason: "expelled",
    by: "accept",
    accept: { judge: ({ node }) => node === "n1" ? "expelled" : undefined },
  },
];

for (const { what, reason, by, dial = dialling(), accept } of REFUSED) {
  Deno.test(`the handshake refuses ${what}, and both sides know why`, () => {
    const outcome = meet(dial, new AcceptHandshake({ ...ACCEPT, ...accept }));
    assertEquals(outcome, {
      dial: `${reason} by ${by === "dial" ? "us" : "them"}`,
      accept: `${reason} by ${by === "accept" ? "us" : "them"}`,
    });
  });
}

Deno.test("AcceptHandshake refuses versions that it does not speak", () => {
  for (const [versionMin, versionMax] of [[2, 9], [0, 0]]) {
    const hello = wholeFrame(
      FRAME_TYPE.hello,
      0,
      writeHello({ ...HELLO, versionMin, versionMax }),
    );
    const step = new AcceptHandshake(ACCEPT).receive(receivedFrame(hello));
    assert(step.kind === "refused" && step.reason === "version");
  }
  const hello = wholeFrame(
    FRAME_TYPE.hello,
    0,
    writeHello({ ...HELLO, versionMin: 1, versionMax: 9 }),
  );
  assertEquals(new AcceptHandshake(ACCEPT).receive(receivedFrame(hello)).kind, "wait");
});

Deno.test("AcceptHandshake does not ask whether somebody may come in who proved nothing", () => {
  let asked = 0;
  const accept = new AcceptHandshake({ ...ACCEPT, judge: () => void asked++ });
  accept.receive(receivedFrame(mrtmpVector("hello")));
  const forged = mrtmpVector("proof");
  forged[forged.length - 1] ^= 1;
  const step = accept.receive(receivedFrame(forged));
  assert(step.kind === "refused" && step.reason === "secret" && asked === 0);
});

Deno.test("DialHandshake is not taken in by its own words", () => {
  // Whoever sends a node's own proof back to it knows nothing.
  const dial = dialling();
  const welcome = mrtmpVector("welcome");
  welcome.set(mrtmpVector("proof").subarray(HEADER_BYTES), HEADER_BYTES);
  const step = dial.receive(receivedFrame(welcome));
  assert(step.kind === "refused" && step.reason === "secret" && step.by === "us");
});

Deno.test("a changed byte of HELLO or WELCOME breaks the proof", () => {
  const welcome = mrtmpVector("welcome");
  for (let at = HEADER_BYTES; at < welcome.length; at++) {
    const changed = welcome.slice();
    changed[at] ^= 0x01;
    try {
      const step = dialling().receive(receivedFrame(changed));
      assert(step.kind === "refused" && step.by === "us", `byte ${at}`);
    } catch (error) {
      assert(error instanceof ProtocolError);
    }
  }
});

Deno.test("handshakes refuse frames that are out of order or malformed", () => {
  const refuse = (act: () => unknown) => assertThrows(act, ProtocolError);
  refuse(() => dialling().receive(receivedFrame(mrtmpVector("ready"))));
  refuse(() => dialling().receive(receivedFrame(mrtmpVector("call"))));
  refuse(() => new AcceptHandshake(ACCEPT).receive(receivedFrame(mrtmpVector("proof"))));
  const greeted = new AcceptHandshake(ACCEPT);
  greeted.receive(receivedFrame(mrtmpVector("hello")));
  refuse(() => greeted.receive(receivedFrame(mrtmpVector("hello"))));
  for (const name of ["hello", "welcome", "proof", "refuse"]) {
    const wire = mrtmpVector(name);
    for (let size = 0; size < wire.length - HEADER_BYTES; size++) {
      const cut = withBody(wire, wire.subarray(HEADER_BYTES, HEADER_BYTES + size));
      refuse(() => {
        if (name === "hello") return new AcceptHandshake(ACCEPT).receive(cut);
        if (name !== "proof") return dialling().receive(cut);
        const accept = new AcceptHandshake(ACCEPT);
        accept.receive(receivedFrame(mrtmpVector("hello")));
        return accept.receive(cut);
      });
    }
  }
});
