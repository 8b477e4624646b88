/**
 * The RTMP handshake, both sides, plain and with digests, out of input in any pieces.
 *
 * Source: Adobe RTMP 1.0, section 5.2; `handshake_digest.ts` has what Flash added. A peer's echo
 * (C2 of a client, S2 of a server) is read and not compared: real programs take liberties with it,
 * and it proves nothing. Encrypted RTMP (version 6 and above) is refused.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  CLIENT_KEY,
  type DigestSchema,
  findDigest,
  SERVER_KEY,
  writeDigest,
  writeProof,
} from "./handshake_digest.ts";
import {
  HANDSHAKE_BYTES,
  PacketCollector,
  randomPacket,
  RTMP_VERSION,
} from "./handshake_packet.ts";

export { HANDSHAKE_BYTES };

/** Program versions in S1 and C1. ffmpeg checks a server's digest from version 3 on. */
const SERVER_PROGRAM_VERSION = 0x04_05_00_01;
const CLIENT_PROGRAM_VERSION = 0x09_00_7c_02;

/** The server's side. Output is S0, S1 and S2 in one piece, once C1 is whole. */
export class ServerHandshake {
  readonly #random: Uint8Array;
  readonly #hello = new PacketCollector(1 + HANDSHAKE_BYTES); // C0 and C1.
  readonly #echo = new PacketCollector(HANDSHAKE_BYTES); // C2.
  #output: Uint8Array | undefined;
  #digest = false;

  /**
   * @param random {@link HANDSHAKE_BYTES} bytes; not kept and not written to.
   * @throws {RangeError} Their number is another.
   */
  constructor(random: Uint8Array) {
    this.#random = randomPacket(random);
  }

  /** C2 has arrived: what follows is the chunk stream. */
  get done(): boolean {
    return this.#echo.full;
  }

  /** The client signed its first packet, and our answer is signed too. */
  get digest(): boolean {
    return this.#digest;
  }

  /**
   * Takes bytes until the handshake is over.
   *
   * @returns Bytes consumed; what is left belongs to the chunk stream.
   * @throws {ProtocolError} The first byte is no version that can be spoken.
   */
  feed(bytes: Uint8Array): number {
    if (this.#hello.filled === 0 && bytes.length > 0) checkClientVersion(bytes[0]);
    let at = 0;
    if (!this.#hello.full) {
      at = this.#hello.take(bytes, 0);
      if (!this.#hello.full) return at;
      this.#output = this.#answer(this.#hello.packet.subarray(1));
    }
    return at + this.#echo.take(bytes, at);
  }

  /** Bytes to send, once. */
  takeOutput(): Uint8Array | undefined {
    const output = this.#output;
    this.#output = undefined;
    return output;
  }

  #answer(c1: Uint8Array): Uint8Array {
    const output = new Uint8Array(1 + 2 * HANDSHAKE_BYTES);
    output[0] = RTMP_VERSION;
    const s1 = output.subarray(1, 1 + HANDSHAKE_BYTES);
    const s2 = output.subarray(1 + HANDSHAKE_BYTES);
    s1.set(this.#random);
    // Clients that sign say their version where others leave zero (5.2.3).
    const found = uint32(c1, 4) === 0 ? undefined : findDigest(c1, CLIENT_KEY);
    this.#digest = found !== undefined;
    if (found === undefined) {
      writeHead(s1, 0);
      s2.set(c1); // No clock here: the time of reading, bytes 4 to 7, stays as it came.
    } else {
      writeHead(s1, SERVER_PROGRAM_VERSION);
      writeDigest(s1, found.schema, SERVER_KEY);
      s2.set(this.#random);
      writeProof(s2, found.digest, SERVER_KEY);
    }
    return output;
  }
}

/** The client's side. Output is C0 and C1 at once, then C2 when S1 is whole. */
export class ClientHandshake {
  readonly #random: Uint8Array;
  readonly #hello = new PacketCollector(1 + HANDSHAKE_BYTES); // S0 and S1.
  readonly #echo = new PacketCollector(HANDSHAKE_BYTES); // S2.
  #output: Uint8Array | undefined;
  #digest = false;

  /**
   * @param random {@link HANDSHAKE_BYTES} bytes; not kept and not written to.
   * @param options `digest`: layout in which to sign C1; without it the handshake is plain.
   * @throws {RangeError} The number of random bytes is another.
   */
  constructor(random: Uint8Array, options: { readonly digest?: DigestSchema } = {}) {
    this.#random = randomPacket(random);
    const output = new Uint8Array(1 + HANDSHAKE_BYTES);
    output[0] = RTMP_VERSION;
    const c1 = output.subarray(1);
    c1.set(this.#random);
    writeHead(c1, options.digest === undefined ? 0 : CLIENT_PROGRAM_VERSION);
    if (options.digest !== undefined) writeDigest(c1, options.digest, CLIENT_KEY);
    this.#output = output;
    this.#digest = options.digest !== undefined;
  }

  /** S2 has arrived: what follows is the chunk stream. */
  get done(): boolean {
    return this.#echo.full;
  }

  /** We sign, and so does the server as far as it was heard. */
  get digest(): boolean {
    return this.#digest;
  }

  /**
   * Takes bytes until the handshake is over.
   *
   * @returns Bytes consumed; what is left belongs to the chunk stream.
   * @throws {ProtocolError} The first byte is not version 3.
   */
  feed(bytes: Uint8Array): number {
    if (this.#hello.filled === 0 && bytes.length > 0 && bytes[0] !== RTMP_VERSION) {
      throw unspoken(`server answered version ${bytes[0]}`);
    }
    let at = 0;
    if (!this.#hello.full) {
      at = this.#hello.take(bytes, 0);
      if (!this.#hello.full) return at;
      this.#answer(this.#hello.packet.subarray(1));
    }
    return at + this.#echo.take(bytes, at);
  }

  /** Bytes to send, once each. */
  takeOutput(): Uint8Array | undefined {
    const output = this.#output;
    this.#output = undefined;
    return output;
  }

  #answer(s1: Uint8Array): void {
    const found = this.#digest ? findDigest(s1, SERVER_KEY) : undefined;
    this.#digest = found !== undefined;
    const c2 = found === undefined ? s1 : this.#random;
    if (found !== undefined) writeProof(c2, found.digest, CLIENT_KEY);
    // C1 may still wait to be taken when the server was faster than our owner.
    const waiting = this.#output ?? new Uint8Array(0);
    this.#output = new Uint8Array(waiting.length + HANDSHAKE_BYTES);
    this.#output.set(waiting);
    this.#output.set(c2, waiting.length);
  }
}

/** Time 0, which is as good as any epoch (5.2.3), then zero or the program's version. */
function writeHead(packet: Uint8Array, programVersion: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset, 8);
  view.setUint32(0, 0);
  view.setUint32(4, programVersion);
}

function uint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0);
}

/**
 * A server answers an unknown version with 3 (5.2.2), except that 0 to 2 are retired, 6 to 9 are
 * encrypted forms, and from 32 on the byte is text of another protocol.
 */
function checkClientVersion(version: number): void {
  if (version >= 32) throw unspoken(`first byte is ${version}, no version but text`);
  if (version < RTMP_VERSION) throw unspoken(`client asks for retired version ${version}`);
  if (version >= 6 && version <= 9) {
    throw unspoken(`client asks for encrypted RTMP, version ${version}`);
  }
}

function unspoken(found: string): ProtocolError {
  return new ProtocolError(`Cannot shake hands: ${found}; RTMP version 3 is spoken here`, {
    protocol: "RTMP",
    section: "5.2.2",
    offset: 0,
  });
}
