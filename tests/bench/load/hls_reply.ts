/**
 * Walks HTTP answers with a Content-Length, one after the other on one connection.
 *
 * @module
 */

/** Longest head of an answer, in bytes. */
const HEAD_BYTES_MAX = 8 * 1024;

/** Largest body that is kept, in bytes: a playlist of many parts. */
const KEPT_BYTES_MAX = 256 * 1024;

const LATIN = new TextDecoder("latin1");

/** Takes the bytes of one answer in pieces of any size. */
export class HlsReply {
  #head = "";
  #left = -1;
  #keep = false;
  #kept: Uint8Array | undefined;

  /** Forgets the answer before. @param keep Whether the body is wanted or only its end. */
  begin(keep: boolean): void {
    this.#head = "";
    this.#left = -1;
    this.#keep = keep;
    this.#kept = undefined;
  }

  /** The body that was to be kept, as it was sent. */
  get body(): Uint8Array {
    return this.#kept ?? new Uint8Array();
  }

  /** Whether the body of {@link body} is compressed. */
  get gzipped(): boolean {
    return /^Content-Encoding: gzip/im.test(this.#head);
  }

  /** @returns Whether the answer is whole. @throws {Error} It is none that a player can use. */
  feed(bytes: Uint8Array, end: number): boolean {
    let at = 0;
    if (this.#left < 0) {
      const former = this.#head.length;
      this.#head += LATIN.decode(bytes.subarray(0, Math.min(end, HEAD_BYTES_MAX)));
      const blank = this.#head.indexOf("\r\n\r\n");
      if (blank < 0) {
        if (this.#head.length >= HEAD_BYTES_MAX) throw new Error("A head without an end");
        return false;
      }
      this.#head = this.#head.slice(0, blank + 4);
      at = blank + 4 - former;
      this.#left = lengthIn(this.#head);
    }
    if (end - at > this.#left) throw new Error("More than was asked for");
    if (this.#keep) this.#append(bytes.subarray(at, end));
    this.#left -= end - at;
    return this.#left === 0;
  }

  #append(bytes: Uint8Array): void {
    if (this.#left > KEPT_BYTES_MAX) throw new Error(`A playlist of ${this.#left} bytes`);
    const former = this.#kept ?? new Uint8Array();
    this.#kept = new Uint8Array(former.length + bytes.length);
    this.#kept.set(former);
    this.#kept.set(bytes, former.length);
  }
}

function lengthIn(head: string): number {
  const status = head.slice(9, 12);
  if (status !== "200") throw new Error(`The server answered ${status}`);
  const length = /^Content-Length: (\d+)/im.exec(head)?.[1];
  if (length === undefined) throw new Error("An answer without a Content-Length");
  return Number(length);
}
