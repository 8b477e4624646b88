/**
 * Other people's players: each receives a stream to its end and gives what it got.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { frameMd5, type Frames, probeFrames } from "./frames.ts";
import { Child, runChild, runTool } from "./processes.ts";

/** Longest a player may take for a stream of a few seconds, in milliseconds. */
const TIMEOUT_MS = 90_000;
const LIMITS = { timeoutMs: TIMEOUT_MS };

/** A program that plays `url` and stores what came under `folder`. */
export type Player = (url: string, folder: string) => Promise<Frames>;

/** Pushes `file` in real time (times `speed`) without touching its frames. */
export function publish(
  url: string,
  file: string,
  speed = 1,
  timeoutMs = TIMEOUT_MS,
): Child {
  return new Child("ffmpeg", [
    ...["-nostdin", "-v", "error", "-readrate", String(speed), "-i", file, "-map", "0"],
    ...["-c", "copy", "-f", "flv", "-flvflags", "no_duration_filesize", url],
  ], { timeoutMs });
}

export function playFfmpeg(url: string): Promise<Frames> {
  return frameMd5(url, { inputArgs: ["-rw_timeout", "30000000"], timeoutMs: TIMEOUT_MS });
}

export function playFfprobe(url: string): Promise<Frames> {
  return probeFrames(url, { inputArgs: ["-rw_timeout", "30000000"], timeoutMs: TIMEOUT_MS });
}

export async function playRtmpdump(url: string, folder: string): Promise<Frames> {
  const file = `${folder}/rtmpdump.flv`;
  const args = ["-q", "--live", "--timeout", "30", "-r", url, "-o", file];
  await runChild("rtmpdump", args, { timeoutMs: TIMEOUT_MS });
  return await frameMd5(file);
}

/**
 * One GStreamer stores the FLV bytes, another decodes a track; an error of either fails the play.
 * Decoding all tracks at once is no use: decodebin then sometimes forgets the end of the stream.
 */
export async function playGstreamer(
  url: string,
  folder: string,
  track: "video" | "audio",
): Promise<Frames> {
  const file = `${folder}/gstreamer-${crypto.randomUUID()}.flv`;
  const element = url.startsWith("rtmp:") ? ["rtmp2src"] : ["souphttpsrc", "is-live=true"];
  const source = [...element, `location=${url}`];
  const decode = `! flvdemux name=d d.${track} ! queue ! decodebin ! fakesink sync=false`;
  await Promise.all([
    runTool("gst-launch-1.0", [...source, "!", "filesink", `location=${file}`], LIMITS),
    runTool("gst-launch-1.0", [...source, ...decode.split(" ")], LIMITS),
  ]);
  return await frameMd5(file);
}

/**
 * VLC stores what it demuxed as MPEG-TS. It refuses to run as root, so it runs as `nobody`.
 *
 * @returns Frames in the form {@link normaliseForTs} gives the source, without the last of each
 * track, which VLC writes cut off.
 */
export async function playVlc(url: string, folder: string): Promise<Frames> {
  const home = `${folder}/vlc-${crypto.randomUUID()}`;
  await Deno.mkdir(home, { mode: 0o777 });
  await Deno.chmod(home, 0o777);
  const file = `${home}/out.ts`;
  const vlc = [
    ...["cvlc", "-q", "--play-and-exit", "--network-caching=500", url],
    ...["--sout", `#std{access=file,mux=ts,dst=${file}}`, "vlc://quit"],
  ];
  const command = Deno.uid() === 0 ? ["runuser", "-u", "nobody", "--"] : [];
  const [program, ...args] = [...command, "env", `HOME=${home}`, ...vlc];
  await runChild(program, args, { timeoutMs: TIMEOUT_MS, cwd: home });
  const { video, audio } = await normaliseForTs(file);
  return { video: video.slice(0, -1), audio: audio.slice(0, -1) };
}

/**
 * Frames without what an MPEG-TS muxer may add or change: parameter sets, access unit delimiters
 * and ADTS headers.
 */
export async function normaliseForTs(input: string): Promise<Frames> {
  const outputArgs = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9|12"];
  const codecs = await runTool("ffprobe", [
    ...["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", input],
  ], LIMITS);
  if (input.endsWith(".ts") && codecs.includes("aac")) outputArgs.push("-bsf:a", "aac_adtstoasc");
  return await frameMd5(input, { outputArgs });
}

/** Receives FLV over WebSocket with Deno's own client and gives ffmpeg's view of it. */
export async function playWebSocket(url: string, folder: string): Promise<Frames> {
  const file = `${folder}/websocket-${crypto.randomUUID()}.flv`;
  await Deno.writeFile(file, await receiveWebSocket(url));
  return await frameMd5(file);
}

/** All binary messages of a WebSocket up to its end, one after another. */
export function receiveWebSocket(url: string): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const parts: Uint8Array[] = [];
  const socket = new WebSocket(url);
  const timer = setTimeout(() => socket.close(), TIMEOUT_MS);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) parts.push(new Uint8Array(data));
    else reject(new Error(`Cannot receive from ${url}: a text message came`));
  };
  socket.onerror = (event) => {
    const reason = event instanceof ErrorEvent ? event.message : "error";
    reject(new Error(`Cannot receive from ${url}: ${reason}`));
  };
  socket.onclose = () => {
    clearTimeout(timer);
    resolve(new Uint8Array(Buffer.concat(parts)));
  };
  return promise;
}
