/**
 * Session descriptions as cameras, encoders and servers send them.
 *
 * Source: RFC 8866 (SDP), RFC 2326, appendix C (control, range), RFC 3551, table 4 and 5 (static
 * payload types). Tolerant: what is unknown, missing or misspelt is left out or filled in, never an
 * error, for a camera cannot be corrected. `sdp_writer.ts` writes ours.
 *
 * @module
 */
import type { RtpFormat } from "../rtp/payload.ts";

export type { RtpFormat };

/** Longest description that is looked at, in UTF-16 code units: as long as a message's body. */
export const SDP_LENGTH_MAX = 64 * 1024;

/** Most media that are looked at: eight cameras with sound, and the metadata of each. */
export const SDP_MEDIA_MAX = 32;

/** Most formats of one medium that are looked at; telephones offer a dozen. */
export const SDP_FORMATS_MAX = 32;

/** Most parameters of one format. */
const PARAMETERS_MAX = 64;

/** One medium of a description. */
export interface SdpMedia {
  /** "video", "audio", "application", ...; lower case, as sent. */
  readonly kind: string;
  /** Transport protocol as sent: "RTP/AVP". */
  readonly protocol: string;
  /** In the order of preference; empty when it is not carried by RTP. */
  readonly formats: readonly RtpFormat[];
  /** As sent; `undefined` when there is none. */
  readonly control: string | undefined;
  /** Whoever described it sends it, receives it, or both; "sendrecv" unless it said. */
  readonly direction: "sendrecv" | "sendonly" | "recvonly" | "inactive";
}

/** A whole description. */
export interface SdpSession {
  /** Its name (s=), "" when there is none. */
  readonly name: string;
  /** Control of the whole; `undefined` when there is none. */
  readonly control: string | undefined;
  /** a=range of the whole, as sent: "npt=now-". */
  readonly range: string | undefined;
  readonly media: readonly SdpMedia[];
}

type Direction = SdpMedia["direction"];

const DIRECTIONS: readonly string[] = ["sendrecv", "sendonly", "recvonly", "inactive"];

/** Static payload types that cameras use without naming them (RFC 3551, tables 4 and 5). */
const STATIC_FORMATS: Readonly<Record<number, readonly [string, number, number]>> = {
  0: ["PCMU", 8000, 1],
  2: ["G726-32", 8000, 1], // As RFC 1890 had it; 3551 took the number back.
  3: ["GSM", 8000, 1],
  4: ["G723", 8000, 1],
  8: ["PCMA", 8000, 1],
  9: ["G722", 8000, 1],
  10: ["L16", 44100, 2],
  11: ["L16", 44100, 1],
  14: ["MPA", 90000, 1],
  18: ["G729", 8000, 1],
  26: ["JPEG", 90000, 1],
  32: ["MPV", 90000, 1],
  33: ["MP2T", 90000, 1],
};

/** Encodings whose clock a rule fixes, whatever a camera writes. */
const FIXED_CLOCKS: Readonly<Record<string, number>> = {
  H264: 90000,
  H265: 90000,
  AV1: 90000,
  VP8: 90000,
  VP9: 90000,
  JPEG: 90000,
  MPV: 90000,
  MPA: 90000,
  MP2T: 90000,
  "MP4V-ES": 90000,
  OPUS: 48000,
  G722: 8000,
};

/** Encodings with a usual clock, for cameras that leave it out or write 0. */
const USUAL_CLOCKS: Readonly<Record<string, number>> = { PCMU: 8000, PCMA: 8000 };

/** Names that mean another encoding. */
const ALIASES: Readonly<Record<string, string>> = {
  HEVC: "H265",
  "MPEG4-GENERIC-AAC": "MPEG4-GENERIC",
};

/** A medium while its lines are being read. */
interface Draft {
  readonly kind: string;
  readonly protocol: string;
  readonly payloadTypes: readonly number[];
  readonly maps: Map<number, { encoding: string; clockHz: number; channels: number | undefined }>;
  readonly parameters: Map<number, Map<string, string>>;
  control: string | undefined;
  direction: Direction;
}

