/**
 * Other people's players on HLS and on live bodies that are not FLV.
 *
 * @module
 */
import { frameMd5, type Frames } from "./frames.ts";
import { runTool } from "./processes.ts";

/** Longest a player may take for a stream of some seconds, in milliseconds. */
const TIMEOUT_MS = 90_000;
const LIMITS = { timeoutMs: TIMEOUT_MS };

/** H.264 without what MPEG-TS demands in front of pictures: delimiters and parameter sets. */
const H264_ARGS = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9|12"];

/**
 * ffmpeg's digests of H.264 and AAC in any container, in the form that MPEG-TS has them but for
 * what it puts in front of pictures and sound.
 */
export async function tsFrames(input: string): Promise<Frames> {
  const probe = ["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", input];
  const codecs = await runTool("ffprobe", probe, LIMITS);
  const outputArgs = codecs.includes("h264") ? [...H264_ARGS] : [];
  // The filter leaves alone what has no ADTS header.
  if (codecs.includes("aac")) outputArgs.push("-bsf:a", "aac_adtstoasc");
  return await frameMd5(input, { outputArgs, timeoutMs: TIMEOUT_MS });
}

/** ffmpeg plays HLS or a live body to its end and stores the packets; path of the file. */
export async function storeWithFfmpeg(url: string, file: string): Promise<string> {
  await runTool("ffmpeg", [
    ...["-nostdin", "-v", "error", "-i", url, "-map", "0:v?", "-map", "0:a?"],
    ...["-c", "copy", "-copyinkf", "-f", "nut", "-y", file],
  ], LIMITS);
  return file;
}

/** GStreamer's hlsdemux stores what it gives to demuxers: segments, one behind the other. */
export async function storeWithHlsdemux(url: string, file: string): Promise<string> {
  const pipeline = `souphttpsrc location=${url} ! hlsdemux ! filesink location=${file}`;
  await runTool("gst-launch-1.0", pipeline.split(" "), LIMITS);
  return file;
}

/** GStreamer's playbin3 with hlsdemux2 decodes and presents to the end. @throws {Error} An error. */
export async function playWithPlaybin(url: string): Promise<void> {
  const sinks = ["video-sink=fakesink", "audio-sink=fakesink"];
  const output = await runTool("gst-launch-1.0", ["playbin3", `uri=${url}`, ...sinks], LIMITS);
  if (!output.includes("Got EOS")) throw new Error(`playbin3 saw no end: ${output.slice(-300)}`);
}

/** GStreamer stores a live body. */
export async function storeWithSoup(url: string, file: string): Promise<string> {
  const pipeline = `souphttpsrc is-live=true location=${url} ! filesink location=${file}`;
  await runTool("gst-launch-1.0", pipeline.split(" "), LIMITS);
  return file;
}
