/**
 * A viewer that notices everything: how long nothing came, what was lost or came twice, and where
 * timestamps went back or left a hole.
 *
 * @module
 */
import type { TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { contentOf, type MediaMessage, VIDEO } from "../support/wire/media_message.ts";
import { NumberedCheck } from "../support/wire/numbered.ts";
import { openViewer, type Viewer, type ViewerProtocol } from "../support/wire/viewer.ts";

/** Longest that a properly ended stream takes to end here, in milliseconds. */
const END_MS_MAX = 5_000;

export class Witness {
  readonly node: string;
  readonly protocol: ViewerProtocol;
  readonly check = new NumberedCheck();
  /** Longest time without a picture since {@link Witness.mark}, in milliseconds. */
  gapMs = 0;
  /** Frames whose timestamp was not behind that of the frame of the same kind before. */
  backwards = 0;
  /** Largest step of timestamps from one picture to the next, in milliseconds. */
  stepMs = 0;
  /** Where it was asked to go. */
  asked: string | undefined;
  /** Why it ended; `undefined` while it plays. */
  ended: string | undefined;
  #viewer: Viewer | undefined;
  #pictureAtMs: number | undefined;
  readonly #timestamps = new Map<number, number>();

  private constructor(node: TestNode, protocol: ViewerProtocol) {
    this.node = node.ready.node;
    this.protocol = protocol;
  }

  /** Asks to play; resolves once pictures come. */
  static async open(node: TestNode, protocol: ViewerProtocol, path: string): Promise<Witness> {
    const witness = new Witness(node, protocol);
    const viewer = witness.#viewer = await openViewer({
      ...{ protocol, path, address: node.address(protocol === "rtmp" ? "rtmp" : "http") },
      onMessage: (message) => witness.#message(message),
      onReconnect: (tcUrl) => witness.asked = tcUrl,
    });
    viewer.ended.then((reason) => witness.ended = reason);
    await eventually(`${witness.name} plays`, () => {
      if (witness.ended !== undefined) throw new Error(`${witness.name}: ${witness.ended}`);
      return witness.check.last >= witness.check.first + 4 && witness.check.first >= 0;
    });
    return witness;
  }

  get name(): string {
    return `${this.protocol} at ${this.node}`;
  }

  /** From here on gaps count, the one that has begun included. Gives the longest before. */
  mark(): number {
    const before = this.gapMs;
    this.gapMs = 0;
    return before;
  }

  /** Longest time without a picture so far, the present one included. */
  gapNowMs(): number {
    const presentMs = this.ended === undefined ? performance.now() - (this.#pictureAtMs ?? 0) : 0;
    return Math.max(this.gapMs, presentMs);
  }

  /** What is wrong once its stream was ended after number `last`; `undefined` when nothing is. */
  async fault(last: number): Promise<string | undefined> {
    try {
      await eventually("end", () => this.ended !== undefined, END_MS_MAX);
    } catch {
      return `${this.name} was not ended, at ${this.check.last} of ${last}`;
    }
    if (this.ended !== "end of stream") return `${this.name}: ${this.ended}`;
    return this.check.last === last ? undefined : `${this.name} lacks ${last - this.check.last}`;
  }

  close(): void {
    this.#viewer?.close();
  }

  #message(message: MediaMessage): void {
    this.check.message(message);
    if (contentOf(message).kind !== "frame") return;
    const { typeId, timestampMs } = message;
    const before = this.#timestamps.get(typeId);
    this.#timestamps.set(typeId, timestampMs);
    if (before !== undefined && timestampMs <= before) this.backwards++;
    if (typeId !== VIDEO) return;
    if (before !== undefined) this.stepMs = Math.max(this.stepMs, timestampMs - before);
    const nowMs = performance.now();
    this.gapMs = Math.max(this.gapMs, nowMs - (this.#pictureAtMs ?? nowMs));
    this.#pictureAtMs = nowMs;
  }
}