/** Reads a description; what makes no sense is left out. */
export function parseSdp(text: string): SdpSession {
  const session: { name: string; control?: string; range?: string } = { name: "" };
  let direction: Direction = "sendrecv";
  const drafts: Draft[] = [];
  for (const raw of text.slice(0, SDP_LENGTH_MAX).split(/\r\n|\n|\r/)) {
    const line = raw.trim(); // Takes a byte order mark along.
    if (line[1] !== "=") continue;
    const [type, value] = [line[0], line.slice(2).trim()];
    const draft = drafts.at(-1);
    if (type === "m") {
      if (drafts.length === SDP_MEDIA_MAX) break;
      drafts.push(parseMediaLine(value, direction));
    } else if (type === "s" && draft === undefined) session.name = value;
    else if (type === "a" && draft !== undefined) applyAttribute(draft, value);
    else if (type === "a") {
      const [name, content] = splitAttribute(value);
      if (name === "control") session.control ??= content;
      else if (name === "range") session.range ??= content;
      else if (DIRECTIONS.includes(name)) direction = name as Direction;
    }
  }
  const { name, control, range } = session;
  return { name, control, range, media: drafts.map(mediaOf) };
}

function parseMediaLine(value: string, direction: Direction): Draft {
  const [kind = "", , protocol = "", ...formats] = value.split(/\s+/);
  return {
    kind: kind.toLowerCase(),
    protocol,
    payloadTypes: formats.slice(0, SDP_FORMATS_MAX).filter((format) => /^\d{1,3}$/.test(format))
      .map(Number).filter((payloadType) => payloadType < 128),
    maps: new Map(),
    parameters: new Map(),
    control: undefined,
    direction,
  };
}

function applyAttribute(draft: Draft, value: string): void {
  const [name, content] = splitAttribute(value);
  if (name === "control") draft.control ??= content;
  else if (name === "rtpmap") applyMap(draft, content);
  else if (name === "fmtp") applyParameters(draft, content);
  else if (DIRECTIONS.includes(name)) draft.direction = name as Direction;
}

/** "96 H264/90000", "97 opus/48000/2"; some put no space, some no clock. */
function applyMap(draft: Draft, content: string): void {
  const match = /^(\d{1,3})\s+([^\s/]+)(?:\/\s*(\d{1,9}))?(?:\/\s*(\d{1,3}))?/.exec(content);
  if (match === null || !draft.payloadTypes.includes(Number(match[1]))) return;
  const name = match[2].toUpperCase();
  draft.maps.set(Number(match[1]), {
    encoding: ALIASES[name] ?? name,
    clockHz: Number(match[3] ?? 0),
    channels: match[4] === undefined ? undefined : Number(match[4]),
  });
}

/** "96 a=1; b=2": separators come with and without spaces, values may hold "=". */
function applyParameters(draft: Draft, content: string): void {
  const match = /^(\d{1,3})\s+(.*)$/.exec(content);
  if (match === null || !draft.payloadTypes.includes(Number(match[1]))) return;
  const parameters = draft.parameters.get(Number(match[1])) ?? new Map<string, string>();
  draft.parameters.set(Number(match[1]), parameters);
  for (const part of match[2].split(";", PARAMETERS_MAX)) {
    const mark = part.indexOf("=");
    const name = (mark < 0 ? part : part.slice(0, mark)).trim().toLowerCase();
    if (name !== "" && parameters.size < PARAMETERS_MAX) {
      parameters.set(name, mark < 0 ? "" : part.slice(mark + 1).trim());
    }
  }
}

function mediaOf(draft: Draft): SdpMedia {
  const { kind, protocol, control, direction, payloadTypes } = draft;
  const formats = /^RTP\//i.test(protocol) || protocol === ""
    ? payloadTypes.map((payloadType) => formatOf(draft, payloadType))
    : [];
  return { kind, protocol, formats, control, direction };
}

function formatOf({ maps, parameters }: Draft, payloadType: number): RtpFormat {
  const [staticEncoding, staticClockHz, staticChannels] = STATIC_FORMATS[payloadType] ?? ["", 0, 1];
  const map = maps.get(payloadType);
  const encoding = map?.encoding ?? staticEncoding;
  const told = map?.clockHz || (encoding === staticEncoding ? staticClockHz : 0);
  return {
    payloadType,
    encoding,
    clockHz: FIXED_CLOCKS[encoding] ?? (told || (USUAL_CLOCKS[encoding] ?? 0)),
    channels: map?.channels || staticChannels,
    parameters: parameters.get(payloadType) ?? new Map(),
  };
}

function splitAttribute(value: string): [name: string, content: string] {
  const colon = value.indexOf(":");
  if (colon < 0) return [value.trim().toLowerCase(), ""];
  return [value.slice(0, colon).trim().toLowerCase(), value.slice(colon + 1).trim()];
}
