/**
 * The file that is published, as the tags the pusher walks through.
 *
 * @module
 */
import { FlvReader } from "../../support/wire/flv_reader.ts";
import { AUDIO, contentOf, DATA, VIDEO } from "../../support/wire/media_message.ts";

export interface SourceTag {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly body: Uint8Array;
  /** It is a frame; metadata and decoder configurations are not. */
  readonly coded: boolean;
}

export interface Source {
  /** Metadata and decoder configurations, sent once. */
  readonly heads: readonly SourceTag[];
  /** Frames in order; after the last the first follows, {@link durationMs} later. */
  readonly tags: readonly SourceTag[];
  /** Where key frames are. */
  readonly gopStarts: readonly number[];
  readonly durationMs: number;
}

/** Reads a whole FLV file whose first frame is a video key frame. */
export function parseSource(file: Uint8Array): Source {
  const all: SourceTag[] = [];
  const reader = new FlvReader(({ typeId, timestampMs, body }) => {
    const kind = typeId === DATA ? "other" : contentOf({ typeId, timestampMs, body }).kind;
    all.push({ typeId, timestampMs, body: body.slice(), coded: kind === "frame" });
  });
  reader.push(file);
  const tags = all.filter(({ coded }) => coded);
  const gopStarts = tags.flatMap((tag, i) => isKeyframe(tag) ? [i] : []);
  const videos = tags.filter(({ typeId }) => typeId === VIDEO);
  // One frame's time more than the last timestamp, or the first frame would collide with it.
  const frameMs = videos[videos.length - 1].timestampMs / (videos.length - 1);
  const durationMs = Math.round(frameMs * videos.length);
  // The end marker and what audio overhangs the picture would come twice or out of order.
  const within = tags.filter(({ timestampMs }) => timestampMs < durationMs);
  const heads = all.filter(({ coded, typeId, body }) => !coded && isHead(typeId, body));
  return { heads, tags: within, gopStarts, durationMs };
}

/** Bytes a second of the stream when each message costs `overheadBytes` besides its body. */
export function bytesPerSecond({ tags, durationMs }: Source, overheadBytes: number): number {
  const bytes = tags.reduce((sum, { body }) => sum + body.length + overheadBytes, 0);
  return bytes / durationMs * 1_000;
}

function isKeyframe({ typeId, body }: SourceTag): boolean {
  return typeId === VIDEO && body[0] >> 4 === 1;
}

/** Metadata and sequence headers, not the end of sequence (packet type 2). */
function isHead(typeId: number, body: Uint8Array): boolean {
  return typeId === DATA || (typeId === AUDIO || typeId === VIDEO) && body[1] === 0;
}
