/**
 * An outlet over a connection that `Deno.listen` accepted.
 *
 * @module
 */
import { Outlet, type OutletEvents, type Traffic } from "./outlet.ts";

export class ConnOutlet extends Outlet {
  readonly #conn: Deno.Conn;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(conn: Deno.Conn, events: OutletEvents, traffic: Traffic) {
    super(events, traffic);
    this.#conn = conn;
  }

  protected override write(bytes: Uint8Array): void {
    this.#rest = bytes;
    this.#conn.write(bytes).then(this.#onWritten, this.#onFailed);
  }

  protected override end(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed by the peer already.
    }
  }

  // Made once per connection: a write must not cost a closure.
  readonly #onWritten = (bytes: number): void => {
    this.took(bytes);
    if (bytes === this.#rest.length) return this.wrote();
    this.write(this.#rest.subarray(bytes));
  };

  readonly #onFailed = (error: unknown): void => {
    this.fail(error instanceof Error ? error.message : String(error));
  };
}
