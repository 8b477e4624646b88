/**
 * Segments measured by other people's programs: when their frames are due, and what is wrong.
 *
 * @module
 */
import { runChild, runTool } from "./processes.ts";

/** Longest a program may take for the segments of a minute, in milliseconds. */
const TIMEOUT_MS = 90_000;

/** Room for the packet list of a minute, in characters. */
const LIST_MAX = 8 * 1024 * 1024;

/** A stretch of a file: a segment or part. */
export interface Stretch {
  readonly bytes: number;
  /** As the playlist says. */
  readonly seconds: number;
}

/** What ffprobe found in a stretch. */
export interface MeasuredStretch {
  readonly seconds: number;
  /** Length by the decode times of its leading track and those of the stretch behind. */
  readonly measured: number;
  /** The first packet of the leading track is a key frame. */
  readonly keyframe: boolean;
}

interface Packet {
  readonly kind: string;
  readonly dts: number;
  readonly keyframe: boolean;
  readonly pos: number;
}

/**
 * Measures stretches that follow each other in `file` from `offset` on; the video leads, or the
 * audio where there is none. @throws {Error} A stretch has no packet of the leading track.
 */
export async function measureStretches(
  file: string,
  offset: number,
  stretches: readonly Stretch[],
): Promise<MeasuredStretch[]> {
  const packets = await packetsOf(file);
  const lead = packets.some(({ kind }) => kind === "video") ? "video" : "audio";
  const leading = packets.filter(({ kind }) => kind === lead);
  let start = offset;
  const firsts = stretches.map(({ bytes }) => {
    const first = leading.findIndex(({ pos }) => pos >= start && pos < start + bytes);
    if (first < 0) throw new Error(`Cannot measure: no ${lead} in ${bytes} bytes at ${start}`);
    start += bytes;
    return first;
  });
  const end = 2 * leading.at(-1)!.dts - leading.at(-2)!.dts;
  return stretches.map(({ seconds }, index) => {
    const { dts, keyframe } = leading[firsts[index]];
    const next = index + 1 < firsts.length ? leading[firsts[index + 1]].dts : end;
    return { seconds, measured: next - dts, keyframe };
  });
}

async function packetsOf(file: string): Promise<Packet[]> {
  const text = await runTool("ffprobe", [
    ...["-v", "error", "-show_entries", "packet=codec_type,dts_time,pos,flags"],
    ...["-of", "json", file],
  ], { timeoutMs: TIMEOUT_MS, outputMax: LIST_MAX });
  const { packets } = JSON.parse(text) as {
    packets: { codec_type: string; dts_time: string; pos: string; flags: string }[];
  };
  return packets.map(({ codec_type, dts_time, pos, flags }) => ({
    kind: codec_type,
    dts: Number(dts_time),
    keyframe: flags.includes("K"),
    pos: Number(pos),
  }));
}

/** What ffprobe and mediainfo say against a file; an empty list when they say nothing. */
export async function fileComplaints(file: string): Promise<string[]> {
  const options = { timeoutMs: TIMEOUT_MS, outputMax: LIST_MAX };
  const args = ["-v", "warning", "-show_packets", "-show_entries", "packet=size", file];
  const { code, stderr } = await runChild("ffprobe", args, options);
  const report = await runTool("mediainfo", ["--Full", file], options);
  const wrong = /error|conformance|truncated|warning|malformed|unknown/i;
  const mediainfo = report.split("\n").filter((line) => wrong.test(line));
  return [...(code === 0 ? [] : [`exit code ${code}`]), ...stderr.split("\n"), ...mediainfo]
    .filter((line) => line !== "");
}
