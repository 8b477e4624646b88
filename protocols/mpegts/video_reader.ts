/**
 * H.264 and H.265 byte streams to frames: one access unit a PES packet.
 *
 * Source: ISO/IEC 13818-1, sections 2.14 and 2.17; ITU-T H.264 and H.265, annex B. Access unit
 * delimiters and parameter sets are taken out: the latter make the track. A PES packet without a
 * timestamp, as some senders split large pictures into, is left out.
 *
 * @module
 */
import { H264_NAL_TYPE, h264NalType, isH264Idr } from "../codecs/h264.ts";
import { H265_NAL_TYPE, h265NalType, isH265Irap } from "../codecs/h265.ts";
import {
  noParameterSets,
  parameterSetName,
  type ParameterSets,
  ParameterSetStore,
} from "../codecs/parameter_sets.ts";
import { forEachAnnexBNalUnit, NAL_LENGTH_BYTES } from "../media/nal.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import type { FrameSink, PesTimes, StreamReader } from "./stream_reader.ts";
import { TS_DROP_REASON } from "./ts_sink.ts";

export class VideoReader implements StreamReader {
  readonly codec: "h264" | "h265";
  readonly index: number;
  readonly #sink: FrameSink;
  readonly #sets: ParameterSetStore;
  /** The unit views of the access unit at hand. */
  readonly #units: Uint8Array[] = [];

  constructor(codec: "h264" | "h265", index: number, sink: FrameSink) {
    this.codec = codec;
    this.index = index;
    this.#sink = sink;
    this.#sets = new ParameterSetStore(codec, index);
  }

  payload(bytes: Uint8Array, times: PesTimes | undefined, randomAccess: boolean): void {
    const sets = noParameterSets();
    let intra = false;
    this.#units.length = 0;
    forEachAnnexBNalUnit(bytes, (nal) => {
      const name = parameterSetName(this.codec, nal);
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
    const { track } = this.#sets;
    if (track === undefined) return this.#sink.dropped(TS_DROP_REASON.unconfigured);
    const data = lengthPrefixed(this.#units);
    if (data === undefined) return this.#sink.dropped(TS_DROP_REASON.frameBytes);
    this.#sink.frame(track, times, keyframe, data);
  }

  #configure(found: ParameterSets): void {
    const outcome = this.#sets.take(found);
    if (outcome === "unreadable") this.#sink.dropped(TS_DROP_REASON.configuration);
    if (outcome === "changed" && this.#sets.track) this.#sink.track(this.#sets.track);
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
