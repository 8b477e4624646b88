/**
 * Bytes that have arrived and not been parsed yet.
 *
 * The readers of this folder are the tests' own and share nothing with the code under test: a
 * fault that writer and reader have in common would otherwise stay unseen. They favour strictness
 * over tolerance: whatever looks odd fails the test.
 *
 * @module
 */

/** Most bytes kept unparsed: the largest frame and then some. */
const PENDING_BYTES_MAX = 9 * 1024 * 1024;

/** What was promised about the bytes does not hold. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** A queue of bytes. */
export class Input {
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Bytes not taken yet. */
  get length(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The byte `offset` bytes ahead. */
  peek(offset: number): number {
    return this.#bytes[this.#start + offset];
  }

  /** Big-endian number of 1 to 4 bytes, `offset` bytes ahead. */
  number(offset: number, bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + this.peek(offset + i);
    return value;
  }

  /** The next bytes; valid until the next push. */
  take(bytes: number): Uint8Array {
    if (bytes > this.length) throw new RangeError(`${bytes} bytes asked, ${this.length} there`);
    const view = this.#bytes.subarray(this.#start, this.#start + bytes);
    this.#start += bytes;
    return view;
  }

  #makeRoom(bytes: number): void {
    const needed = this.length + bytes;
    if (needed > PENDING_BYTES_MAX) throw new WireError(`${needed} bytes and no whole message`);
    const next = needed > this.#bytes.length ? new Uint8Array(needed * 2) : this.#bytes;
    next.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = next;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
