/**
 * Formats in which a packet's payload is a unit as it stands: G.711, G.726 and Opus. Their frames
 * of samples may be cut anywhere between groups of codes; Opus packets never.
 *
 * Sources: RFC 3551, section 4.5; RFC 7587, section 4.2.
 *
 * @module
 */
import { FRAME_BYTES_MAX } from "../media/record.ts";
import type { Frame } from "../media/record.ts";
import type { AudioTrack } from "../media/track.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  NO_UNITS,
  type Packetizer,
  RTP_DROP_REASON,
  type RtpDropped,
  type Unit,
} from "./payload.ts";

/** What a payload says of its track, given the track as known; the same object when nothing new. */
export type TrackOfPayload = (
  payload: Uint8Array,
  known: AudioTrack | undefined,
) => AudioTrack | undefined;

export class PacketUnitDepacketizer implements Depacketizer {
  readonly #trackOf: TrackOfPayload;
  readonly #dropped: RtpDropped;
  #track: AudioTrack | undefined;

  /** @param track As SDP tells, if it does. */
  constructor(track: AudioTrack | undefined, dropped: RtpDropped, trackOf: TrackOfPayload) {
    this.#track = track;
    this.#trackOf = trackOf;
    this.#dropped = dropped;
  }

  get track(): AudioTrack | undefined {
    return this.#track;
  }

  push({ payload, timestamp }: RtpPacket): readonly Unit[] {
    if (payload.length === 0) return NO_UNITS;
    const track = this.#track = this.#trackOf(payload, this.#track);
    if (track === undefined) {
      this.#dropped(RTP_DROP_REASON.unconfigured);
      return NO_UNITS;
    }
    return [{ track, timestamp, keyframe: true, data: payload.slice() }];
  }

  lost(): void {
    // Packets stand alone: what is missing is heard, and nothing else suffers.
  }

  flush(): readonly Unit[] {
    return NO_UNITS;
  }
}

/** How units are cut. */
export interface PacketUnitOptions {
  readonly clockHz: number;
  readonly payloadBytesMax: number;
  /** Bytes of the smallest group that may stand alone; 0 = a unit is never cut. */
  readonly groupBytes: number;
  /** Ticks that such a group lasts. */
  readonly groupTicks: number;
}

export class PacketUnitPacketizer implements Packetizer {
  readonly clockHz: number;
  payloadBytes = 0;
  ticksLater = 0;
  /** Set at the start of a talkspurt only (RFC 3551, 4.1), and live audio is one. */
  readonly marker = false;
  readonly #options: PacketUnitOptions;
  /** Most bytes of a payload, whole groups. */
  readonly #pieceBytes: number;
  #data: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(options: PacketUnitOptions) {
    const { groupBytes, payloadBytesMax } = options;
    this.clockHz = options.clockHz;
    this.#options = options;
    this.#pieceBytes = groupBytes === 0
      ? FRAME_BYTES_MAX
      : Math.floor(payloadBytesMax / groupBytes) * groupBytes;
  }

  plan({ data }: Frame): number {
    const { groupBytes, payloadBytesMax } = this.#options;
    if (groupBytes === 0 && data.length > payloadBytesMax) return 0;
    this.#data = data;
    this.#at = 0;
    this.payloadBytes = data.length;
    return Math.ceil(data.length / this.#pieceBytes);
  }

  write(target: Uint8Array, offset: number): number {
    const { groupBytes, groupTicks } = this.#options;
    const end = Math.min(this.#at + this.#pieceBytes, this.#data.length);
    target.set(this.#data.subarray(this.#at, end), offset);
    this.ticksLater = groupBytes === 0 ? 0 : this.#at / groupBytes * groupTicks;
    const bytes = end - this.#at;
    this.#at = end;
    return bytes;
  }
}
