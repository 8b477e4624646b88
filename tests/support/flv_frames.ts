/**
 * Frames of an FLV file or body as the tests' own reader sees them: for codecs that the test
 * machine's ffmpeg cannot read in FLV.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { FrameDigest, Frames } from "./frames.ts";
import { FlvReader } from "./wire/flv_reader.ts";
import { contentOf, DATA, type MediaMessage, VIDEO } from "./wire/media_message.ts";

/** Collects frames and configurations from media messages. */
export class FrameCollector {
  readonly #video: FrameDigest[] = [];
  readonly #audio: FrameDigest[] = [];
  /** Digests of the configurations, in order, "video" or "audio" in front. */
  readonly configurations: string[] = [];

  message(message: MediaMessage): void {
    if (message.typeId === DATA) return;
    const { kind, keyframe, compositionMs, payload } = contentOf(message);
    const digest = createHash("md5").update(payload).digest("hex");
    const track = message.typeId === VIDEO ? "video" : "audio";
    if (kind === "configuration") this.configurations.push(`${track} ${digest}`);
    if (kind !== "frame") return;
    (track === "video" ? this.#video : this.#audio).push({
      dtsUs: message.timestampMs * 1_000,
      ptsUs: (message.timestampMs + compositionMs) * 1_000,
      bytes: payload.length,
      digest,
      keyframe,
    });
  }

  get frames(): Frames {
    return { video: this.#video, audio: this.#audio };
  }
}

/** Frames and configurations of FLV bytes. */
export function collectFlv(bytes: Uint8Array): FrameCollector {
  const collector = new FrameCollector();
  new FlvReader((message) => collector.message(message)).push(bytes);
  return collector;
}

/** All tags of FLV bytes, their bodies kept. */
export function flvTags(bytes: Uint8Array): MediaMessage[] {
  const tags: MediaMessage[] = [];
  const reader = new FlvReader((tag) => tags.push({ ...tag, body: tag.body.slice() }));
  reader.push(bytes);
  return tags;
}
