/**
 * A stream whose every message carries a number, and the check that a viewer got each number once
 * and in order.
 *
 * @module
 */
import { WireError } from "./input.ts";
import { AUDIO, contentOf, DATA, type MediaMessage, VIDEO } from "./media_message.ts";
import { bytesOf, uint32 } from "./rtmp_bytes.ts";
import type { Publisher } from "./publisher.ts";
import { delay } from "../processes.ts";

/** Configurations that ffmpeg 5.1 wrote: x264's for 320x180 Baseline, and AAC-LC stereo 44.1 kHz. */
export const AVC_CONFIG =
  "0142c00cffe100176742c00cda05067e7c0440000003004000000c83c50aa801000468ce0fc8";
const AAC_CONFIG = "1210";

/** Digits of a number; text, so that no start code can appear in it. */
const NUMBER_DIGITS = 10;

export interface NumberedOptions {
  readonly framesPerSecond: number;
  /** Frames from one key frame to the next. */
  readonly gopFrames: number;
  /** Bytes of each video frame. */
  readonly frameBytes: number;
  /** An audio message beside each video frame, of that many bytes; 0 for none. */
  readonly audioBytes: number;
  /** Number of the first message; 0 unless an encoder goes on after it lost its connection. */
  readonly firstNumber?: number;
}

/** Publishes numbered messages in real time until stopped. */
export class NumberedStream {
  /** Number of the last message sent; one less than the first's before it. */
  last: number;
  readonly #publisher: Publisher;
  readonly #options: NumberedOptions;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(publisher: Publisher, options: NumberedOptions) {
    this.#publisher = publisher;
    this.#options = options;
    this.last = (options.firstNumber ?? 0) - 1;
    this.#running = this.#run();
    this.#running.catch(() => {}); // Seen by whoever ends or stops it.
  }

  /** Fulfilled when the server has closed the publisher's connection. */
  get lost(): Promise<string> {
    return this.#publisher.ended;
  }

  /** Ends a stream whose connection is gone already. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running.catch(() => {}); // It noticed the loss while sending.
    this.#publisher.drop();
  }

  /** Ends the stream properly; the number of its last message. */
  async end(): Promise<number> {
    this.#stopped = true;
    await this.#running;
    await this.#publisher.end();
    return this.last;
  }

  async #run(): Promise<void> {
    const { framesPerSecond, gopFrames, frameBytes, audioBytes } = this.#options;
    await this.#publisher.send(VIDEO, 0, bytesOf(0x17, uint32(0), Uint8Array.fromHex(AVC_CONFIG)));
    if (audioBytes > 0) {
      await this.#publisher.send(AUDIO, 0, bytesOf(0xaf, 0, Uint8Array.fromHex(AAC_CONFIG)));
    }
    const startMs = performance.now();
    for (let frame = 0; !this.#stopped; frame++) {
      const timestampMs = Math.round(frame * 1_000 / framesPerSecond);
      await delay(Math.max(0, startMs + timestampMs - performance.now()));
      const keyframe = frame % gopFrames === 0;
      const video = numberedBody(VIDEO, this.last + 1, keyframe, frameBytes);
      await this.#publisher.send(VIDEO, timestampMs, video);
      this.last++;
      if (audioBytes === 0) continue;
      const audio = numberedBody(AUDIO, this.last + 1, false, audioBytes);
      await this.#publisher.send(AUDIO, timestampMs, audio);
      this.last++;
    }
  }
}

/** Body of a numbered message; audio has no key frames apart. */
export function numberedBody(
  typeId: number,
  number: number,
  keyframe: boolean,
  bytes: number,
): Uint8Array {
  if (typeId === AUDIO) return bytesOf(0xaf, 1, payload(number, bytes));
  const nalUnit = bytesOf(keyframe ? 0x65 : 0x41, payload(number, bytes));
  const head = [keyframe ? 0x17 : 0x27, 1, 0, 0, 0];
  return bytesOf(...head, uint32(nalUnit.length), nalUnit);
}

function payload(number: number, bytes: number): Uint8Array {
  const digits = String(number).padStart(NUMBER_DIGITS, "0");
  const filled = new Uint8Array(Math.max(bytes, NUMBER_DIGITS)).fill(0xa5);
  new TextEncoder().encodeInto(digits, filled);
  return filled;
}

function numberOf(typeId: number, payload: Uint8Array): number {
  const at = typeId === VIDEO ? 5 : 0; // Length and header of the NAL unit.
  let number = 0;
  for (let i = at; i < at + NUMBER_DIGITS; i++) number = number * 10 + payload[i] - 48;
  if (Number.isInteger(number) && number >= 0) return number;
  throw new WireError("A frame without its number");
}

/** Follows one viewer's messages. */
export class NumberedCheck {
  /** Number of the first message, -1 before it. */
  first = -1;
  /** Number of the latest message. */
  last = -1;
  /** Numbers that never came. */
  lost = 0;
  /** Numbers that came again or too late. */
  doubled = 0;

  message(message: MediaMessage): void {
    if (message.typeId === DATA) return;
    const { kind, keyframe, payload } = contentOf(message);
    if (kind !== "frame") return;
    const number = numberOf(message.typeId, payload);
    if (this.first < 0) this.#begin(number, message.typeId === VIDEO && keyframe);
    else if (number > this.last) this.lost += number - this.last - 1;
    else this.doubled++;
    this.last = Math.max(this.last, number);
  }

  #begin(number: number, atKeyframe: boolean): void {
    if (!atKeyframe) throw new WireError(`The first frame, number ${number}, is no key frame`);
    this.first = number;
  }
}
