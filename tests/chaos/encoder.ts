/**
 * An encoder with numbered frames that comes back when it loses its connection, as encoders do: at
 * another node, with a timeline of its own that begins at zero again.
 *
 * @module
 */
import { LIGHT } from "../support/live.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { type NumberedOptions, NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";

/** Pause after a refusal, in milliseconds. */
const RETRY_MS = 20;

/** Longest it tries to come back, in milliseconds. */
const RETRY_MS_MAX = 20_000;

export interface EncoderOptions {
  /** Where it comes back to. */
  readonly elsewhere: () => TestNode;
  /** How long it takes until it tries, in milliseconds; not at all unless said. */
  readonly awayMs?: number;
  /** What it sends; a light stream with sound unless said. */
  readonly shape?: NumberedOptions;
}

export class Encoder {
  /** Times that it lost its connection and came back. */
  reconnects = 0;
  /** The node that it publishes at; `undefined` while it is on its way to another one. */
  at: string | undefined;
  readonly #path: string;
  readonly #options: EncoderOptions;
  readonly #following: Promise<void>;
  #stream: NumberedStream;
  #stopped = false;

  private constructor(stream: NumberedStream, path: string, at: string, options: EncoderOptions) {
    this.#stream = stream;
    this.#path = path;
    this.at = at;
    this.#options = options;
    this.#following = this.#follow();
    this.#following.catch(() => {}); // Seen by whoever ends it.
  }

  static async open(node: TestNode, path: string, options: EncoderOptions): Promise<Encoder> {
    const stream = await publishAt(node, path, options.shape ?? LIGHT);
    return new Encoder(stream, path, node.ready.node, options);
  }

  /** Number of the last message sent. */
  get last(): number {
    return this.#stream.last;
  }

  /** Ends the stream properly. */
  async end(): Promise<void> {
    this.#stopped = true;
    await this.#stream.end();
    await this.#following;
  }

  /** Leaves, whatever became of the stream. */
  async drop(): Promise<void> {
    this.#stopped = true;
    await this.#stream.stop();
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      await this.#stream.lost;
      if (this.#stopped) return;
      this.at = undefined;
      await this.#stream.stop();
      await delay(this.#options.awayMs ?? 0);
      this.#stream = await this.#comeBack(this.#stream.last + 1);
      this.reconnects++;
    }
  }

  async #comeBack(number: number): Promise<NumberedStream> {
    const untilMs = performance.now() + RETRY_MS_MAX;
    for (;;) {
      try {
        const { elsewhere, shape = LIGHT } = this.#options;
        const node = elsewhere();
        const stream = await publishAt(node, this.#path, { ...shape, firstNumber: number });
        this.at = node.ready.node;
        return stream;
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}

/** @throws {Error} The node is gone, or refused. */
async function publishAt(
  node: TestNode,
  path: string,
  options: NumberedOptions,
): Promise<NumberedStream> {
  const publisher = await Publisher.open(node.address("rtmp"), path);
  if (publisher.code === "NetStream.Publish.Start") {
    return new NumberedStream(publisher, options);
  }
  publisher.drop();
  throw new Error(`Cannot publish ${path}: ${publisher.code}`);
}
