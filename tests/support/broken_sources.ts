/**
 * Broken sources, made from what ffmpeg wrote: the same bytes with other timestamps, in another
 * order, or with parts left out, as bad encoders send them.
 *
 * @module
 */
import { mediaFile, type MediaName } from "./media_files.ts";
import { AUDIO, contentOf, DATA, VIDEO } from "./wire/media_message.ts";
import { FlvReader } from "./wire/flv_reader.ts";
import type { Publisher } from "./wire/publisher.ts";
import { delay } from "./processes.ts";
import { bytesOf, uint32 } from "./wire/rtmp_bytes.ts";

/** One message of a source. */
export interface SourceMessage {
  readonly typeId: number;
  /** When it is sent, in milliseconds of the true clock. */
  readonly atMs: number;
  /** Presentation time on the true clock; of a frame. */
  readonly presentMs: number;
  /** What its timestamp says, in any range. */
  readonly timestampMs: number;
  readonly body: Uint8Array;
}

export interface BrokenSource {
  readonly name: string;
  readonly media?: MediaName;
  readonly breakIt: (messages: SourceMessage[]) => SourceMessage[];
  /** Repairs that must be counted, and no others. */
  readonly repairs: readonly string[];
  /** Largest change of the skew, in milliseconds; 1 unless the source itself is that wrong. */
  readonly skewMs?: number;
}

const JUMP_AT_MS = 3_000;

/** Adds to the timestamps from a moment on. */
const shifted = (deltaMs: number, fromMs = 0) => (messages: SourceMessage[]) =>
  messages.map((message) =>
    message.atMs < fromMs ? message : { ...message, timestampMs: message.timestampMs + deltaMs }
  );

const only = (...typeIds: number[]) => (messages: SourceMessage[]) =>
  messages.filter(({ typeId }) => typeIds.includes(typeId));

const isFrame = ({ typeId, body }: SourceMessage) =>
  typeId !== DATA && contentOf({ typeId, timestampMs: 0, body }).kind === "frame";

/** Every other picture has the timestamp of the one before. */
function duplicated(messages: SourceMessage[]): SourceMessage[] {
  let pictures = 0;
  let formerMs = 0;
  return messages.map((message) => {
    if (message.typeId !== VIDEO || !isFrame(message)) return message;
    if (pictures++ % 2 === 0) formerMs = message.timestampMs;
    return { ...message, timestampMs: formerMs };
  });
}

/** Presentation times stand where decode times belong. */
function withoutDecodeTimes(messages: SourceMessage[]): SourceMessage[] {
  return messages.map((message) => {
    if (message.typeId !== VIDEO || !isFrame(message)) return message;
    const body = message.body.slice();
    body.fill(0, 2, 5);
    return { ...message, timestampMs: message.presentMs, body };
  });
}

/** Pictures are missing for two seconds, up to a key frame. */
const stalled = (messages: SourceMessage[]) =>
  messages.filter((message) =>
    message.typeId !== VIDEO || !isFrame(message) || message.atMs < 2_000 || message.atMs >= 4_000
  );

/** The encoder starts anew: configurations again, timestamps from zero. */
function restarted(messages: SourceMessage[]): SourceMessage[] {
  const at = messages.findIndex((message) => message.atMs >= JUMP_AT_MS && isKeyframe(message));
  const { atMs } = messages[at];
  const heads = messages.filter((message) => !isFrame(message) && message.atMs === 0)
    .map((message) => ({ ...message, atMs }));
  const rest = messages.slice(at).map((message) => ({
    ...message,
    timestampMs: message.timestampMs - atMs,
  }));
  return [...messages.slice(0, at), ...heads, ...rest];
}

/** The metadata comes after two seconds of media. */
function lateMetadata(messages: SourceMessage[]): SourceMessage[] {
  const data = only(DATA)(messages)[0];
  const rest = only(AUDIO, VIDEO)(messages);
  const at = rest.findIndex(({ atMs }) => atMs >= 2_000);
  const late = { ...data, atMs: rest[at].atMs, timestampMs: rest[at].timestampMs };
  return [...rest.slice(0, at), late, ...rest.slice(at)];
}

/** Filler data (H.264, 7.3.2.7) makes one key frame as large as a frame may be. */
function huge(messages: SourceMessage[]): SourceMessage[] {
  const at = messages.findIndex((message) => message.atMs >= 2_000 && isKeyframe(message));
  const { body } = messages[at];
  const fillerBytes = 8 * 1024 * 1024 - (body.length - 5) - 4;
  const filler = new Uint8Array(fillerBytes).fill(0xff);
  filler[0] = 12;
  filler[fillerBytes - 1] = 0x80;
  const larger = bytesOf(body, uint32(fillerBytes), filler);
  return messages.with(at, { ...messages[at], body: larger });
}

