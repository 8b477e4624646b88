/**
 * The house's own RTMP client session on a real socket.
 *
 * @module
 */
import { HANDSHAKE_BYTES } from "../../protocols/rtmp/handshake.ts";
import {
  ClientSession,
  type ClientSessionEvents,
  type ClientSessionOptions,
} from "../../protocols/rtmp/client_session.ts";
import { closeQuietly, connectTo, writeAll } from "./wire/rtmp_connection.ts";

const READ_BYTES = 64 * 1024;

export interface SessionClient extends Disposable {
  readonly session: ClientSession;
  /** Fulfilled when publishing or playing has begun; rejected with the refusal's code. */
  readonly ready: Promise<void>;
  /** Fulfilled with the code when the server ended it, or with "closed". */
  readonly ended: Promise<string>;
  /** Sends what the session has to send. */
  flush(): Promise<void>;
}

export type SessionClientOptions = Omit<ClientSessionOptions, "random" | "tcUrl"> & {
  /** "user:pass" for `tcUrl`, percent-encoded. */
  readonly userInfo?: string;
};

/** Connects to `host:port`. */
export async function openSession(
  address: string,
  options: SessionClientOptions,
  onMedia: ClientSessionEvents["media"] = () => {},
): Promise<SessionClient> {
  const conn = await connectTo(address);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // Some tests only care for the end.
  let code = "closed";
  const session = new ClientSession({
    status: () => {},
    ready: () => ready.resolve(),
    media: onMedia,
    ended: (reason) => {
      code = reason;
      ready.reject(new Error(reason));
    },
  }, {
    ...options,
    tcUrl: `rtmp://${
      options.userInfo === undefined ? "" : `${options.userInfo}@`
    }${address}/${options.app}`,
    random: crypto.getRandomValues(new Uint8Array(HANDSHAKE_BYTES)),
  });
  const flush = async () => {
    const output = session.takeOutput();
    if (output !== undefined) await writeAll(conn, output);
  };
  const run = async () => {
    const buffer = new Uint8Array(READ_BYTES);
    await flush();
    try {
      while (session.state !== "ended") {
        const count = await conn.read(buffer);
        if (count === null) break;
        session.feed(buffer.subarray(0, count));
        await flush();
      }
    } catch (error) {
      if (!closed(error)) throw error;
    }
    closeQuietly(conn);
    return code;
  };
  return {
    session,
    ready: ready.promise,
    ended: run(),
    flush,
    [Symbol.dispose]: () => closeQuietly(conn),
  };
}

/** Errors of a socket that we closed ourselves. */
function closed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
