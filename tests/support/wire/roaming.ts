/**
 * A numbered stream whose encoder goes where its server asks it to: at a key frame, on a new
 * connection, with the old one still open.
 *
 * @module
 */
import { delay } from "../processes.ts";
import { VIDEO } from "./media_message.ts";
import { AVC_CONFIG, numberedBody } from "./numbered.ts";
import { Publisher } from "./publisher.ts";
import { bytesOf, uint32 } from "./rtmp_bytes.ts";

const FRAMES_PER_SECOND = 25;
const GOP_FRAMES = 10;
const FRAME_BYTES = 1_000;

export class RoamingStream {
  /** Number of the last frame sent; -1 before the first. */
  last = -1;
  /** Addresses that it published at, in order. */
  readonly addresses: string[] = [];
  readonly #path: string;
  readonly #running: Promise<void>;
  #publisher: Publisher | undefined;
  #target: string | undefined;
  #stopped = false;

  constructor(address: string, path: string) {
    this.#path = path;
    this.#target = address;
    this.#running = this.#run();
    this.#running.catch(() => {}); // Seen by whoever ends it.
  }

  /** Ends the stream properly; the number of its last frame. */
  async end(): Promise<number> {
    this.#stopped = true;
    await this.#running;
    await this.#publisher?.end();
    return this.last;
  }

  async #run(): Promise<void> {
    const startMs = performance.now();
    for (let frame = 0; !this.#stopped; frame++) {
      const timestampMs = Math.round(frame * 1_000 / FRAMES_PER_SECOND);
      await delay(Math.max(0, startMs + timestampMs - performance.now()));
      const keyframe = frame % GOP_FRAMES === 0;
      if (keyframe && this.#target !== undefined) await this.#go(this.#target);
      const body = numberedBody(VIDEO, this.last + 1, keyframe, FRAME_BYTES);
      await this.#publisher!.send(VIDEO, timestampMs, body);
      this.last++;
    }
  }

  async #go(address: string): Promise<void> {
    this.#target = undefined;
    const former = this.#publisher;
    const onReconnect = (tcUrl: string) => void (this.#target = new URL(tcUrl).host);
    const publisher = await Publisher.open(address, this.#path, undefined, onReconnect);
    if (publisher.code !== "NetStream.Publish.Start") {
      throw new Error(`Cannot publish ${this.#path} at ${address}: ${publisher.code}`);
    }
    this.#publisher = publisher;
    this.addresses.push(address);
    const config = bytesOf(0x17, uint32(0), Uint8Array.fromHex(AVC_CONFIG));
    await publisher.send(VIDEO, 0, config);
    former?.drop();
  }
}
