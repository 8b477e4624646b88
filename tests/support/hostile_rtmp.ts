/**
 * What a hostile RTMP client sends, as bytes made by hand.
 *
 * @module
 */
import {
  amf0,
  basicHeader,
  bytesOf,
  C0_C1,
  C2,
  chunkHeader,
  command,
  HANDSHAKE_BYTES,
  message,
  text,
  uint32,
} from "./wire/rtmp_bytes.ts";
import { connectCommands } from "./wire/rtmp_connection.ts";

const HELLO = bytesOf(C0_C1, C2);

/** Nesting that ends parsers which call themselves. */
const DEPTH = 100_000;

/** More chunk streams than ids of one and two bytes allow, all the wire can express. */
const CHUNK_STREAMS = 65_600;

const SET_CHUNK_SIZE = { chunkStreamId: 2, typeId: 1 };
const COMMAND = { chunkStreamId: 3, typeId: 20 };
const DATA = { chunkStreamId: 5, typeId: 18, streamId: 1 };

export interface Attack {
  readonly name: string;
  /** Bytes from the first on, the handshake included. */
  readonly bytes: () => Uint8Array;
  /** What the log must tell about it. */
  readonly reason?: RegExp;
  /** The connection goes on: what it asked for was refused or left out. */
  readonly survives?: boolean;
}

/** A client that was allowed to publish `path` and then sends `bytes`. */
function publishing(path: string, ...bytes: readonly Uint8Array[]): Uint8Array {
  const [app, name] = path.split("/");
  const publish = command(1, "publish", 3, null, name, "live");
  return bytesOf(HELLO, connectCommands("host", app), publish, ...bytes);
}

function repeated(unit: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(unit.length * count);
  for (let i = 0; i < count; i++) bytes.set(unit, i * unit.length);
  return bytes;
}

/** Objects, each the value of the only field of the one around it. */
const nestedObjects = () => repeated(bytesOf(3, text("a")), DEPTH);

/** Arrays of one array of one array... */
const nestedArrays = () => repeated(bytesOf(10, uint32(1)), DEPTH);

/** Fits the longest message that is accepted before a publish. */
const nestedShort = () => repeated(bytesOf(10, uint32(1)), 12_000);

/** A message on every chunk stream; the first 128 of its bytes, or all when it is shorter. */
const everywhere = (bodyBytes: number) =>
  bytesOf(...Array.from({ length: CHUNK_STREAMS - 64 }, (_, index) => {
    const header = chunkHeader({ chunkStreamId: 3, typeId: 8, bodyBytes }, 0).subarray(1);
    return bytesOf(basicHeader(0, 64 + index), header, new Uint8Array(Math.min(bodyBytes, 128)));
  }));

export const ATTACKS: readonly Attack[] = [
  {
    name: "objects nested 100,000 deep in connect",
    bytes: () => bytesOf(HELLO, message(COMMAND, bytesOf(amf0("connect", 1), nestedObjects()))),
    reason: /400019 bytes announced/,
  },
  {
    name: "arrays nested 12,000 deep in connect",
    bytes: () => bytesOf(HELLO, message(COMMAND, bytesOf(amf0("connect", 1), nestedShort()))),
    reason: /deep|nest|depth/i,
  },
  {
    name: "objects nested 100,000 deep in metadata",
    bytes: () =>
      publishing("live/deep", message(DATA, bytesOf(amf0("@setDataFrame"), nestedObjects()))),
    reason: /media dropped/,
    survives: true,
  },
  {
    name: "arrays nested 100,000 deep in metadata",
    bytes: () =>
      publishing("live/deep", message(DATA, bytesOf(amf0("onMetaData"), nestedArrays()))),
    reason: /media dropped/,
    survives: true,
  },
  {
    name: "a string of 4 GiB",
    bytes: () => bytesOf(HELLO, message(COMMAND, bytesOf(amf0("connect", 1), 12, uint32(-1)))),
    reason: /4294967295 bytes needed/,
  },
  {
    name: "an array of 4 billion values",
    bytes: () => bytesOf(HELLO, message(COMMAND, bytesOf(amf0("connect", 1), 10, uint32(-1), 5))),
    reason: /4294967295 announced/,
  },
  {
    name: "an associative array of -1 values that never ends",
    bytes: () => bytesOf(HELLO, message(COMMAND, bytesOf(amf0("connect", 1), 8, uint32(-1)))),
    reason: /no end/,
  },
  {
    name: "65,600 chunk streams with unfinished messages",
    bytes: () => bytesOf(HELLO, everywhere(60_000)),
    reason: /unfinished messages/,
  },
  {
    name: "65,600 chunk streams with whole messages",
    bytes: () => bytesOf(HELLO, everywhere(1)),
    reason: /chunk stream/,
  },
  {
    name: "a message of 16 MB before anything was allowed",
    bytes: () => bytesOf(HELLO, chunkHeader({ ...COMMAND, bodyBytes: 0xffffff }, 0)),
    reason: /16777215/,
  },
  {
    name: "a frame of 16 MB",
    bytes: () => {
      const head = { chunkStreamId: 6, typeId: 9, streamId: 1, bodyBytes: 0xffffff };
      return publishing("live/huge", chunkHeader(head, 0), new Uint8Array(128));
    },
    reason: /16777215/,
  },
  {
    name: "a chunk size of 2^31 - 1 and a message as long as that allows",
    bytes: () => {
      const size = message(SET_CHUNK_SIZE, uint32(0x7fffffff));
      return bytesOf(HELLO, size, chunkHeader({ ...COMMAND, bodyBytes: 0xffffff }, 0));
    },
    reason: /chunk size: 2147483647/,
  },
  {
    name: "a chunk size of 0",
    bytes: () => bytesOf(HELLO, message(SET_CHUNK_SIZE, uint32(0))),
    reason: /chunk size/i,
  },
  {
    name: "a chunk size with the sign bit",
    bytes: () => bytesOf(HELLO, message(SET_CHUNK_SIZE, uint32(0x80000000))),
    reason: /chunk size/i,
  },
  {
    name: "a chunk stream that starts with a type 3 header",
    bytes: () => bytesOf(HELLO, basicHeader(3, 9), new Uint8Array(128)),
    reason: /type 3 on chunk stream 9/,
  },
  {
    name: "publish without connect",
    bytes: () => bytesOf(HELLO, command(1, "publish", 3, null, "x", "live")),
    reason: /connect has to come first/,
  },
  {
    name: "50,000 streams on one connection",
    bytes: () => {
      const create = command(0, "createStream", 2, null);
      return bytesOf(HELLO, connectCommands("host", "live"), repeated(create, 50_000));
    },
    survives: true,
  },
  {
    name: "random bytes after the handshake",
    bytes: () => bytesOf(HELLO, crypto.getRandomValues(new Uint8Array(60_000))),
    reason: /peer broke the protocol/,
  },
  {
    name: "an HTTP request",
    bytes: () => new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n".padEnd(4_000, "x")),
    reason: /Cannot shake hands: first byte is 71/,
  },
  {
    name: "an encrypted handshake",
    bytes: () => bytesOf(6, new Uint8Array(HANDSHAKE_BYTES)),
    reason: /encrypted RTMP/,
  },
];
