/**
 * A stretch of what a node sends its RTSP players, packet by packet.
 *
 * @module
 */
import { connectTo } from "../support/wire/rtmp_connection.ts";
import type { BarePacket } from "./bare_sender.ts";
import { askRtsp } from "./load/rtsp_ask.ts";
import { RtspScanner } from "./load/rtsp_scanner.ts";

/** What a player gets at once as it joins, older than live, is left out. */
const SKIP_MS = 2_000;

const READ_BYTES = 64 * 1024;

/** Plays a stream over TCP for a while; the packets have the times at which they came. */
export async function recordPackets(
  address: string,
  path: string,
  stretchMs: number,
): Promise<BarePacket[]> {
  using conn = await connectTo(address);
  const transport = (i: number) => `RTP/AVP/TCP;unicast;interleaved=${2 * i}-${2 * i + 1}`;
  const media = await askRtsp(conn, `rtsp://${address}/${path}`, transport);
  const packets: BarePacket[] = [];
  const startMs = performance.now() + SKIP_MS;
  let dueMs = 0;
  const note = (medium: number) => ({
    packet(_header: Uint8Array, bytes: number) {
      if (dueMs >= 0) packets.push({ medium, dueMs, bytes });
    },
  });
  const scanner = new RtspScanner(media.flatMap((_, i) => [note(i), undefined]));
  const buffer = new Uint8Array(READ_BYTES);
  while (true) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("Cannot record packets: the node closed");
    dueMs = performance.now() - startMs;
    if (dueMs >= stretchMs) return packets;
    scanner.feed(buffer, count);
  }
}
