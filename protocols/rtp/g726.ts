/**
 * G.726 in RTP: codes of 2 to 5 bits, packed from the lowest bits (`G726-32`) or from the highest
 * (`AAL2-G726-32`). Units keep the packing that they came in.
 *
 * Source: RFC 3551, section 4.5.4. Payload type 2, once G.721, is taken for `G726-32`.
 *
 * @module
 */
import { type G726Config, parseG726Config, writeG726Config } from "../codecs/g726.ts";
import { audioTrack } from "../codecs/track_config.ts";
import type { AudioTrack } from "../media/track.ts";
import { PacketUnitDepacketizer, PacketUnitPacketizer } from "./packet_units.ts";
import type { DepacketizerOptions } from "./payload.ts";

/** Samples after which codes of any size begin at a byte again. */
const GROUP_SAMPLES = 8;

/** Kilobits per second at 8 kHz that a code of one bit makes. */
const KBPS_PER_BIT = 8;

/** What an encoding name says; `undefined` when it is none of G.726. */
export function g726ConfigOf(encoding: string): G726Config | undefined {
  const match = /^(AAL2-)?G726-(16|24|32|40)$/.exec(encoding);
  if (match === null) return undefined;
  const codeBits = Number(match[2]) / KBPS_PER_BIT as G726Config["codeBits"];
  return { codeBits, packing: match[1] === undefined ? "rfc3551" : "aal2" };
}

/** The encoding name of a track. */
export function g726Encoding(track: AudioTrack): string {
  const { codeBits, packing } = parseG726Config(track.config);
  return `${packing === "aal2" ? "AAL2-" : ""}G726-${codeBits * KBPS_PER_BIT}`;
}

/**
 * Makes a depacketizer.
 *
 * @throws {RangeError} The encoding is not one of {@link g726ConfigOf}.
 */
export function createG726Depacketizer(options: DepacketizerOptions): PacketUnitDepacketizer {
  const { encoding, clockHz, channels } = options.format;
  const config = g726ConfigOf(encoding);
  if (config === undefined) throw new RangeError(`Cannot read ${encoding}: it is not G.726`);
  const hint = { sampleRate: clockHz, channels };
  const track = audioTrack("g726", options.index, writeG726Config(config), hint);
  return new PacketUnitDepacketizer(track, options.dropped, () => track);
}

/** Makes a packetizer whose payloads are of at most `payloadBytesMax` bytes. */
export function createG726Packetizer(
  track: AudioTrack,
  payloadBytesMax: number,
): PacketUnitPacketizer {
  return new PacketUnitPacketizer({
    clockHz: track.sampleRate,
    payloadBytesMax,
    groupBytes: parseG726Config(track.config).codeBits, // Eight codes of so many bits.
    groupTicks: GROUP_SAMPLES,
  });
}
