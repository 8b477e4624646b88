/**
 * Frames as the elementary streams of MPEG-TS want them: start codes, access unit delimiters and
 * parameter sets for H.264 and H.265, ADTS for AAC, control headers for Opus; others as they are.
 *
 * Sources: ISO/IEC 13818-1, sections 2.14.1 (H.264) and 2.17.1 (H.265): every access unit opens
 * with its delimiter; ITU-T H.264 and H.265, annex B; ISO/IEC 14496-3, 1.A.2 (ADTS); the mapping
 * of Opus in MPEG-TS, section "Opus Control Header".
 *
 * @module
 */
import { type AudioSpecificConfig, parseAudioSpecificConfig } from "../codecs/aac.ts";
import { ADTS_FRAME_BYTES_MAX, ADTS_HEADER_BYTES, writeAdtsHeader } from "../codecs/adts.ts";
import { H264_NAL_TYPE, parseAvcDecoderConfigurationRecord } from "../codecs/h264.ts";
import { H265_NAL_TYPE, hevcUnits, parseHevcDecoderConfigurationRecord } from "../codecs/h265.ts";
import { concatBytes } from "../bytes/concat.ts";
import { NAL_LENGTH_BYTES } from "../media/nal.ts";
import type { Frame } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import { streamFormOf } from "./stream_form.ts";

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** Delimiters that allow any kind of picture: primary_pic_type 7, pic_type 2, and a stop bit. */
const DELIMITER = {
  h264: Uint8Array.of(...START_CODE, 0x09, 0xf0),
  h265: Uint8Array.of(...START_CODE, 0x46, 0x01, 0x50),
} as const;

/** Bits for the parameter sets seen in an access unit. */
const SET = { sps: 1, pps: 2, vps: 4 } as const;
const ALL_SETS = { h264: SET.sps | SET.pps, h265: SET.sps | SET.pps | SET.vps } as const;

/** Opus control header without sizes: the prefix of 11 bits, no trim, no extension. */
const OPUS_PREFIX = 0x7fe0;
const OPUS_PREFIX_BYTES = 2;

const NOTHING = new Uint8Array(0);

/** The payload of one track's frame after the other; no object is made for a frame. */
export class PayloadWriter {
  #track: Track | undefined;
  #carried = false;
  /** Of AAC. */
  #config: AudioSpecificConfig | undefined;
  /** Delimiter; delimiter and parameter sets; parameter sets. Of H.264 and H.265. */
  #delimiter: Uint8Array = NOTHING;
  #opening: Uint8Array = NOTHING;
  #sets: Uint8Array = NOTHING;
  /** The frame loaded last: its bytes, and what is put in after the first `#splitAt` of them. */
  #data: Uint8Array = NOTHING;
  #insert: Uint8Array = NOTHING;
  #splitAt = 0;

