/**
 * H.264 and H.265 byte streams to frames: one access unit a PES packet.
 *
 * Source: ISO/IEC 13818-1, sections 2.14 and 2.17; ITU-T H.264 and H.265, annex B. Access unit
 * delimiters and parameter sets are taken out: the latter make the track. A PES packet without a
 * timestamp, as some senders split large pictures into, is left out.
 *
 * @module
 */
import { equalBytes } from "../bytes/equal.ts";
import {
  AVC_PPS_MAX,
  AVC_SPS_MAX,
  avcConfigOf,
  H264_NAL_TYPE,
  h264NalType,
  isH264Idr,
  writeAvcDecoderConfigurationRecord,
} from "../codecs/h264.ts";
import {
  H265_NAL_TYPE,
  h265NalType,
  hevcConfigOf,
  isH265Irap,
  writeHevcDecoderConfigurationRecord,
} from "../codecs/h265.ts";
import { videoTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import { forEachAnnexBNalUnit, NAL_LENGTH_BYTES, PARAMETER_SET_BYTES_MAX } from "../media/nal.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import type { VideoTrack } from "../media/track.ts";
import type { FrameSink, PesTimes, StreamReader } from "./stream_reader.ts";
import { TS_DROP_REASON } from "./ts_sink.ts";

/** Most parameter sets of one type that are kept: avcC has room for 31 SPS, hvcC for 128 in all. */
const SETS_MAX = Math.min(AVC_SPS_MAX, AVC_PPS_MAX);

type SetName = "vps" | "sps" | "pps";
type ParameterSets = Record<SetName, Uint8Array[]>;

export class VideoReader implements StreamReader {
  readonly codec: "h264" | "h265";
  readonly index: number;
  readonly #sink: FrameSink;
  #sets: ParameterSets = { vps: [], sps: [], pps: [] };
  #track: VideoTrack | undefined;
  /** The unit views of the access unit at hand. */
  readonly #units: Uint8Array[] = [];

  constructor(codec: "h264" | "h265", index: number, sink: FrameSink) {
    this.codec = codec;
    this.index = index;
    this.#sink = sink;
  }

  payload(bytes: Uint8Array, times: PesTimes | undefined, randomAccess: boolean): void {
    const sets: ParameterSets = { vps: [], sps: [], pps: [] };
    let intra = false;
    this.#units.length = 0;
    forEachAnnexBNalUnit(bytes, (nal) => {
      const name = this.#setName(nal);
      if (name !== undefined) sets[name].push(nal);
      else if (!this.#isDelimiter(nal)) this.#units.push(nal);
      intra ||= this.codec === "h264" ? isH264Idr(nal) : isH265Irap(nal);
    });
    this.#configure(sets);
    // Open groups of H.264 start with a picture that is no IDR but says that decoding can start.
    const keyframe = intra || (randomAccess && sets.sps.length > 0);
    if (this.#units.length > 0) this.#frame(times, keyframe);
  }

  lost(): void {
    // A PES packet is a whole access unit, so nothing is ever half read.
  }

  #frame(times: PesTimes | undefined, keyframe: boolean): void {
    if (times === undefined) return this.#sink.dropped(TS_DROP_REASON.untimed);
    if (this.#track === undefined) return this.#sink.dropped(TS_DROP_REASON.unconfigured);
    const data = lengthPrefixed(this.#units);
    if (data === undefined) return this.#sink.dropped(TS_DROP_REASON.frameBytes);
    this.#sink.frame(this.#track, times, keyframe, data);
  }

  /** Takes parameter sets of one access unit; those of a type replace all of that type. */
  #configure(found: ParameterSets): void {
    let changed = false;
    const next = { ...this.#sets };
    for (const name of ["vps", "sps", "pps"] as const) {
      const units = distinct(found[name]);
      if (units.length === 0) continue;
      // A lone PPS is one more, or a new version of one; an SPS starts a new set.
      const added = name === "pps" && found.sps.length === 0
        ? distinct([...next.pps, ...units]).slice(-SETS_MAX)
        : units.slice(0, SETS_MAX);
      if (sameUnits(added, next[name])) continue;
      next[name] = added.map((unit) => unit.slice());
      changed = true;
    }
    if (!changed) return;
    this.#sets = next;
    const complete = next.sps.length > 0 && next.pps.length > 0 &&
      (this.codec === "h264" || next.vps.length > 0);
    if (complete) this.#announce();
  }

  #announce(): void {
    try {
      const config = this.codec === "h264"
        ? writeAvcDecoderConfigurationRecord(avcConfigOf(this.#sets.sps, this.#sets.pps))
        : writeHevcDecoderConfigurationRecord(hevcConfigOf(this.#sets));
      this.#track = videoTrack(this.codec, this.index, config);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#track = undefined;
      return this.#sink.dropped(TS_DROP_REASON.configuration);
    }
    this.#sink.track(this.#track);
  }

  #setName(nal: Uint8Array): SetName | undefined {
    const type = this.codec === "h264" ? h264NalType(nal) : h265NalType(nal);
    const types = this.codec === "h264" ? H264_NAL_TYPE : H265_NAL_TYPE;
    // Larger ones would not fit the configuration; no encoder writes them.
    if (nal.length > PARAMETER_SET_BYTES_MAX) return undefined;
    if (type === types.sps) return "sps";
    if (type === types.pps) return "pps";
    return this.codec === "h265" && type === H265_NAL_TYPE.vps ? "vps" : undefined;
  }

  #isDelimiter(nal: Uint8Array): boolean {
    return this.codec === "h264"
      ? h264NalType(nal) === H264_NAL_TYPE.accessUnitDelimiter
      : h265NalType(nal) === H265_NAL_TYPE.accessUnitDelimiter;
  }
}

/** The units behind 4-byte lengths; `undefined` when that is too large. */
function lengthPrefixed(units: readonly Uint8Array[]): Uint8Array | undefined {
  let bytes = 0;
  for (const unit of units) bytes += NAL_LENGTH_BYTES + unit.length;
  if (bytes > FRAME_BYTES_MAX) return undefined;
  const data = new Uint8Array(bytes);
  const view = new DataView(data.buffer);
  let offset = 0;
  for (const unit of units) {
    view.setUint32(offset, unit.length);
    data.set(unit, offset + NAL_LENGTH_BYTES);
    offset += NAL_LENGTH_BYTES + unit.length;
  }
  return data;
}

/** Without repetitions; looks at {@link SETS_MAX} units from the end at most. */
function distinct(units: readonly Uint8Array[]): Uint8Array[] {
  const kept: Uint8Array[] = [];
  for (const unit of units.slice(-2 * SETS_MAX)) {
    if (!kept.some((known) => equalBytes(known, unit))) kept.push(unit);
  }
  return kept;
}

function sameUnits(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((unit, index) => equalBytes(unit, b[index]));
}
