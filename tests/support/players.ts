/**
 * Other people's players: each receives a stream to its end and gives what it got.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { frameMd5, type Frames, probeFrames } from "./frames.ts";
import { Child, runChild } from "./processes.ts";

/** Longest a player may take for a stream of a few seconds, in milliseconds. */
const TIMEOUT_MS = 40_000;

/** A program that plays `url` and stores what came under `folder`. */
export type Player = (url: string, folder: string) => Promise<Frames>;

/** Pushes `file` in real time (times `speed`) without touching its frames. */
export function publish(url: string, file: string, speed = 1): Child {
  return new Child("ffmpeg", [
    ...["-nostdin", "-v", "error", "-readrate", String(speed), "-i", file, "-map", "0"],
    ...["-c", "copy", "-f", "flv", "-flvflags", "no_duration_filesize", url],
  ], { timeoutMs: TIMEOUT_MS });
}

export function playFfmpeg(url: string): Promise<Frames> {
  return frameMd5(url, { inputArgs: ["-rw_timeout", "8000000"], timeoutMs: TIMEOUT_MS });
}

export function playFfprobe(url: string): Promise<Frames> {
  return probeFrames(url, { inputArgs: ["-rw_timeout", "8000000"], timeoutMs: TIMEOUT_MS });
}

export async function playRtmpdump(url: string, folder: string): Promise<Frames> {
  const file = `${folder}/rtmpdump.flv`;
  const args = ["-q", "--live", "--timeout", "8", "-r", url, "-o", file];
  await runChild("rtmpdump", args, { timeoutMs: TIMEOUT_MS });
  return await frameMd5(file);
}

/** GStreamer stores the FLV bytes and decodes them beside it; a decoding error fails the play. */
export async function playGstreamer(url: string, folder: string): Promise<Frames> {
  const file = `${folder}/gstreamer-${crypto.randomUUID()}.flv`;
  const source = url.startsWith("rtmp:") ? "rtmp2src" : "souphttpsrc is-live=true";
  const [element, ...options] = source.split(" ");
  const args = [
    ...["-e", element, `location=${url}`, ...options, "!", "tee", "name=t"],
    ...["t.", "!", "queue", "!", "filesink", `location=${file}`],
    ...["t.", "!", "queue", "!", "decodebin", "!", "fakesink", "sync=false"],
  ];
  const { code, stderr } = await runChild("gst-launch-1.0", args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`Cannot play with GStreamer: exit code ${code}: ${stderr}`);
  return await frameMd5(file);
}

/**
 * VLC stores what it demuxed as MPEG-TS. It refuses to run as root, so it runs as `nobody`.
 *
 * @returns Frames in the form {@link normaliseForTs} gives the source.
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
  return await normaliseForTs(file);
}

/**
 * Frames without what an MPEG-TS muxer may add or change: parameter sets, access unit delimiters
 * and ADTS headers.
 */
export function normaliseForTs(input: string): Promise<Frames> {
  const outputArgs = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9|12"];
  if (input.endsWith(".ts")) outputArgs.push("-bsf:a", "aac_adtstoasc");
  return frameMd5(input, { outputArgs });
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
