/**
 * Links over TCP, in TLS if wanted, with the system's own sockets.
 *
 * @module
 */
import { DialError, type LinkListener, type LinkSocket, type LinkTransport } from "./transport.ts";

/** Certificate and key of this node, and the authority that all nodes' certificates are of. */
export interface LinkTls {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface DenoTransportOptions {
  /** Address that the mesh port is bound to. */
  readonly hostname: string;
  /** 0 = any free one. */
  readonly port: number;
  /** In the clear when left out. */
  readonly tls?: LinkTls;
  /** An accept failed; it goes on. */
  readonly acceptFailed: (error: unknown) => void;
}

/** Pause after an accept that failed (out of descriptors, say), in milliseconds. */
const ACCEPT_RETRY_MS = 100;

export class DenoTransport implements LinkTransport {
  readonly #options: DenoTransportOptions;

  constructor(options: DenoTransportOptions) {
    this.#options = options;
  }

  async dial(address: string, port: number, timeoutMs: number): Promise<LinkSocket> {
    const timeout = AbortSignal.timeout(timeoutMs);
    let conn: Deno.Conn | undefined;
    try {
      const tcp = await Deno.connect({ hostname: address, port, signal: timeout });
      conn = tcp;
      tcp.setNoDelay(true); // What is written has been gathered already.
      const { tls } = this.#options;
      return new ConnSocket(tls === undefined ? tcp : await startTls(tcp, address, tls, timeout));
    } catch (error) {
      close(conn);
      const reason = error instanceof Error ? error.message : String(error);
      throw new DialError(
        `Cannot connect to ${address}:${port}: ${reason}`,
        error instanceof Deno.errors.ConnectionRefused,
      );
    }
  }

  /** @throws {Deno.errors.AddrInUse} And whatever else the system says. */
  listen(accepted: (socket: LinkSocket) => void): LinkListener {
    const { hostname, port, tls } = this.#options;
    const listener: Deno.Listener = tls === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, cert: tls.cert, key: tls.key });
    const listening = { closed: false };
    this.#acceptAll(listener, listening, accepted);
    return {
      port: (listener.addr as Deno.NetAddr).port,
      close() {
        if (!listening.closed) listener.close();
        listening.closed = true;
      },
    };
  }

  async #acceptAll(
    listener: Deno.Listener,
    listening: { readonly closed: boolean },
    accepted: (socket: LinkSocket) => void,
  ): Promise<void> {
    while (!listening.closed) {
      try {
        const conn = await listener.accept();
        if (isTcp(conn)) conn.setNoDelay(true);
        accepted(new ConnSocket(conn));
      } catch (error) {
        if (listening.closed) return;
        this.#options.acceptFailed(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }
}

/**
 * The other node's certificate must be of the mesh's own authority. Its name is not looked at:
 * nodes come and go under changing addresses, and the mesh's secret tells who they are.
 */
async function startTls(
  tcp: Deno.TcpConn,
  hostname: string,
  { ca }: LinkTls,
  timeout: AbortSignal,
): Promise<Deno.TlsConn> {
  const conn = await Deno.startTls(tcp, {
    hostname,
    caCerts: [ca],
    unsafelyDisableHostnameVerification: true,
  });
  const abort = () => close(conn);
  timeout.addEventListener("abort", abort);
  try {
    await conn.handshake();
  } finally {
    timeout.removeEventListener("abort", abort);
  }
  return conn;
}

class ConnSocket implements LinkSocket {
  readonly remoteAddress: string;
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.remoteAddress = (conn.remoteAddr as Deno.NetAddr).hostname;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    close(this.#conn);
  }
}

function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return "setNoDelay" in conn;
}

function close(conn: Deno.Conn | undefined): void {
  try {
    conn?.close();
  } catch {
    // Closed already.
  }
}
