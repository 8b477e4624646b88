/**
 * Opus in RTP: a packet of Opus is a packet of RTP.
 *
 * Source: RFC 7587, sections 4 and 6.1; RFC 6716, section 3.1 (table of contents). SDP always says
 * two channels, so the packets themselves tell; a track that was once stereo stays so, as any
 * decoder of two channels takes mono.
 *
 * @module
 */
import { OPUS_SAMPLE_RATE, writeOpusHead } from "../codecs/opus.ts";
import { audioTrack } from "../codecs/track_config.ts";
import type { AudioTrack } from "../media/track.ts";
import { PacketUnitDepacketizer, PacketUnitPacketizer } from "./packet_units.ts";
import type { DepacketizerOptions } from "./payload.ts";

/** Makes a depacketizer. */
export function createOpusDepacketizer(options: DepacketizerOptions): PacketUnitDepacketizer {
  const mono = trackOf(options.index, 1);
  const stereo = trackOf(options.index, 2);
  const announced = options.format.parameters.get("sprop-stereo") === "1";
  return new PacketUnitDepacketizer(
    announced ? stereo : undefined,
    options.dropped,
    (payload, known) => known === stereo || (payload[0] & 4) !== 0 ? stereo : mono,
  );
}

/** Makes a packetizer whose payloads are of at most `payloadBytesMax` bytes; larger ones cannot go. */
export function createOpusPacketizer(payloadBytesMax: number): PacketUnitPacketizer {
  return new PacketUnitPacketizer({
    clockHz: OPUS_SAMPLE_RATE,
    payloadBytesMax,
    groupBytes: 0,
    groupTicks: 0,
  });
}

function trackOf(index: number, channels: number): AudioTrack {
  const head = writeOpusHead({
    ...{ version: 1, channels, preSkip: 0, inputSampleRate: OPUS_SAMPLE_RATE },
    ...{ outputGain: 0, mappingFamily: 0 },
  });
  return audioTrack("opus", index, head);
}
