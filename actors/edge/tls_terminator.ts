/**
 * Where TLS of all client ports ends: a TLS listener of Deno's on loopback that only this process
 * talks to, one connection a client. See `tls_socket.ts` for the reason.
 *
 * Another certificate is another listener: those who are connected keep the one they met.
 *
 * @module
 */
import type { Timers } from "../runtime/ports.ts";
import { TlsSocket } from "./tls_socket.ts";

/** Where the listener is bound. */
export const TLS_ADDRESS = "127.0.0.1";

/** How long a connection to the own machine may take, in milliseconds: it is immediate, or stuck. */
const PAIR_MS = 2_000;

/** A certificate and what belongs to it, in PEM. The key is a secret. */
export interface TlsPair {
  /** The certificate of this server first, then those of the authorities that lead to it. */
  readonly cert: string;
  readonly key: string;
}

/** The two ends of a way to the engine. */
interface Way {
  readonly inner: Deno.TcpConn;
  readonly engine: Deno.TlsConn;
}

export class TlsTerminator {
  readonly #timers: Timers;
  #listener: Deno.TlsListener;
  /** One at a time: who connects next is who is accepted next. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws {Error} The pair is none, or the listener cannot be bound. */
  constructor(pair: TlsPair, timers: Timers) {
    this.#timers = timers;
    this.#listener = listen(pair);
  }

  /** Clients that come from now on meet this certificate. @throws {Error} The pair is none. */
  renew(pair: TlsPair): void {
    const next = listen(pair);
    this.#inTurn(() => {
      this.#listener.close();
      this.#listener = next;
    });
  }

  /**
   * Puts TLS on a client's connection; the handshake is still to come.
   *
   * @throws {Error} There is no way to the engine: out of descriptors, or stopped.
   */
  async wrap(outer: Deno.TcpConn): Promise<TlsSocket> {
    const way = await this.#inTurn(() => this.#way());
    return new TlsSocket({ ...way, outer, timers: this.#timers });
  }

  /** Takes nobody any more; who is connected stays. */
  stop(): void {
    this.#inTurn(() => this.#listener.close()).catch(() => {}); // Stopped before.
  }

  #inTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {}); // Whoever asked hears of it.
    return done;
  }

  async #way(): Promise<Way> {
    const listener = this.#listener;
    const { port } = listener.addr as Deno.NetAddr;
    const signal = AbortSignal.timeout(PAIR_MS);
    const inner = await Deno.connect({ hostname: TLS_ADDRESS, port, signal });
    try {
      inner.setNoDelay(true);
      for (;;) {
        const engine = await listener.accept();
        if (engine.remoteAddr.port === inner.localAddr.port) return { inner, engine };
        engine.close(); // Another program of this machine.
      }
    } catch (error) {
      inner.close();
      throw error;
    }
  }
}

function listen({ cert, key }: TlsPair): Deno.TlsListener {
  return Deno.listenTls({ hostname: TLS_ADDRESS, port: 0, cert, key });
}
