/**
 * MPEG audio (MP3) in RTP: whole frames, any number a packet, or a part of one.
 *
 * Source: RFC 2250, sections 3.2 and 3.5. The clock is 90 kHz, whatever the sample rate.
 *
 * @module
 */
import { MP3_HEADER_BYTES, type Mp3FrameHeader, parseMp3FrameHeader } from "../codecs/mp3.ts";
import { audioTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import type { Frame } from "../media/record.ts";
import type { AudioTrack } from "../media/track.ts";
import type { RtpPacket } from "./packet.ts";
import {
  type Depacketizer,
  type DepacketizerOptions,
  NO_UNITS,
  type Packetizer,
  RTP_DROP_REASON,
  type Unit,
} from "./payload.ts";
import { UnitBuffer } from "./unit_buffer.ts";

/** Clock of the format (3.5), in Hz. */
export const MPA_CLOCK_HZ = 90_000;

/** MBZ and Frag_offset, 16 bits each, in front of every payload (3.5). */
const HEADER_BYTES = 4;

const NO_CONFIG = new Uint8Array(0);

export class Mp3Depacketizer implements Depacketizer {
  readonly #options: DepacketizerOptions;
  readonly #buffer = new UnitBuffer();
  /** The frame that is still coming, and its time. */
  #header: Mp3FrameHeader | undefined;
  #timestamp = 0;
  #track: AudioTrack | undefined;

  constructor(options: DepacketizerOptions) {
    this.#options = options;
  }

  get track(): AudioTrack | undefined {
    return this.#track;
  }

  push({ payload, timestamp }: RtpPacket): readonly Unit[] {
    if (payload.length === 0) return NO_UNITS;
    if (payload.length < HEADER_BYTES) return this.#malformed();
    const fragmentAt = payload[2] << 8 | payload[3];
    const data = payload.subarray(HEADER_BYTES);
    try {
      return fragmentAt > 0 ? this.#continue(data, fragmentAt) : this.#frames(data, timestamp);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#malformed();
    }
  }

  lost(): void {
    if (this.#header !== undefined) this.#options.dropped(RTP_DROP_REASON.lost);
    this.#header = undefined;
    this.#buffer.clear();
  }

  flush(): readonly Unit[] {
    this.lost();
    return NO_UNITS;
  }

  #frames(data: Uint8Array, timestamp: number): readonly Unit[] {
    this.lost(); // A new frame begins, so what was coming never will.
    const units: Unit[] = [];
    let ticks = timestamp;
    for (let offset = 0; offset < data.length;) {
      const header = parseMp3FrameHeader(data, offset);
      if (header === undefined) throw malformed("frame header cut short", offset);
      // Frames of free format do not tell their size: one is all that is there.
      const end = header.frameBytes === 0 ? data.length : offset + header.frameBytes;
      if (end > data.length) {
        if (offset > 0) throw malformed("frame cut short behind another", offset);
        this.#header = header;
        this.#timestamp = timestamp;
        this.#buffer.append(data);
        return NO_UNITS;
      }
      units.push(this.#unit(header, ticks >>> 0, data.slice(offset, end)));
      ticks += Math.round(header.frameSamples * MPA_CLOCK_HZ / header.sampleRate);
      offset = end;
    }
    return units;
  }

  #continue(data: Uint8Array, fragmentAt: number): readonly Unit[] {
    const header = this.#header;
    if (header === undefined || fragmentAt !== this.#buffer.length) {
      this.#options.dropped(RTP_DROP_REASON.lost);
      this.#header = undefined;
      this.#buffer.clear();
      return NO_UNITS;
    }
    if (fragmentAt + data.length > header.frameBytes) {
      throw malformed("fragment beyond the end of its frame", 2);
    }
    this.#buffer.append(data);
    if (this.#buffer.length < header.frameBytes) return NO_UNITS;
    this.#header = undefined;
    return [this.#unit(header, this.#timestamp, this.#buffer.take())];
  }

  #unit({ sampleRate, channels }: Mp3FrameHeader, timestamp: number, data: Uint8Array): Unit {
    const known = this.#track;
    const track = known?.sampleRate === sampleRate && known.channels === channels
      ? known
      : audioTrack("mp3", this.#options.index, NO_CONFIG, { sampleRate, channels });
    this.#track = track;
    return { track, timestamp, keyframe: true, data };
  }

  #malformed(): readonly Unit[] {
    this.#options.dropped(RTP_DROP_REASON.payload);
    this.#header = undefined;
    this.#buffer.clear();
    return NO_UNITS;
  }
}

export class Mp3Packetizer implements Packetizer {
  readonly clockHz = MPA_CLOCK_HZ;
  readonly ticksLater = 0;
  /** Set at the start of a talkspurt only, and live audio is one. */
  readonly marker = false;
  payloadBytes = 0;
  readonly #room: number;
  #data: Uint8Array = NO_CONFIG;
  #at = 0;

  /** @param payloadBytesMax Most bytes of a payload. */
  constructor(payloadBytesMax: number) {
    this.#room = payloadBytesMax - HEADER_BYTES;
  }

  plan({ data }: Frame): number {
    if (data.length < MP3_HEADER_BYTES || data.length > 0xffff) return 0; // Frag_offset: 16 bits.
    this.#data = data;
    this.#at = 0;
    const packets = Math.ceil(data.length / this.#room);
    this.payloadBytes = data.length + packets * HEADER_BYTES;
    return packets;
  }

  write(target: Uint8Array, offset: number): number {
    const start = this.#at;
    this.#at = Math.min(start + this.#room, this.#data.length);
    target[offset] = target[offset + 1] = 0;
    target[offset + 2] = start >>> 8;
    target[offset + 3] = start;
    target.set(this.#data.subarray(start, this.#at), offset + HEADER_BYTES);
    return HEADER_BYTES + this.#at - start;
  }
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read MPEG audio payload: ${found}`, {
    protocol: "RTP MPA",
    section: "RFC 2250 3.5",
    offset,
  });
}
