/**
 * Parameter sets of H.264 and H.265 that come in the stream, as MPEG-TS and RTP bring them, and the
 * track they make.
 *
 * Sources: ITU-T H.264, section 7.4.1.2.1; H.265, section 7.4.2.4.2.
 *
 * @module
 */
import { equalBytes } from "../bytes/equal.ts";
import { ProtocolError } from "../errors.ts";
import { PARAMETER_SET_BYTES_MAX } from "../media/nal.ts";
import type { VideoTrack } from "../media/track.ts";
import {
  AVC_PPS_MAX,
  AVC_SPS_MAX,
  avcConfigOf,
  H264_NAL_TYPE,
  h264NalType,
  writeAvcDecoderConfigurationRecord,
} from "./h264.ts";
import {
  H265_NAL_TYPE,
  h265NalType,
  hevcConfigOf,
  writeHevcDecoderConfigurationRecord,
} from "./h265.ts";
import { videoTrack } from "./track_config.ts";

/** Most parameter sets of one type that are kept: avcC has room for 31 SPS, hvcC for 128 in all. */
const SETS_MAX = Math.min(AVC_SPS_MAX, AVC_PPS_MAX);

const SET_NAMES = ["vps", "sps", "pps"] as const;

/** The kinds of parameter sets; H.264 has no VPS. */
export type ParameterSetName = typeof SET_NAMES[number];

/** NAL units without prefix, by kind. */
export type ParameterSets = Record<ParameterSetName, Uint8Array[]>;

/** What parameter sets have led to. */
export type ParameterSetsOutcome = "same" | "incomplete" | "changed" | "unreadable";

/** No sets. */
export function noParameterSets(): ParameterSets {
  return { vps: [], sps: [], pps: [] };
}

/** Which kind of parameter set a NAL unit is; `undefined` for what is none, or too large for one. */
export function parameterSetName(
  codec: "h264" | "h265",
  nal: Uint8Array,
): ParameterSetName | undefined {
  // Larger ones would not fit the configuration; no encoder writes them.
  if (nal.length > PARAMETER_SET_BYTES_MAX) return undefined;
  const type = codec === "h264" ? h264NalType(nal) : h265NalType(nal);
  const types = codec === "h264" ? H264_NAL_TYPE : H265_NAL_TYPE;
  if (type === types.sps) return "sps";
  if (type === types.pps) return "pps";
  return codec === "h265" && type === H265_NAL_TYPE.vps ? "vps" : undefined;
}

export class ParameterSetStore {
  readonly #codec: "h264" | "h265";
  readonly #index: number;
  #sets: ParameterSets = noParameterSets();
  #track: VideoTrack | undefined;

  constructor(codec: "h264" | "h265", index: number) {
    this.#codec = codec;
    this.#index = index;
  }

  /** The track as now configured; `undefined` until its sets are complete. */
  get track(): VideoTrack | undefined {
    return this.#track;
  }

  /**
   * Takes the parameter sets of one access unit, copied if they are kept; those of a type replace
   * all of that type.
   *
   * @returns "changed" = {@link track} is a new one; "unreadable" = there is none any more.
   */
  take(found: ParameterSets): ParameterSetsOutcome {
    let changed = false;
    const next = { ...this.#sets };
    for (const name of SET_NAMES) {
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
    if (!changed) return "same";
    this.#sets = next;
    const complete = next.sps.length > 0 && next.pps.length > 0 &&
      (this.#codec === "h264" || next.vps.length > 0);
    return complete ? this.#configure() : "incomplete";
  }

  #configure(): "changed" | "unreadable" {
    try {
      const config = this.#codec === "h264"
        ? writeAvcDecoderConfigurationRecord(avcConfigOf(this.#sets.sps, this.#sets.pps))
        : writeHevcDecoderConfigurationRecord(hevcConfigOf(this.#sets));
      this.#track = videoTrack(this.#codec, this.#index, config);
      return "changed";
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#track = undefined;
      return "unreadable";
    }
  }
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
