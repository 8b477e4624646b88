/**
 * The digests in the RTMP handshake of Flash Player 9 and later, and of what followed it.
 *
 * Source: Adobe RTMP 1.0, section 5.2.3, gives the packets' frame; what Flash Media Server puts in
 * their random bytes is not in it and known from its successors: 32 bytes of HMAC-SHA256 over the
 * rest of the packet, at a place that four other bytes tell, in one of two layouts ("schemas").
 * The keys identify programs; they are public and secure nothing.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { HANDSHAKE_BYTES } from "./handshake_packet.ts";

/** Size of a digest, in bytes. */
export const DIGEST_BYTES = 32;

/** Where the digest's place is told: the first of four bytes whose sum gives it. */
const SCHEMA_POINTER_OFFSETS = [8, 772] as const;

/** Layout of a packet with a digest. */
export type DigestSchema = 0 | 1;

/** A digest found in a packet. */
export interface FoundDigest {
  readonly schema: DigestSchema;
  /** A view into the packet. */
  readonly digest: Uint8Array;
}

/** The secret half of both keys. */
const KEY_TAIL = Uint8Array.fromHex(
  "f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae",
);

/** Key of a client: its text signs C1, all of it C2. */
export const CLIENT_KEY = digestKey("Genuine Adobe Flash Player 001");

/** Key of a server: its text signs S1, all of it S2. */
export const SERVER_KEY = digestKey("Genuine Adobe Flash Media Server 001");

/** The two forms of a program's key. */
export interface DigestKey {
  readonly text: Uint8Array;
  readonly whole: Uint8Array;
}

function digestKey(name: string): DigestKey {
  const text = new TextEncoder().encode(name);
  const whole = new Uint8Array(text.length + KEY_TAIL.length);
  whole.set(text);
  whole.set(KEY_TAIL, text.length);
  return { text, whole };
}

/** The valid digest of a C1 or S1 packet, in whichever schema has one. */
export function findDigest(packet: Uint8Array, key: DigestKey): FoundDigest | undefined {
  for (const schema of [0, 1] as const) {
    const offset = digestOffset(packet, schema);
    const digest = packet.subarray(offset, offset + DIGEST_BYTES);
    if (sameBytes(digest, packetDigest(packet, offset, key))) return { schema, digest };
  }
  return undefined;
}

/** Writes the digest of a C1 or S1 into the packet; returns a view of it. */
export function writeDigest(packet: Uint8Array, schema: DigestSchema, key: DigestKey): Uint8Array {
  const offset = digestOffset(packet, schema);
  packet.set(packetDigest(packet, offset, key), offset);
  return packet.subarray(offset, offset + DIGEST_BYTES);
}

/**
 * Writes into the last bytes of a C2 or S2 the proof that its sender saw `peerDigest`, which came
 * in the peer's first packet.
 */
export function writeProof(packet: Uint8Array, peerDigest: Uint8Array, key: DigestKey): void {
  const end = HANDSHAKE_BYTES - DIGEST_BYTES;
  packet.set(proof(packet, peerDigest, key), end);
}

/** Whether the last bytes of a C2 or S2 are what {@link writeProof} writes. */
export function hasProof(packet: Uint8Array, peerDigest: Uint8Array, key: DigestKey): boolean {
  const end = HANDSHAKE_BYTES - DIGEST_BYTES;
  return sameBytes(packet.subarray(end, HANDSHAKE_BYTES), proof(packet, peerDigest, key));
}

function proof(packet: Uint8Array, peerDigest: Uint8Array, key: DigestKey): Uint8Array {
  return hmac(hmac(key.whole, peerDigest), packet.subarray(0, HANDSHAKE_BYTES - DIGEST_BYTES));
}

/** The place leaves room for the pointer before and the schema's half of the packet behind. */
function digestOffset(packet: Uint8Array, schema: DigestSchema): number {
  const pointer = SCHEMA_POINTER_OFFSETS[schema];
  const sum = packet[pointer] + packet[pointer + 1] + packet[pointer + 2] + packet[pointer + 3];
  return pointer + 4 + sum % 728;
}

/** HMAC over the packet without the digest itself. */
function packetDigest(packet: Uint8Array, offset: number, key: DigestKey): Uint8Array {
  const before = packet.subarray(0, offset);
  return hmac(key.text, before, packet.subarray(offset + DIGEST_BYTES, HANDSHAKE_BYTES));
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Digests are public, so that comparing in constant time would hide nothing. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
