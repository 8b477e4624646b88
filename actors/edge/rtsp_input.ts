/**
 * Where an RTSP connection's bytes come from: its socket, or the half of a tunnel.
 *
 * @module
 */

/** Reads as a socket does. */
export interface RtspInput {
  /** Fills the front of `buffer`; resolves to how many bytes, `null` when there are no more. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** A socket of which the first bytes were read already. */
export class BegunInput implements RtspInput {
  readonly #conn: RtspInput;
  #first: Uint8Array;

  constructor(first: Uint8Array, conn: RtspInput) {
    this.#first = first;
    this.#conn = conn;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#first.length === 0) return this.#conn.read(buffer);
    const bytes = Math.min(this.#first.length, buffer.length);
    buffer.set(this.#first.subarray(0, bytes));
    this.#first = this.#first.subarray(bytes);
    return Promise.resolve(bytes);
  }
}

/** Bytes that somebody else puts in; it holds no more than were put in at a time. */
export class PushedInput implements RtspInput {
  #bytes: Uint8Array = new Uint8Array(0);
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** Resolves when all of `bytes`, which are borrowed until then, were read, or nobody reads. */
  async push(bytes: Uint8Array): Promise<void> {
    while (this.#bytes.length > 0 && !this.#ended) await this.#untilRead();
    this.#bytes = bytes;
    this.#wakeReader?.();
    while (this.#bytes.length > 0 && !this.#ended) await this.#untilRead();
  }

  /** Nothing comes any more. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#bytes.length === 0) {
      if (this.#ended) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeReader = resolve;
      await promise;
    }
    const bytes = Math.min(this.#bytes.length, buffer.length);
    buffer.set(this.#bytes.subarray(0, bytes));
    this.#bytes = this.#bytes.subarray(bytes);
    if (this.#bytes.length === 0) this.#wakeWriter?.();
    return bytes;
  }

  /** Writers wait for the same moment, so each wakes the one before it. */
  #untilRead(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#wakeWriter;
    this.#wakeWriter = () => {
      before?.();
      resolve();
    };
    return promise;
  }
}
