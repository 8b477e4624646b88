/**
 * The limit the gate measures against: a loop that does nothing but write.
 *
 *     deno run --allow-net tests/bench/bare_loop.ts '{"windowMs":100, ...}'
 *
 * It accepts connections and writes one shared page to each in every window, at most one write
 * outstanding per socket, by `conn.write`, which the node uses for every protocol. The ready line
 * is `{"event":"listening","address":"127.0.0.1:PORT"}`.
 *
 * @module
 */

export interface BareLoopOptions {
  readonly windowMs: number;
  readonly pageBytes: number;
  /** Keeps a read into a buffer of that size pending, as a server does. */
  readonly readBytes?: number;
}

const sinks = new Set<ConnSink>();

/** One socket: what it owes is at most one write. */
class ConnSink {
  readonly #conn: Deno.Conn;
  #busy = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Writes `page`, unless the write before is not done. */
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

function main({ windowMs, pageBytes, readBytes }: BareLoopOptions): void {
  const port = listen(readBytes);
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

function listen(readBytes: number | undefined): number {
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

if (import.meta.main) main(JSON.parse(Deno.args[0]) as BareLoopOptions);
