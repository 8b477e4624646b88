/**
 * An RTMP publisher of the tests' own: sends any message bodies, at any time.
 *
 * @module
 */
import { bytesOf, command, message, uint32 } from "./rtmp_bytes.ts";
import { connectCommands, reconnectUrlOf, RtmpConnection, splitPath } from "./rtmp_connection.ts";
import { AUDIO, DATA, VIDEO } from "./media_message.ts";

/** Chunk size announced before media, in bytes: every frame is one chunk; nginx takes 10 MiB. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** Chunk streams as ffmpeg uses them. */
const CHUNK_STREAM = new Map([[AUDIO, 4], [VIDEO, 6], [DATA, 5]]);

/** A publisher whose publish was answered. */
export class Publisher implements AsyncDisposable {
  /** Code of the answer to publish: "NetStream.Publish.Start" when it was accepted. */
  readonly code: string;
  readonly #connection: RtmpConnection;

  private constructor(connection: RtmpConnection, code: string) {
    this.#connection = connection;
    this.code = code;
  }

  /**
   * Publishes `path`, such as `live/cam`, at `host:port`; `app` is the part to connect to, all but
   * the last element unless given. `onReconnect` is told where the server wants it to go, which it
   * says at connect. @throws {Error} Closed without an answer.
   */
  static async open(
    address: string,
    path: string,
    app?: string,
    onReconnect?: (tcUrl: string) => void,
  ): Promise<Publisher> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const connection = await RtmpConnection.open(address, {
      message: (received) => {
        const tcUrl = reconnectUrlOf(received);
        if (tcUrl !== undefined) onReconnect?.(tcUrl);
      },
      status: (code) => {
        if (!code.startsWith("NetConnection.Connect.Success")) resolve(code);
      },
    });
    promise.catch(() => {}); // Awaited below, unless sending fails first.
    connection.ended.then((reason) => reject(new Error(`Cannot publish ${path}: ${reason}`)));
    const split = splitPath(path, app);
    await connection.send(connectCommands(address, split.app, onReconnect !== undefined));
    await connection.send(bytesOf(
      command(1, "publish", 3, null, split.name, "live"),
      message({ chunkStreamId: 2, typeId: 1 }, uint32(CHUNK_BYTES)),
    ));
    return new Publisher(connection, await promise);
  }

  /** Fulfilled with the reason when the server closed the connection. */
  get ended(): Promise<string> {
    return this.#connection.ended;
  }

  /** Sends one audio, video or data message. */
  send(typeId: number, timestampMs: number, body: Uint8Array): Promise<void> {
    const chunkStreamId = CHUNK_STREAM.get(typeId) ?? 3;
    const head = { chunkStreamId, typeId, streamId: 1, timestampMs };
    return this.#connection.send(message(head, body, CHUNK_BYTES));
  }

  /** Ends the stream properly and leaves. */
  async end(): Promise<void> {
    await this.#connection.send(command(0, "deleteStream", 4, null, 1));
    this.#connection.close();
  }

  /** Leaves without a word. */
  drop(): void {
    this.#connection.close();
  }

  // deno-lint-ignore require-await -- the interface is asynchronous.
  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
  }
}
