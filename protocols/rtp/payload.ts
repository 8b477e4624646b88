/**
 * What all payload formats have in common: packets to access units, and frames to packets.
 *
 * Source: RFC 3550, section 13. The formats are in the files next door, one each; `formats.ts`
 * finds the one that an SDP or a track wants.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import type { RtpPacket } from "./packet.ts";

/** What SDP says of a payload type: rtpmap and fmtp (RFC 8866, 6.6 and 6.15). */
export interface RtpFormat {
  /** 0 to 127. */
  readonly payloadType: number;
  /** Encoding name in upper case: "H264", "MPEG4-GENERIC", "PCMU". */
  readonly encoding: string;
  /** Clock of the timestamps, in Hz. */
  readonly clockHz: number;
  /** Channels of audio, 1 where nothing is said. */
  readonly channels: number;
  /** Parameters of fmtp, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** One access unit or audio frame out of packets. */
export interface Unit {
  /** Replaced as a whole when the configuration changes; compare by identity. */
  readonly track: Track;
  /** Presentation time, 32 bits, wrapping, on the format's clock. */
  readonly timestamp: number;
  readonly keyframe: boolean;
  /** In the one form of its codec (see `Frame.data`); an array of its own. */
  readonly data: Uint8Array;
}

/** Reasons why packets or units are left out. */
export const RTP_DROP_REASON = {
  lost: "unit of which packets are missing",
  awaitingKeyframe: "picture before the next key frame",
  payload: "packet with a malformed payload",
  payloadType: "packet of a payload type that was not agreed on",
  packet: "malformed packet",
  reports: "malformed report",
  frameBytes: "unit larger than the largest carried",
  packets: "unit of more packets than any encoder makes",
  interleaved: "packet with interleaved units, which are not put in order",
  unconfigured: "unit before its configuration",
  configuration: "configuration that cannot be read",
} as const;

export type RtpDropReason = typeof RTP_DROP_REASON[keyof typeof RTP_DROP_REASON];

/** Told of each thing that is left out; the reason is fit to be counted by. */
export type RtpDropped = (reason: RtpDropReason) => void;

/** What a depacketizer is made with. */
export interface DepacketizerOptions {
  readonly format: RtpFormat;
  /** Number of the track among those of its kind. */
  readonly index: number;
  readonly dropped: RtpDropped;
}

/**
 * Most packets of one unit: the largest frame in packets of 512 bytes, which is less than any
 * sender makes of a frame that large.
 */
export const UNIT_PACKETS_MAX = 16_384;

/**
 * Packets of one track, in order, to units. Nothing that arrives is an error to the caller: what
 * cannot be used is reported as dropped. Never hands out a unit of which anything is missing, nor,
 * of video, one that refers to such.
 */
export interface Depacketizer {
  /** As known by now: of SDP, later of the media itself. `undefined` until either tells. */
  readonly track: Track | undefined;
  /** Takes the next packet, borrowed for the call; returns the units that it completes. */
  push(packet: RtpPacket): readonly Unit[];
  /** Packets before the next one are missing. */
  lost(): void;
  /** Nothing more will come: the unit that is complete as far as anybody knows, if there is one. */
  flush(): readonly Unit[];
}

/**
 * Frames of one track to payloads, written where the caller wants them. One is planned, then
 * written packet by packet; nothing is allocated but when a configuration changes.
 */
export interface Packetizer {
  /** Clock of the timestamps, in Hz. */
  readonly clockHz: number;
  /**
   * Makes `frame` the one that {@link write} begins to write. Depends on the frame alone.
   *
   * @returns Packets that it needs; 0 when it cannot be carried.
   */
  plan(frame: Frame): number;
  /** Bytes of all payloads of the frame planned last. */
  readonly payloadBytes: number;
  /** Writes the payload of the next packet at `offset`; returns its size. */
  write(target: Uint8Array, offset: number): number;
  /** Whether the packet written last has the marker. */
  readonly marker: boolean;
  /** How much later than the frame the packet written last is, in ticks. */
  readonly ticksLater: number;
}

/** No units. */
export const NO_UNITS: readonly Unit[] = [];
