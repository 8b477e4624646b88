/**
 * The messages of the handshake: HELLO, WELCOME, PROOF and REFUSE.
 *
 * Source: README.md beside this file, section 3. `handshake.ts` knows their order.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Fields } from "./fields.ts";
import { bodyOf, malformed, type ReceivedFrame, requireBody } from "./frame.ts";
import { pack, unpack } from "./packed.ts";
import { NODE_NAME_CHARACTERS_MAX } from "./subscription.ts";

/** The version of this specification; both ends settle on the highest that both know. */
export const VERSION = 1;

/** Size of a nonce and of a link's number, in bytes. */
export const NONCE_BYTES = 32;
export const LINK_ID_BYTES = 16;

/** Size of an HMAC-SHA-256, in bytes. */
export const MAC_BYTES = 32;

/** Longest name of a mesh, in characters. */
const MESH_CHARACTERS_MAX = 128;

/** Most capabilities, and the longest of them. */
const CAPABILITIES_MAX = 32;
const CAPABILITY_CHARACTERS_MAX = 32;

/** What a connection of a link carries. */
export type ChannelKind = "control" | "media";

/** What the dialling node says first. */
export interface Hello {
  /** Lowest and highest version it speaks. */
  readonly versionMin: number;
  readonly versionMax: number;
  readonly capabilities: readonly string[];
  readonly mesh: string;
  readonly node: string;
  readonly incarnation: number;
  /** The node it means to reach, and which start of it. */
  readonly target: string;
  readonly targetIncarnation: number;
  readonly channel: ChannelKind;
  /** The same for both connections of a link; {@link LINK_ID_BYTES} random bytes. */
  readonly linkId: Uint8Array;
  /** {@link NONCE_BYTES} random bytes. */
  readonly nonce: Uint8Array;
}

/** What the dialled node answers. */
export interface Welcome {
  readonly version: number;
  /** Those of the HELLO that it has too. */
  readonly capabilities: readonly string[];
  readonly node: string;
  readonly incarnation: number;
  readonly nonce: Uint8Array;
}

const REFUSALS = [
  "version",
  "mesh",
  "target",
  "secret",
  "expelled",
  "channel",
  "busy",
] as const;

/** Why a handshake was refused (section 3.3). */
export type HandshakeRefusal = typeof REFUSALS[number];

const CHANNELS = ["control", "media"] as const;

/** Which of the two proofs a MAC is: a node's own proof cannot be sent back to it. */
export type ProofSide = "accept" | "dial";

/** The body of a HELLO; the caller owns it. */
export function writeHello(hello: Hello): Uint8Array {
  return pack({
    versionMin: hello.versionMin,
    versionMax: hello.versionMax,
    caps: hello.capabilities,
    mesh: hello.mesh,
    node: hello.node,
    inc: hello.incarnation,
    target: hello.target,
    targetInc: hello.targetIncarnation,
    channel: hello.channel,
    link: hello.linkId,
    nonce: hello.nonce,
  }).slice();
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readHello(frame: ReceivedFrame): Hello {
  const fields = new Fields(unpack(frame, "3.1"), "3.1");
  const hello = {
    versionMin: fields.integer("versionMin"),
    versionMax: fields.integer("versionMax"),
    capabilities: fields.texts("caps", CAPABILITIES_MAX, CAPABILITY_CHARACTERS_MAX),
    mesh: fields.text("mesh", MESH_CHARACTERS_MAX),
    node: fields.text("node", NODE_NAME_CHARACTERS_MAX),
    incarnation: fields.integer("inc"),
    target: fields.text("target", NODE_NAME_CHARACTERS_MAX),
    targetIncarnation: fields.integer("targetInc"),
    channel: fields.word("channel", CHANNELS),
    linkId: fields.bytes("link", LINK_ID_BYTES),
    nonce: fields.bytes("nonce", NONCE_BYTES),
  };
  if (hello.node === "") throw malformed("Cannot read HELLO: node is empty", "3.1");
  return hello;
}

/** The packed part of a WELCOME, which the MAC in front of it covers; the caller owns it. */
export function writeWelcome(welcome: Welcome): Uint8Array {
  const { version, capabilities, node, incarnation, nonce } = welcome;
  return pack({ version, caps: capabilities, node, inc: incarnation, nonce }).slice();
}

/**
 * A WELCOME taken apart; `signed` is what its MAC covers.
 *
 * @throws {ProtocolError} It is cut, or a field is missing, of another type or out of range.
 */
export function readWelcome(
  frame: ReceivedFrame,
): { mac: Uint8Array; signed: Uint8Array; welcome: Welcome } {
  const body = bodyOf(frame);
  if (body.length < MAC_BYTES) throw malformed("Cannot read WELCOME: it has no MAC", "3.2");
  const fields = new Fields(unpack(frame, "3.2", MAC_BYTES), "3.2");
  const welcome = {
    version: fields.integer("version"),
    capabilities: fields.texts("caps", CAPABILITIES_MAX, CAPABILITY_CHARACTERS_MAX),
    node: fields.text("node", NODE_NAME_CHARACTERS_MAX),
    incarnation: fields.integer("inc"),
    nonce: fields.bytes("nonce", NONCE_BYTES),
  };
  return { mac: body.subarray(0, MAC_BYTES), signed: body.subarray(MAC_BYTES), welcome };
}

/** The MAC of a PROOF. @throws {ProtocolError} It has another size. */
export function readProof(frame: ReceivedFrame): Uint8Array {
  requireBody(frame, MAC_BYTES, "3.2");
  return bodyOf(frame);
}

/** The body of a REFUSE; holds until the next call of `pack`. */
export function writeRefuse(reason: HandshakeRefusal): Uint8Array {
  return pack({ reason });
}

/** @throws {ProtocolError} The reason is missing or unknown. */
export function readRefuse(frame: ReceivedFrame): HandshakeRefusal {
  return new Fields(unpack(frame, "3.3"), "3.3").word("reason", REFUSALS);
}

/**
 * What one side knows the secret by (section 3.2): HMAC-SHA-256 over its side's name and both
 * messages, nonces included, each with its length in front.
 */
export function proofOf(
  secret: Uint8Array,
  side: ProofSide,
  hello: Uint8Array,
  welcome: Uint8Array,
): Uint8Array {
  const mac = createHmac("sha256", secret);
  mac.update(`mrtmp ${side}\0`);
  for (const part of [hello, welcome]) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length);
    mac.update(length);
    mac.update(part);
  }
  return new Uint8Array(mac.digest());
}

/** Compares two MACs in a time that tells nothing of where they differ. */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
