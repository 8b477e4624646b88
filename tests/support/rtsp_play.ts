/**
 * Other people's RTSP clients, and a bare one that sends what a test wants.
 *
 * @module
 */
import type { RtspMessage, RtspResponse } from "../../protocols/rtsp/message.ts";
import { fieldOf } from "../../protocols/rtsp/message.ts";
import { RtspMessageReader } from "../../protocols/rtsp/message_reader.ts";
import { type FrameDigest, frameMd5, type Frames } from "./frames.ts";
import { Child } from "./processes.ts";

export type RtspTransport = "tcp" | "udp";

/** Longest a client may take for a stream of some seconds, in milliseconds. */
const TIMEOUT_MS = 40_000;

/** Longest the bare client waits for an answer, in milliseconds. */
const ANSWER_MS_MAX = 20_000;

/** One form for H.264 whatever carried it, without parameter sets and delimiters. */
const PLAIN_H264 = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9|12"];

/** AAC without the headers of MPEG-TS; others are left alone. */
const PLAIN_AAC = ["-bsf:a", "aac_adtstoasc"];

/** Pushes `file` in real time without touching its frames. */
export function publishRtsp(url: string, file: string, transport: RtspTransport): Child {
  return new Child("ffmpeg", [
    ...["-nostdin", "-v", "error", "-re", "-i", file, "-map", "0", "-c", "copy"],
    ...["-f", "rtsp", "-rtsp_transport", transport, url],
  ], { timeoutMs: TIMEOUT_MS });
}

/** Plays `url` to its end with ffmpeg. */
export async function playRtsp(url: string, transport: RtspTransport): Promise<Frames> {
  const inputArgs = ["-rtsp_transport", transport];
  return byPresentation(
    await frameMd5(url, { inputArgs, outputArgs: plainArgs(url), timeoutMs: TIMEOUT_MS }),
  );
}

/** The frames of anything that ffmpeg reads, to be compared with {@link playRtsp}'s. */
export async function readPlain(input: string): Promise<Frames> {
  return byPresentation(
    await frameMd5(input, { outputArgs: plainArgs(input), timeoutMs: TIMEOUT_MS }),
  );
}

function plainArgs(input: string): string[] {
  const picture = input.includes("h264") ? PLAIN_H264 : [];
  return input.includes("aac") ? [...picture, ...PLAIN_AAC] : picture;
}

/** RTP tells no decode times: nobody can compare them. */
function byPresentation({ video, audio }: Frames): Frames {
  const plain = (frames: readonly FrameDigest[]) =>
    frames.map((frame) => ({ ...frame, dtsUs: frame.ptsUs }));
  return { video: plain(video), audio: plain(audio) };
}

/** A connection whose requests the test writes itself. */
export class BareRtsp implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #responses: RtspResponse[] = [];
  readonly requests: RtspMessage[] = [];
  /** Bytes of interleaved packets by channel. */
  readonly received = new Map<number, number>();
  #waiting: ((response: RtspResponse | undefined) => void) | undefined;
  #cseq = 0;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.closed = this.#readAll();
  }

  static async open(address: string): Promise<BareRtsp> {
    const colon = address.lastIndexOf(":");
    const [hostname, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
    return new BareRtsp(await Deno.connect({ hostname, port }));
  }

  /** Sends a request and waits for its answer; without one status 0. */
  async request(
    method: string,
    uri: string,
    fields: Readonly<Record<string, string>> = {},
    body = "",
  ): Promise<{ status: number; fields: ReadonlyMap<string, readonly string[]>; body: string }> {
    const { promise, resolve } = Promise.withResolvers<RtspResponse | undefined>();
    this.#waiting = resolve;
    const length = body === "" ? {} : { "Content-Length": String(body.length) };
    const lines = Object.entries({ CSeq: String(++this.#cseq), ...fields, ...length })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await this.send(new TextEncoder().encode(
      `${method} ${uri} RTSP/1.0\r\n${lines.join("")}\r\n${body}`,
    ));
    this.#deliver();
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS_MAX);
    const response = await promise;
    clearTimeout(timer);
    if (response === undefined) return { status: 0, fields: new Map(), body: "" };
    const text = new TextDecoder().decode(response.body);
    return { status: response.status, fields: response.fields, body: text };
  }

  /** Sets up all media of a URL over TCP and plays or records; the session's id. */
  async start(
    method: "PLAY" | "RECORD",
    url: string,
    controls: readonly string[],
  ): Promise<string> {
    let session = "";
    for (const [index, control] of controls.entries()) {
      const transport = `RTP/AVP/TCP;unicast;interleaved=${2 * index}-${2 * index + 1}`;
      const answer = await this.request("SETUP", `${url}/${control}`, {
        Transport: transport,
        ...(session === "" ? {} : { Session: session }),
      });
      if (answer.status !== 200) throw new Error(`SETUP of ${control}: ${answer.status}`);
      session = answer.fields.get("session")![0].split(";")[0];
    }
    const answer = await this.request(method, url, { Session: session });
    if (answer.status !== 200) throw new Error(`${method}: ${answer.status}`);
    return session;
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // By the server already.
    }
  }

  #deliver(): void {
    if (this.#waiting === undefined || this.#responses.length === 0) return;
    this.#waiting(this.#responses.shift());
    this.#waiting = undefined;
  }

  async #readAll(): Promise<void> {
    const reader = new RtspMessageReader({
      message: (message) => {
        if (message.kind === "request") this.requests.push(message);
        else this.#responses.push({ ...message, body: message.body.slice() });
        if (message.kind === "response" && fieldOf(message, "cseq") === undefined) return;
        this.#deliver();
      },
      interleaved: (channel, packet) => {
        this.received.set(channel, (this.received.get(channel) ?? 0) + packet.length);
      },
    });
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let n = await this.#conn.read(buffer); n !== null; n = await this.#conn.read(buffer)) {
        reader.feed(buffer.subarray(0, n));
      }
    } catch {
      // Reset, or disposed.
    }
    this.#waiting?.(undefined);
  }
}
