/**
 * Recorded RTSP connections, and what can be made of them.
 *
 * @module
 */
import type { RtspMessage } from "../../protocols/rtsp/message.ts";
import { RtspMessageReader } from "../../protocols/rtsp/message_reader.ts";

const VECTORS = new URL("../vectors/rtsp_sessions/", import.meta.url);

/** Names of the connections of which both directions were recorded. */
export const RTSP_CONNECTIONS = [
  "ffmpeg_5.1_play_tcp",
  "ffmpeg_5.1_play_udp",
  "gstreamer_1.22_play_tcp",
  "gstreamer_1.22_play_udp",
  "ffmpeg_5.1_publish_tcp",
  "ffmpeg_5.1_publish_udp",
  "gstreamer_1.22_publish_tcp",
  "gstreamer_1.22_publish_udp",
  "ffmpeg_5.1_play_digest",
  "gstreamer_1.22_play_digest",
  "vlc_3.0_play_udp",
] as const;
export type RtspConnectionName = typeof RTSP_CONNECTIONS[number];

/** What one side of a recorded connection sent. */
export function rtspVector(name: string, side: "client" | "server"): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`${name}.${side}.bin`, VECTORS));
}

/** Calls `take` with `bytes` in pieces of the given sizes, over and over. */
export function inPieces(
  bytes: Uint8Array,
  sizes: readonly number[],
  take: (piece: Uint8Array) => void,
): void {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length];
    take(bytes.slice(at, at + size)); // A copy, so that a view that is kept shows.
    at += size;
  }
}

/** One line per element that a reader hands out. */
export function rtspElements(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length],
): string[] {
  const seen: string[] = [];
  const reader = new RtspMessageReader({
    message: (message) => seen.push(messageText(message)),
    interleaved: (channel, packet) => seen.push(`$${channel} ${packet.toHex()}`),
  });
  inPieces(bytes, sizes, (piece) => reader.feed(piece));
  return seen;
}

function messageText(message: RtspMessage): string {
  const start = message.kind === "request" ? `${message.method} ${message.uri}` : message.status;
  const fields = [...message.fields].map(([name, values]) => `${name}=${values.join("|")}`);
  return `${start} {${fields.join(", ")}} ${new TextDecoder().decode(message.body)}`;
}

/** The bytes of a text whose lines end with LF here and with CR LF there; `body` as it is. */
export function rtspText(head: string, body = ""): Uint8Array {
  return new TextEncoder().encode(head.trim().replaceAll(/\n\s*/g, "\r\n") + "\r\n\r\n" + body);
}
