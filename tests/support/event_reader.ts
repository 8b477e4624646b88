/**
 * Follows `/api/v1/events` of a node.
 *
 * @module
 */
import { TEST_TOKEN, type TestNode } from "./node_process.ts";
import { delay, eventually } from "./processes.ts";

/** An event as it was told. */
export type ToldEvent = Readonly<Record<string, unknown>> & { readonly kind: string };

/** Everything that a node has told since this began. */
export class EventReader implements AsyncDisposable {
  readonly events: ToldEvent[] = [];
  readonly #over = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  /** Resolves when the node tells from now on. */
  static async open(node: TestNode): Promise<EventReader> {
    const reader = new EventReader();
    const response = await fetch(node.httpUrl("api/v1/events"), {
      headers: { authorization: `Bearer ${TEST_TOKEN}` },
      signal: reader.#over.signal,
    });
    if (!response.ok) throw new Error(`Cannot follow events: ${response.status}`);
    reader.#reading = reader.#read(response.body!).catch(() => {});
    return reader;
  }

  /** Waits for an event that `matches`. */
  wait(what: string, matches: (event: ToldEvent) => boolean): Promise<ToldEvent> {
    return eventually(`event: ${what}`, () => this.events.find(matches));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    // A body that is aborted while nothing comes may not tell its reader.
    await Promise.race([this.#reading, delay(500)]);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const messages = text.split("\n\n");
      text = messages.pop()!;
      for (const message of messages) {
        const [, kind, data] = /^event: (.+)\ndata: (.+)$/.exec(message) ?? [];
        if (kind !== undefined) this.events.push({ ...JSON.parse(data), kind });
      }
    }
  }
}
