/**
 * Frames as other people's programs see them, and the comparison that calls a delivery exact.
 *
 * @module
 */
import { runTool } from "./processes.ts";

/** Microseconds in a second. */
const SECOND_US = 1_000_000;

/** Room for the packet lists of a minute of media, in characters. */
const LIST_MAX = 16 * 1024 * 1024;

/** One packet of a file or stream. */
export interface FrameDigest {
  readonly dtsUs: number;
  readonly ptsUs: number;
  readonly bytes: number;
  /** MD5 of the packet's bytes. */
  readonly digest: string;
  /** Known from ffprobe only. */
  readonly keyframe?: boolean;
}

/** Packets by kind of track, in the order they came. */
export interface Frames {
  readonly video: readonly FrameDigest[];
  readonly audio: readonly FrameDigest[];
}

export interface ReadOptions {
  /** Stops after that many seconds of media; else at the end. */
  readonly seconds?: number;
  /** Options in front of the input, such as a bit stream filter's. */
  readonly inputArgs?: readonly string[];
  readonly outputArgs?: readonly string[];
  readonly timeoutMs?: number;
}

/** What ffmpeg receives when it copies `input`: its `framemd5` of every packet. */
export async function frameMd5(input: string, options: ReadOptions = {}): Promise<Frames> {
  const text = await runTool("ffmpeg", [
    ...["-nostdin", "-v", "error", ...(options.inputArgs ?? []), "-i", input],
    ...(options.seconds === undefined ? [] : ["-t", String(options.seconds)]),
    // Without copyinkf ffmpeg would hide what comes in front of a key frame.
    ...["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-copyinkf", ...(options.outputArgs ?? [])],
    ...["-f", "framemd5", "-"],
  ], { timeoutMs: options.timeoutMs ?? 90_000, outputMax: LIST_MAX });
  return parseFrameMd5(text);
}

/** Reads ffmpeg's `framemd5` text. */
export function parseFrameMd5(text: string): Frames {
  const tickUs = new Map<string, number>();
  const kinds = new Map<string, string>();
  const frames: { video: FrameDigest[]; audio: FrameDigest[] } = { video: [], audio: [] };
  for (const line of text.split("\n")) {
    const header = /^#(tb|media_type) (\d+): (.+)$/.exec(line);
    if (header !== null) {
      const [, field, stream, value] = header;
      if (field === "media_type") kinds.set(stream, value.trim());
      else tickUs.set(stream, SECOND_US * fraction(value));
      continue;
    }
    if (line === "" || line.startsWith("#")) continue;
    const [stream, dts, pts, , bytes, digest] = line.split(",").map((cell) => cell.trim());
    const kind = kinds.get(stream);
    if (kind !== "video" && kind !== "audio") continue;
    const tick = tickUs.get(stream) ?? NaN;
    frames[kind].push({
      dtsUs: Math.round(Number(dts) * tick),
      ptsUs: Math.round(Number(pts) * tick),
      bytes: Number(bytes),
      digest,
    });
  }
  return frames;
}

/** What ffprobe receives, with key frames marked. */
export async function probeFrames(input: string, options: ReadOptions = {}): Promise<Frames> {
  const text = await runTool("ffprobe", [
    ...["-v", "error", ...(options.inputArgs ?? [])],
    ...(options.seconds === undefined ? [] : ["-read_intervals", `%+${options.seconds}`]),
    ...["-show_data_hash", "md5", "-show_entries"],
    ...["packet=codec_type,pts_time,dts_time,size,flags,data_hash", "-of", "json", input],
  ], { timeoutMs: options.timeoutMs ?? 90_000, outputMax: LIST_MAX });
  return parseProbe(text);
}

interface ProbePacket {
  codec_type: string;
  pts_time: string;
  dts_time: string;
  size: string;
  flags: string;
  data_hash: string;
}

function parseProbe(text: string): Frames {
  const { packets } = JSON.parse(text) as { packets: ProbePacket[] };
  const read = (kind: string) =>
    packets.filter((packet) => packet.codec_type === kind).map((packet) => ({
      dtsUs: Math.round(Number(packet.dts_time) * SECOND_US),
      ptsUs: Math.round(Number(packet.pts_time) * SECOND_US),
      bytes: Number(packet.size),
      digest: packet.data_hash.replace("MD5:", ""),
      keyframe: packet.flags.includes("K"),
    }));
  return { video: read("video"), audio: read("audio") };
}

export interface CompareOptions {
  /** Largest difference of a timestamp, offset aside, in microseconds; 0 unless given. */
  readonly toleranceUs?: number;
  /** Fewest frames of each track that must have come. */
  readonly framesMin?: number;
  /** Most frames of each track that may be missing at the end; 0 unless given. */
  readonly tailMax?: number;
  /** First frames of each track whose timestamps do not count; 0 unless given. */
  readonly untimedHead?: number;
}

/**
 * Compares what was received with its source: per track `got` must be one contiguous run of
 * `source`, bytes equal, starting at a key frame when that is known, with all timestamps moved by
 * one offset common to both tracks.
 *
 * @returns What is wrong, in words; `undefined` when the delivery is exact.
 */
export function compareFrames(
  source: Frames,
  got: Frames,
  options: CompareOptions = {},
): string | undefined {
  const offsets: number[] = [];
  const faults: string[] = [];
  for (const kind of ["video", "audio"] as const) {
    if (source[kind].length === 0 && got[kind].length === 0) continue;
    const fault = compareTrack(source[kind], got[kind], options, offsets);
    if (fault !== undefined) faults.push(`${kind}: ${fault}`);
  }
  const spread = Math.max(...offsets) - Math.min(...offsets);
  if (spread > (options.toleranceUs ?? 0)) faults.push(`timestamps drift by ${spread} us`);
  return faults.length === 0 ? undefined : faults.join("; ");
}

function compareTrack(
  source: readonly FrameDigest[],
  got: readonly FrameDigest[],
  options: CompareOptions,
  offsets: number[],
): string | undefined {
  if (got.length === 0) return `none of ${source.length} frames came`;
  const { start, length } = longestRun(source, got);
  if (length < got.length) {
    const known = source.some(({ digest }) => digest === got[length].digest);
    const what = known ? "a frame out of order" : "a frame that is not in the source";
    return `${what} at ${length} of ${got.length}, source frame ${start + length}`;
  }
  if (source[start].keyframe === false) return `starts at source frame ${start}, no key frame`;
  if (length < (options.framesMin ?? 1)) return `only ${length} frames came`;
  const tail = source.length - start - length;
  if (tail > (options.tailMax ?? 0)) return `the last ${tail} frames are missing`;
  for (let i = options.untimedHead ?? 0; i < length; i++) {
    offsets.push(got[i].dtsUs - source[start + i].dtsUs, got[i].ptsUs - source[start + i].ptsUs);
  }
  return undefined;
}

/** The longest prefix of `got` that is a run of `source`; equal frames may repeat in a source. */
function longestRun(
  source: readonly FrameDigest[],
  got: readonly FrameDigest[],
): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < source.length; start++) {
    let length = 0;
    while (
      length < got.length && start + length < source.length &&
      source[start + length].digest === got[length].digest
    ) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function fraction(text: string): number {
  const [numerator, denominator] = text.split("/").map(Number);
  return numerator / denominator;
}
