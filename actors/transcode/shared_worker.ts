/**
 * One thread for all encoders of the AAC library, which would start one for each.
 *
 * The library makes a `Worker` an encoder although one serves any number of them. Within our own
 * worker its constructor is this class, whose objects share the first real one.
 *
 * @module
 */

/** What the library sends and is sent; the rest of each message is its own matter. */
interface Numbered {
  readonly id: number;
}

type Listener = (event: { readonly data: unknown }) => void;

const RealWorker = globalThis.Worker;

let real: Worker | undefined;
let nextId = 0;
/** Who waits for an answer, by the number that it went under. */
const waiting = new Map<number, { readonly share: SharedWorker; readonly id: number }>();

export class SharedWorker {
  readonly #listeners: Listener[] = [];

  /** @param url Of the library's worker; the same one each time. */
  constructor(url: string | URL, options: WorkerOptions) {
    if (real !== undefined) return;
    real = new RealWorker(url, options);
    real.onmessage = ({ data }: MessageEvent<Numbered>) => answer(data);
  }

  addEventListener(_type: "message", listener: Listener): void {
    this.#listeners.push(listener);
  }

  postMessage(message: Numbered, transfer: Transferable[] = []): void {
    const id = nextId++;
    waiting.set(id, { share: this, id: message.id });
    real!.postMessage({ ...message, id }, transfer);
  }

  /** The thread goes on for the others. */
  terminate(): void {
    this.#listeners.length = 0;
  }

  /** Hands an answer to whom it is for. */
  static answer(share: SharedWorker, data: unknown): void {
    for (const listener of share.#listeners) listener({ data });
  }
}

function answer(data: Numbered): void {
  const asked = waiting.get(data.id);
  if (asked === undefined) return;
  waiting.delete(data.id);
  SharedWorker.answer(asked.share, { ...data, id: asked.id });
}

/** From now on every worker that this thread starts is a share of one. */
export function shareWorkers(): void {
  globalThis.Worker = SharedWorker as unknown as typeof Worker;
}
