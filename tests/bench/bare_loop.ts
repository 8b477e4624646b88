/**
 * The limit the gate measures against: a loop that does nothing but write.
 *
 *     deno run --allow-net tests/bench/bare_loop.ts '{"call":"conn.write", ...}'
 *
 * It accepts connections and writes one shared page to each in every window, at most one write
 * outstanding per socket, by the same call that the node uses for the protocol. The ready line
 * is `{"event":"listening","address":"127.0.0.1:PORT"}`.
 *
 * @module
 */
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface BareLoopOptions {
  /** Deno's own socket, as RTMP viewers have it, or `node:net`'s. */
  readonly call: "conn.write" | "socket.write";
  readonly windowMs: number;
  readonly pageBytes: number;
  /** Keeps a read into a buffer of that size pending, as a server does; `conn.write` only. */
  readonly readBytes?: number;
}

/** One socket: what it owes is at most one write. */
interface Sink {
  /** Writes `page`, unless the write before is not done. */
  write(page: Uint8Array): void;
}

const sinks = new Set<Sink>();

class ConnSink implements Sink {
  readonly #conn: Deno.Conn;
  #busy = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  write(page: Uint8Array): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#conn.write(page).then(this.#onWritten, this.#onFailed);
  }

  readonly #onWritten = (): void => {
    this.#busy = false;
  };

  readonly #onFailed = (): void => {
    sinks.delete(this);
  };
}

class SocketSink implements Sink {
  readonly #socket: Socket;
  #busy = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(page: Uint8Array): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#socket.write(page, this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    this.#busy = false;
    if (error) sinks.delete(this);
  };
}

async function main(options: BareLoopOptions): Promise<void> {
  const { call, windowMs, pageBytes } = options;
  const port = call === "conn.write" ? listenConn(options.readBytes) : await listenSocket();
  console.log(JSON.stringify({ event: "listening", address: `127.0.0.1:${port}` }));
  const page = new Uint8Array(pageBytes).fill(0x5a);
  let dueMs = performance.now() + windowMs;
  const tick = () => {
    for (const sink of sinks) sink.write(page);
    dueMs = Math.max(dueMs + windowMs, performance.now());
    setTimeout(tick, dueMs - performance.now());
  };
  setTimeout(tick, windowMs);
}

function listenConn(readBytes: number | undefined): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const conn of listener) {
      conn.setNoDelay(true);
      const sink = new ConnSink(conn);
      sinks.add(sink);
      if (readBytes === undefined) continue;
      readToEnd(conn, readBytes).finally(() => sinks.delete(sink));
    }
  })();
  return (listener.addr as Deno.NetAddr).port;
}

/** Resolves when nothing more will come. */
async function readToEnd(conn: Deno.Conn, readBytes: number): Promise<void> {
  const buffer = new Uint8Array(readBytes);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    return; // The viewer is gone, which is how a run ends.
  }
}

async function listenSocket(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    const sink = new SocketSink(socket);
    sinks.add(sink);
    socket.on("error", () => sinks.delete(sink));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]) as BareLoopOptions);