/** From the middle on another picture size, with its own configuration. */
async function resized(): Promise<SourceMessage[]> {
  const small = (await readSource("h264_aac")).filter(({ atMs }) => atMs < JUMP_AT_MS);
  const large = (await readSource("large")).filter(({ typeId }) => typeId !== DATA);
  const later = large.filter(({ atMs }) => atMs < JUMP_AT_MS).map((message) => ({
    ...message,
    atMs: message.atMs + JUMP_AT_MS,
    presentMs: message.presentMs + JUMP_AT_MS,
    timestampMs: message.timestampMs + JUMP_AT_MS,
  }));
  return [...small, ...later];
}

/** The table. */
export const BROKEN_SOURCES: readonly BrokenSource[] = [
  { name: "starts-late", breakIt: shifted(4_000_000_000), repairs: [] },
  { name: "wraps", breakIt: shifted(2 ** 32 - 2_900), repairs: [] },
  { name: "crosses-ffffff", breakIt: shifted(0xffffff - 2_900), repairs: [] },
  { name: "back-2s", breakIt: shifted(-2_000, JUMP_AT_MS), repairs: ["backward"] },
  { name: "back-400ms", breakIt: shifted(-400, JUMP_AT_MS), repairs: ["backward"] },
  {
    name: "back-to-zero",
    breakIt: (all) => shifted(-100_000 - JUMP_AT_MS, JUMP_AT_MS)(shifted(100_000)(all)),
    repairs: ["backward"],
  },
  { name: "forward-1h", breakIt: shifted(3_600_000, JUMP_AT_MS), repairs: ["forward"] },
  { name: "restarts", breakIt: restarted, repairs: ["backward"] },
  {
    name: "no-decode-times",
    breakIt: withoutDecodeTimes,
    repairs: ["reordered"],
    skewMs: 82, // Only the first pictures show how far they are out of order: two come late.
  },
  { name: "duplicates", media: "key_frames", breakIt: duplicated, repairs: ["lifted"], skewMs: 41 },
  { name: "video-stalls", breakIt: stalled, repairs: [] },
  { name: "audio-only", breakIt: only(AUDIO, DATA), repairs: [] },
  { name: "video-only", breakIt: only(VIDEO, DATA), repairs: [] },
  { name: "no-metadata", breakIt: only(VIDEO, AUDIO), repairs: [] },
  { name: "late-metadata", breakIt: lateMetadata, repairs: [] },
  { name: "huge-key-frame", breakIt: huge, repairs: [] },
  { name: "resized", breakIt: (all) => all, repairs: [] },
];

/** The messages of a source, broken. */
export async function brokenMessages(source: BrokenSource): Promise<SourceMessage[]> {
  if (source.name === "resized") return await resized();
  return source.breakIt(await readSource(source.media ?? "h264_aac"));
}

/** The messages of a file, as they are. */
export async function readSource(media: MediaName): Promise<SourceMessage[]> {
  const messages: SourceMessage[] = [];
  const reader = new FlvReader(({ typeId, timestampMs, body }) => {
    // The end of sequence would end the browser's decoder in the middle of a joined source.
    if (typeId === VIDEO && body[1] === 2) return;
    const kept = body.slice();
    const composition = typeId === VIDEO
      ? contentOf({ typeId, timestampMs, body }).compositionMs
      : 0;
    const presentMs = timestampMs + composition;
    messages.push({ typeId, atMs: timestampMs, presentMs, timestampMs, body: kept });
  });
  reader.push(await Deno.readFile(await mediaFile(media)));
  return messages;
}

/** Sends messages in real time. */
export async function sendInTime(
  publisher: Publisher,
  messages: readonly SourceMessage[],
): Promise<void> {
  const startMs = performance.now();
  for (const { typeId, atMs, timestampMs, body } of messages) {
    await delay(Math.max(0, startMs + atMs - performance.now()));
    await publisher.send(typeId, ((timestampMs % 2 ** 32) + 2 ** 32) % 2 ** 32, body);
  }
}

function isKeyframe(message: SourceMessage): boolean {
  const { typeId, body } = message;
  return typeId === VIDEO && isFrame(message) &&
    contentOf({ typeId, timestampMs: 0, body }).keyframe;
}
