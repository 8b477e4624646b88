/**
 * G.711 in RTP: samples, one byte each, channels interleaved.
 *
 * Source: RFC 3551, sections 4.5.14 (PCMA, PCMU) and 6 (payload types 0 and 8).
 *
 * @module
 */
import { audioTrack } from "../codecs/track_config.ts";
import type { AudioTrack } from "../media/track.ts";
import { PacketUnitDepacketizer, PacketUnitPacketizer } from "./packet_units.ts";
import type { DepacketizerOptions } from "./payload.ts";

const NO_CONFIG = new Uint8Array(0);

/** Makes a depacketizer of `PCMA` or `PCMU`. */
export function createG711Depacketizer(options: DepacketizerOptions): PacketUnitDepacketizer {
  const { encoding, clockHz, channels } = options.format;
  const codec = encoding === "PCMA" ? "g711a" : "g711u";
  const track = audioTrack(codec, options.index, NO_CONFIG, { sampleRate: clockHz, channels });
  return new PacketUnitDepacketizer(track, options.dropped, () => track);
}

/** Makes a packetizer whose payloads are of at most `payloadBytesMax` bytes. */
export function createG711Packetizer(
  track: AudioTrack,
  payloadBytesMax: number,
): PacketUnitPacketizer {
  const clockHz = track.sampleRate;
  return new PacketUnitPacketizer({
    clockHz,
    payloadBytesMax,
    groupBytes: track.channels,
    groupTicks: 1,
  });
}