  /**
   * Makes a frame the one that {@link write} writes.
   *
   * @returns Bytes of its payload; 0 when it cannot be carried: it is empty, its NAL units do not
   * add up, or it is too large for ADTS.
   */
  load(frame: Frame): number {
    if (frame.track !== this.#track) this.#configure(frame.track);
    const { data } = frame;
    if (!this.#carried || data.length === 0) return 0;
    this.#data = data;
    switch (frame.track.codec) {
      case "h264":
      case "h265":
        return this.#loadVideo(frame.track.codec, frame.keyframe);
      case "aac": {
        const bytes = ADTS_HEADER_BYTES + data.length;
        return bytes > ADTS_FRAME_BYTES_MAX ? 0 : bytes;
      }
      case "opus":
        return OPUS_PREFIX_BYTES + Math.floor(data.length / 255) + 1 + data.length;
      default:
        return data.length;
    }
  }

  /** Writes the payload of the frame loaded last at `offset`. */
  write(target: Uint8Array, offset: number): void {
    const data = this.#data;
    switch (this.#track?.codec) {
      case "h264":
      case "h265":
        return this.#writeVideo(target, offset);
      case "aac":
        writeAdtsHeader(this.#config as AudioSpecificConfig, data.length, target, offset);
        return target.set(data, offset + ADTS_HEADER_BYTES);
      case "opus":
        return target.set(data, writeOpusHeader(data.length, target, offset));
      default:
        return target.set(data, offset);
    }
  }

  #configure(track: Track): void {
    this.#track = track;
    this.#carried = typeof streamFormOf(track) !== "string";
    if (!this.#carried) return;
    if (track.codec === "aac") this.#config = parseAudioSpecificConfig(track.config);
    if (track.codec !== "h264" && track.codec !== "h265") return;
    this.#delimiter = DELIMITER[track.codec];
    this.#sets = parameterSets(track.codec, track.config);
    this.#opening = concatBytes(this.#delimiter, this.#sets);
  }

  /** Walks the NAL units to find what is there already. */
  #loadVideo(codec: "h264" | "h265", keyframe: boolean): number {
    const data = this.#data;
    let first = true;
    let sets = 0;
    this.#splitAt = 0;
    for (let offset = 0; offset < data.length;) {
      const end = unitEnd(data, offset);
      if (end === -1) return 0;
      if (end > offset + NAL_LENGTH_BYTES) {
        const byte = data[offset + NAL_LENGTH_BYTES];
        const type = codec === "h264" ? byte & 0x1f : (byte >>> 1) & 0x3f;
        // The encoder's own delimiter knows more than ours; the rest goes behind it.
        if (first && type === DELIMITER_TYPE[codec]) this.#splitAt = end;
        sets |= codec === "h264" ? h264Set(type) : h265Set(type);
        first = false;
      }
      offset = end;
    }
    if (first) return 0;
    const complete = !keyframe || sets === ALL_SETS[codec];
    if (this.#splitAt === 0) this.#insert = complete ? this.#delimiter : this.#opening;
    else this.#insert = complete ? NOTHING : this.#sets;
    return this.#insert.length + data.length;
  }

  #writeVideo(target: Uint8Array, offset: number): void {
    const data = this.#data;
    const splitAt = this.#splitAt;
    const insert = this.#insert;
    if (splitAt > 0) target.set(data.subarray(0, splitAt), offset);
    target.set(insert, offset + splitAt);
    target.set(splitAt > 0 ? data.subarray(splitAt) : data, offset + splitAt + insert.length);
    // Lengths and start codes are of the same size, so one overwrites the other.
    for (let from = 0; from < data.length;) {
      const end = unitEnd(data, from);
      const at = offset + from + (from < splitAt ? 0 : insert.length);
      target[at] = 0;
      target[at + 1] = 0;
      target[at + 2] = 0;
      // A unit of no bytes leaves only zeros, which may stand between units (B.1.1).
      target[at + 3] = end > from + NAL_LENGTH_BYTES ? 1 : 0;
      from = end;
    }
  }
}

const DELIMITER_TYPE = {
  h264: H264_NAL_TYPE.accessUnitDelimiter,
  h265: H265_NAL_TYPE.accessUnitDelimiter,
} as const;

function h264Set(type: number): number {
  if (type === H264_NAL_TYPE.sps) return SET.sps;
  return type === H264_NAL_TYPE.pps ? SET.pps : 0;
}

function h265Set(type: number): number {
  if (type === H265_NAL_TYPE.vps) return SET.vps;
  if (type === H265_NAL_TYPE.sps) return SET.sps;
  return type === H265_NAL_TYPE.pps ? SET.pps : 0;
}

/** Where the length-prefixed unit at `offset` ends; -1 when that is beyond the data. */
function unitEnd(data: Uint8Array, offset: number): number {
  const start = offset + NAL_LENGTH_BYTES;
  if (start > data.length) return -1;
  const bytes = (data[offset] << 24 | data[offset + 1] << 16 | data[offset + 2] << 8 |
    data[offset + 3]) >>> 0;
  return bytes > data.length - start ? -1 : start + bytes;
}

/** The configuration's parameter sets behind start codes. */
function parameterSets(codec: "h264" | "h265", config: Uint8Array): Uint8Array {
  const units: Uint8Array[] = [];
  if (codec === "h264") {
    const { sps, pps, high } = parseAvcDecoderConfigurationRecord(config);
    units.push(...sps, ...(high?.spsExtensions ?? []), ...pps);
  } else {
    const record = parseHevcDecoderConfigurationRecord(config);
    for (const name of ["vps", "sps", "pps"] as const) {
      units.push(...hevcUnits(record, H265_NAL_TYPE[name]));
    }
  }
  return concatBytes(...units.flatMap((unit) => [START_CODE, unit]));
}

/** Writes a control header; returns the offset behind it. */
function writeOpusHeader(dataBytes: number, target: Uint8Array, offset: number): number {
  target[offset] = OPUS_PREFIX >>> 8;
  target[offset + 1] = OPUS_PREFIX & 0xff;
  let at = offset + OPUS_PREFIX_BYTES;
  let left = dataBytes;
  for (; left >= 255; left -= 255) target[at++] = 255; // au_size: what adds up to it
  target[at++] = left;
  return at;
}
