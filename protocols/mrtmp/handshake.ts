/**
 * The handshake of one connection: each side proves that it knows the mesh's secret, and that it
 * is the node the other one means.
 *
 * Source: README.md beside this file, section 3. Nonces come from the caller; time limits are the
 * caller's too.
 *
 * @module
 */
import {
  bodyOf,
  FRAME_TYPE,
  type FrameType,
  malformed,
  type ReceivedFrame,
  requireBody,
  wholeFrame,
} from "./frame.ts";
import {
  type HandshakeRefusal,
  type Hello,
  proofOf,
  readHello,
  readProof,
  readRefuse,
  readWelcome,
  sameMac,
  VERSION,
  type Welcome,
  writeHello,
  writeRefuse,
  writeWelcome,
} from "./hello.ts";

/** What both sides know when the handshake is over. */
export interface HandshakeResult {
  readonly version: number;
  /** What both can do. */
  readonly capabilities: readonly string[];
}

/** What follows from a frame; `send` goes out first, in every case. */
export type HandshakeStep<Result> =
  | { readonly kind: "wait"; readonly send?: Uint8Array }
  | { readonly kind: "done"; readonly send?: Uint8Array; readonly result: Result }
  | {
    readonly kind: "refused";
    readonly send?: Uint8Array;
    readonly by: "us" | "them";
    readonly reason: HandshakeRefusal;
  };

export interface DialHandshakeOptions {
  readonly secret: Uint8Array;
  readonly hello: Omit<Hello, "versionMin" | "versionMax">;
}

/** The side that dialled. */
export class DialHandshake {
  readonly #secret: Uint8Array;
  readonly #hello: Hello;
  readonly #helloBody: Uint8Array;
  /** Set by the WELCOME; READY must follow. */
  #welcome: Welcome | undefined;

  constructor({ secret, hello }: DialHandshakeOptions) {
    this.#secret = secret;
    this.#hello = { ...hello, versionMin: VERSION, versionMax: VERSION };
    this.#helloBody = writeHello(this.#hello);
  }

  /** The HELLO frame, which opens the connection. */
  opening(): Uint8Array {
    return wholeFrame(FRAME_TYPE.hello, 0, this.#helloBody);
  }

  /** Takes the next frame. @throws {ProtocolError} It is malformed or out of order. */
  receive(frame: ReceivedFrame): HandshakeStep<HandshakeResult> {
    if (frame.type === FRAME_TYPE.refuse) {
      return { kind: "refused", by: "them", reason: readRefuse(frame) };
    }
    if (this.#welcome === undefined) return this.#receiveWelcome(frame);
    requireType(frame, FRAME_TYPE.ready);
    requireBody(frame, 0, "3.2");
    const { version, capabilities } = this.#welcome;
    return { kind: "done", result: { version, capabilities } };
  }

  #receiveWelcome(frame: ReceivedFrame): HandshakeStep<HandshakeResult> {
    requireType(frame, FRAME_TYPE.welcome);
    const { mac, signed, welcome } = readWelcome(frame);
    // First of all: what follows is only worth looking at when it comes from the mesh.
    const expected = proofOf(this.#secret, "accept", this.#helloBody, signed);
    if (!sameMac(mac, expected)) return refusal("secret");
    if (welcome.version !== VERSION) return refusal("version");
    const { target, targetIncarnation } = this.#hello;
    if (welcome.node !== target || welcome.incarnation !== targetIncarnation) {
      return refusal("target");
    }
    this.#welcome = welcome;
    const proof = proofOf(this.#secret, "dial", this.#helloBody, signed);
    return { kind: "wait", send: wholeFrame(FRAME_TYPE.proof, 0, proof) };
  }
}

export interface AcceptHandshakeOptions {
  readonly secret: Uint8Array;
  readonly mesh: string;
  readonly node: string;
  readonly incarnation: number;
  readonly capabilities: readonly string[];
  readonly nonce: Uint8Array;
  /** Asked once the peer has proved that it knows the secret; says why it may not come in. */
  readonly judge: (hello: Hello) => HandshakeRefusal | undefined;
}

/** What the accepting side knows of its peer. */
export interface AcceptedPeer extends HandshakeResult {
  readonly hello: Hello;
}

/** The side that was dialled. */
export class AcceptHandshake {
  readonly #options: AcceptHandshakeOptions;
  /** Set by the HELLO; PROOF must follow. */
  #greeted: { hello: Hello; proof: Uint8Array; welcome: Welcome } | undefined;

  constructor(options: AcceptHandshakeOptions) {
    this.#options = options;
  }

  /** Takes the next frame. @throws {ProtocolError} It is malformed or out of order. */
  receive(frame: ReceivedFrame): HandshakeStep<AcceptedPeer> {
    if (frame.type === FRAME_TYPE.refuse) {
      return { kind: "refused", by: "them", reason: readRefuse(frame) };
    }
    return this.#greeted === undefined ? this.#receiveHello(frame) : this.#receiveProof(frame);
  }

  #receiveHello(frame: ReceivedFrame): HandshakeStep<AcceptedPeer> {
    requireType(frame, FRAME_TYPE.hello);
    const { secret, mesh, node, incarnation, capabilities, nonce } = this.#options;
    const hello = readHello(frame);
    if (hello.versionMin > VERSION || hello.versionMax < VERSION) return refusal("version");
    if (hello.mesh !== mesh) return refusal("mesh");
    if (hello.target !== node || hello.targetIncarnation !== incarnation) return refusal("target");
    const shared = capabilities.filter((capability) => hello.capabilities.includes(capability));
    const welcome = { version: VERSION, capabilities: shared, node, incarnation, nonce };
    const signed = writeWelcome(welcome);
    const helloBody = bodyOf(frame);
    const mac = proofOf(secret, "accept", helloBody, signed);
    this.#greeted = { hello, proof: proofOf(secret, "dial", helloBody, signed), welcome };
    const body = new Uint8Array(mac.length + signed.length);
    body.set(mac);
    body.set(signed, mac.length);
    return { kind: "wait", send: wholeFrame(FRAME_TYPE.welcome, 0, body) };
  }

  #receiveProof(frame: ReceivedFrame): HandshakeStep<AcceptedPeer> {
    requireType(frame, FRAME_TYPE.proof);
    const { hello, proof, welcome } = this.#greeted!;
    if (!sameMac(readProof(frame), proof)) return refusal("secret");
    const reason = this.#options.judge(hello);
    if (reason !== undefined) return refusal(reason);
    const { version, capabilities } = welcome;
    return {
      kind: "done",
      send: wholeFrame(FRAME_TYPE.ready, 0, new Uint8Array(0)),
      result: { version, capabilities, hello },
    };
  }
}

function refusal(
  reason: HandshakeRefusal,
): { kind: "refused"; by: "us"; reason: HandshakeRefusal; send: Uint8Array } {
  const send = wholeFrame(FRAME_TYPE.refuse, 0, writeRefuse(reason));
  return { kind: "refused", by: "us", reason, send };
}

function requireType(frame: ReceivedFrame, type: FrameType): void {
  if (frame.type === type) return;
  throw malformed(
    `Cannot go on with handshake: frame type ${frame.type}, expected ${type}`,
    "3",
  );
}
