/**
 * Writes lines to a file or pipe without ever waiting for its reader: one write at a time, and a
 * bounded backlog that drops its oldest lines and says how many.
 *
 * @module
 */

/** Most bytes that wait for a slow reader: some thousand lines. */
const BACKLOG_BYTES_MAX = 1_048_576;

/** Writes all of `bytes`, or rejects. */
export type WriteAll = (bytes: Uint8Array) => Promise<void>;

/** The writing end of a log. */
export class LineWriter {
  readonly #writeAll: WriteAll;
  readonly #droppedLine: (count: number) => string;
  readonly #encoder = new TextEncoder();
  #backlog: Uint8Array[] = [];
  #backlogBytes = 0;
  #dropped = 0;
  /** The write under way, if any. */
  #writing: Promise<void> | undefined;

  /** `droppedLine` words the line that stands where `count` lines are missing. */
  constructor(writeAll: WriteAll, droppedLine: (count: number) => string) {
    this.#writeAll = writeAll;
    this.#droppedLine = droppedLine;
  }

  /** Takes a line without its line feed; returns at once. */
  write(line: string): void {
    const bytes = this.#encoder.encode(`${line}\n`);
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.length;
    while (this.#backlogBytes > BACKLOG_BYTES_MAX) {
      this.#backlogBytes -= this.#backlog.shift()!.length;
      this.#dropped++;
    }
    this.#writing ??= this.#drainBacklog();
  }

  /** Resolves when everything taken so far is written, or cannot be. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drainBacklog(): Promise<void> {
    while (this.#backlog.length > 0) {
      const parts = this.#backlog;
      if (this.#dropped > 0) {
        parts.unshift(this.#encoder.encode(`${this.#droppedLine(this.#dropped)}\n`));
      }
      this.#backlog = [];
      this.#backlogBytes = 0;
      this.#dropped = 0;
      // A reader that is gone must not end the node; its lines go nowhere.
      await this.#writeAll(joined(parts)).catch(() => {});
    }
    this.#writing = undefined;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
