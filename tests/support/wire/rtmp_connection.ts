/**
 * An RTMP connection of the tests' own: handshake, commands, acknowledgements, pings.
 *
 * @module
 */
import { bytesOf, C0_C1, C2, command, HANDSHAKE_BYTES, message, uint32 } from "./rtmp_bytes.ts";
import { type RtmpMessage, RtmpReader } from "./rtmp_reader.ts";
import { dial, tcUrlOf } from "./dial.ts";
import { WireError } from "./input.ts";

/** Message types (RTMP 1.0, sections 5.4 and 7.1). */
const TYPE = { acknowledgement: 3, userControl: 4, windowSize: 5, command: 20 } as const;
const PING = 6;
const PONG = 7;

/** Enough for a few milliseconds of a fast stream; there are thousands of connections. */
const READ_BYTES = 16 * 1024;

export interface RtmpEvents {
  /** Every message except the handshake's and chunk sizes; the body is valid during the call. */
  message(message: RtmpMessage): void;
  /** Code of an onStatus command or of a refused connect, such as "NetStream.Play.Start". */
  status(code: string): void;
}

/** A connection after its handshake. */
export class RtmpConnection implements Disposable {
  /** Fulfilled with the reason when nothing more will come. */
  readonly ended: Promise<string>;
  readonly #conn: Deno.Conn;
  readonly #events: RtmpEvents;
  #window = Infinity;
  #unacknowledged = 0;
  #received = 0;

  private constructor(conn: Deno.Conn, events: RtmpEvents) {
    this.#conn = conn;
    this.#events = events;
    this.ended = this.#read();
  }

  /** Connects to `host:port`, or in TLS to `tls:host:port`, and shakes hands. */
  static async open(address: string, events: RtmpEvents): Promise<RtmpConnection> {
    const conn = await dial(address);
    try {
      await writeAll(conn, C0_C1);
      await readExactly(conn, 1 + 2 * HANDSHAKE_BYTES);
      await writeAll(conn, C2);
    } catch (error) {
      conn.close();
      throw error;
    }
    return new RtmpConnection(conn, events);
  }

  send(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#conn, bytes);
  }

  close(): void {
    closeQuietly(this.#conn);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<string> {
    const reader = new RtmpReader((message) => this.#message(message));
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (true) {
        const count = await this.#conn.read(buffer);
        if (count === null) return "closed";
        this.#count(count);
        reader.push(buffer.subarray(0, count));
      }
    } catch (error) {
      this.close();
      if (error instanceof WireError) return `wrong: ${error.message}`;
      return `lost: ${error instanceof Error ? error.name : error}`;
    }
  }

  #count(bytes: number): void {
    this.#received += bytes;
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < this.#window) return;
    this.#unacknowledged = 0;
    this.#reply(TYPE.acknowledgement, uint32(this.#received % 2 ** 32));
  }

  #message(received: RtmpMessage): void {
    const { typeId, body } = received;
    if (typeId === TYPE.windowSize) this.#window = new DataView(body.slice().buffer).getUint32(0);
    if (typeId === TYPE.userControl && body[1] === PING) {
      this.#reply(TYPE.userControl, bytesOf(0, PONG, body.subarray(2)));
    }
    if (typeId === TYPE.command) {
      const text = new TextDecoder("latin1").decode(body);
      const code = /Net(?:Stream|Connection)(?:\.\w+){2,}/.exec(text)?.[0];
      if (code !== undefined) this.#events.status(code);
    }
    this.#events.message(received);
  }

  #reply(typeId: number, body: Uint8Array): void {
    // A peer that is gone is noticed by the reader.
    this.send(message({ chunkStreamId: 2, typeId }, body)).catch(() => this.close());
  }
}

/** Enhanced RTMP v2: the client understands NetConnection.Connect.ReconnectRequest. */
const CAPS_EX_RECONNECT = 1;

/** What a client of `app` sends to create the first message stream of a connection. */
export function connectCommands(address: string, app: string, reconnects = false): Uint8Array {
  const tcUrl = tcUrlOf(address, app);
  const capsEx: Record<string, number> = reconnects ? { capsEx: CAPS_EX_RECONNECT } : {};
  return bytesOf(
    command(0, "connect", 1, { app, flashVer: "LNX 9,0,124,2", tcUrl, fpad: false, ...capsEx }),
    command(0, "createStream", 2, null),
  );
}

/** `tcUrl` of a request to reconnect; `undefined` when the message is something else. */
export function reconnectUrlOf({ typeId, body }: RtmpMessage): string | undefined {
  if (typeId !== TYPE.command) return undefined;
  const text = new TextDecoder("latin1").decode(body);
  if (!text.includes("NetConnection.Connect.ReconnectRequest")) return undefined;
  // A key, the marker of a string, and the string's length in two bytes.
  // deno-lint-ignore no-control-regex -- they are in the bytes.
  const at = /tcUrl\x02/.exec(text);
  if (at === null) throw new WireError("A request to reconnect without tcUrl");
  const start = at.index + at[0].length;
  const length = body[start] * 256 + body[start + 1];
  return text.slice(start + 2, start + 2 + length);
}

/** Where a client splits a path: at `app` when given, else at the last slash. */
export function splitPath(path: string, app?: string): { app: string; name: string } {
  const end = app === undefined ? Math.max(path.lastIndexOf("/"), 0) : app.length;
  return { app: path.slice(0, end), name: path.slice(end).replace(/^\//, "") };
}

/** Connects to `host:port`, as real clients do without Nagle's delays. */
export async function connectTo(address: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(`http://${address}`);
  const conn = await Deno.connect({ hostname, port: Number(port) });
  conn.setNoDelay(true);
  return conn;
}

export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function readExactly(conn: Deno.Conn, bytes: number): Promise<void> {
  const buffer = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const count = await conn.read(buffer.subarray(at));
    if (count === null) throw new WireError("Closed during the handshake");
    at += count;
  }
}

export function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // Closed already.
  }
}
