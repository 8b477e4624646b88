/**
 * A viewer of the tests' own, over RTMP, HTTP-FLV or WebSocket-FLV. It parses all it gets.
 *
 * @module
 */
import { dial } from "./dial.ts";
import { FlvReader } from "./flv_reader.ts";
import { WireError } from "./input.ts";
import { AUDIO, DATA, type MediaMessage, VIDEO } from "./media_message.ts";
import { command } from "./rtmp_bytes.ts";
import {
  closeQuietly,
  connectCommands,
  reconnectUrlOf,
  RtmpConnection,
  splitPath,
  writeAll,
} from "./rtmp_connection.ts";
import { WebSocketReader } from "./websocket_reader.ts";

export const VIEWER_PROTOCOLS = ["rtmp", "http-flv", "ws-flv"] as const;
export type ViewerProtocol = typeof VIEWER_PROTOCOLS[number];

export interface ViewerOptions {
  readonly protocol: ViewerProtocol;
  /** `host:port` of the listener, `tls:host:port` of one in TLS. */
  readonly address: string;
  /** Path in URLs, such as `live/cam`. */
  readonly path: string;
  /** The part of the path that RTMP connects to; all but the last element unless given. */
  readonly app?: string;
  /** Sees each audio, video and data message. */
  readonly onMessage?: (message: MediaMessage) => void;
  /** Told where an RTMP server wants it to go, which it then says at connect that it understands. */
  readonly onReconnect?: (tcUrl: string) => void;
}

/** A connection that plays. */
export interface Viewer extends Disposable {
  /**
   * Why nothing more came: "end of stream", "closed", "refused: ..." with the code or HTTP status,
   * or "wrong: ..." when the server sent what its protocol does not allow.
   */
  readonly ended: Promise<string>;
  close(): void;
}

const READ_BYTES = 16 * 1024;

/** Most bytes an HTTP response head may take. */
const HEAD_BYTES_MAX = 8 * 1024;

/** Codes with which an RTMP server ends a play. */
const END_CODES = ["NetStream.Play.UnpublishNotify", "NetStream.Play.Stop"];
const REFUSAL = /NetStream\.Play\.(?:StreamNotFound|Failed)|NetConnection\.Connect\.Rejected/;

/** Connects and asks to play. @throws {Error} Nobody listens. */
export function openViewer(options: ViewerOptions): Promise<Viewer> {
  return options.protocol === "rtmp" ? openRtmp(options) : openHttp(options);
}

async function openRtmp(options: ViewerOptions): Promise<Viewer> {
  const { address, onMessage, onReconnect } = options;
  const { app, name } = splitPath(options.path, options.app);
  let reason: string | undefined;
  const connection = await RtmpConnection.open(address, {
    message: (received) => {
      const { typeId, timestampMs, body } = received;
      const tcUrl = reconnectUrlOf(received);
      if (tcUrl !== undefined) onReconnect?.(tcUrl);
      if (typeId !== AUDIO && typeId !== VIDEO && typeId !== DATA) return;
      if (reason !== undefined) throw new WireError(`Media after ${reason}`);
      onMessage?.({ typeId, timestampMs, body });
    },
    status: (code) => {
      if (END_CODES.includes(code)) reason = "end of stream";
      else if (REFUSAL.test(code)) reason = `refused: ${code}`;
      if (reason !== undefined) connection.close();
    },
  });
  await connection.send(connectCommands(address, app, onReconnect !== undefined));
  await connection.send(command(1, "play", 3, null, name, -2000));
  return {
    ended: connection.ended.then((fallback) => reason ?? fallback),
    close: () => connection.close(),
    [Symbol.dispose]: () => connection.close(),
  };
}

async function openHttp(options: ViewerOptions): Promise<Viewer> {
  const conn = await dial(options.address);
  const lines = [`GET /${options.path}.flv HTTP/1.1`, `Host: ${options.address}`];
  if (options.protocol === "ws-flv") {
    // RFC 6455, section 1.3, has this key and its answer as the example.
    lines.push("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
    lines.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
  }
  await writeAll(conn, new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  const close = () => closeQuietly(conn);
  return { ended: readHttp(conn, options), close, [Symbol.dispose]: close };
}

async function readHttp(conn: Deno.Conn, options: ViewerOptions): Promise<string> {
  const flv = new FlvReader((message) => options.onMessage?.(message));
  const frames = new WebSocketReader({
    binary: (payload) => flv.push(payload),
    close: (code) => {
      closeCode = code;
    },
  });
  let closeCode: number | undefined;
  const websocket = options.protocol === "ws-flv";
  const push = (bytes: Uint8Array) => websocket ? frames.push(bytes) : flv.push(bytes);
  const buffer = new Uint8Array(READ_BYTES);
  try {
    const { status, rest } = await readHead(conn, websocket ? 101 : 200);
    if (status !== undefined) return `refused: ${status}`;
    push(rest);
    while (true) {
      const count = await conn.read(buffer);
      if (count === null) break;
      push(buffer.subarray(0, count));
    }
    // A body that is cut within a tag was not ended but lost.
    if (!flv.atTagEnd) return "closed";
    return websocket && closeCode !== 1000 ? `closed: ${closeCode}` : "end of stream";
  } catch (error) {
    if (error instanceof WireError) return `wrong: ${error.message}`;
    return `lost: ${error instanceof Error ? error.name : error}`;
  } finally {
    closeQuietly(conn);
  }
}

/** Reads the response head; `status` is given only when it is not the `wanted` one. */
async function readHead(
  conn: Deno.Conn,
  wanted: number,
): Promise<{ status?: number; rest: Uint8Array }> {
  let head = new Uint8Array(0);
  const buffer = new Uint8Array(READ_BYTES);
  while (head.length < HEAD_BYTES_MAX) {
    const count = await conn.read(buffer);
    if (count === null) throw new WireError("Closed within the response head");
    const grown = new Uint8Array(head.length + count);
    grown.set(head);
    grown.set(buffer.subarray(0, count), head.length);
    head = grown;
    const text = new TextDecoder("latin1").decode(head);
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
    return { status: status === wanted ? undefined : status, rest: head.subarray(end + 4) };
  }
  throw new WireError(`A response head of more than ${HEAD_BYTES_MAX} bytes`);
}
