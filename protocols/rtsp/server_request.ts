/**
 * What a server checks of a request before anybody decides about it.
 *
 * Source: RFC 2326, sections 10 to 12; RFC 7826, section 17, for the statuses. Pure functions; a
 * refusal is a status and the fields that explain it.
 *
 * @module
 */
import { streamNameFromPath } from "../media/stream_name.ts";
import type { ProtocolError } from "../errors.ts";
import {
  fieldOf,
  type FieldsToWrite,
  RTSP_BODY_TOO_LARGE,
  RTSP_HEAD_TOO_LONG,
  type RtspRequest,
} from "./message.ts";
import { parseSdp, type SdpSession } from "./sdp.ts";
import type { RtspServerRequest } from "./server_events.ts";
import { CHANNELS, parseTransportRequest, type TransportRequest } from "./transport.ts";
import { mediaOfSetup, splitControl, targetOf } from "./uri.ts";

/** Why not. */
export interface Refused {
  readonly status: number;
  readonly fields?: FieldsToWrite;
}

/** What a publisher said of its stream. */
export interface Announcement extends Pick<RtspServerRequest, "app" | "name" | "query"> {
  /** URL that its controls belong to. */
  readonly base: string;
  readonly description: SdpSession;
}

/** Options that a Require field may name because they ask for nothing we lack. */
const SUPPORTED: ReadonlySet<string> = new Set(["play.basic"]);

/** Whether a check ended in a refusal. */
export function isRefused<T extends object>(result: T | Refused): result is Refused {
  return "status" in result;
}

/**
 * What every request must have: our version, a number, no option that we lack, and the session of
 * this connection if any.
 */
export function checkRequest(
  request: RtspRequest,
  sessionId: string | undefined,
): Refused | undefined {
  if (!request.version.startsWith("1.")) return { status: 505 };
  if (!isCSeq(fieldOf(request, "cseq") ?? "")) return { status: 400 };
  const missing = (request.fields.get("require") ?? []).flatMap((value) => value.split(","))
    .map((option) => option.trim()).filter((option) => option !== "" && !SUPPORTED.has(option));
  if (missing.length > 0) {
    const named = missing.filter((option) => /^[\x21-\x7e]{1,64}$/.test(option));
    return { status: 551, fields: { Unsupported: named.join(", ") } };
  }
  const session = fieldOf(request, "session")?.split(";", 1)[0].trim();
  return session === undefined || session === sessionId ? undefined : { status: 454 };
}

/** Whether the client takes the one form of description that we have (12.1). */
export function checkDescribe(request: RtspRequest): Refused | undefined {
  const accept = request.fields.get("accept")?.join(",").toLowerCase();
  const takes = accept === undefined || /application\/(?:sdp|\*)|\*\/\*/.test(accept);
  return takes ? undefined : { status: 406 };
}

/** A live stream begins now whatever range is asked for, but it must be a range (12.29). */
export function checkRange(request: RtspRequest): Refused | undefined {
  const range = fieldOf(request, "range")?.split(";", 1)[0].trim();
  const known = range === undefined ||
    /^(?:npt|smpte(?:-30-drop|-25)?|clock)\s*=\s*(?:now|[\d:.TZ]*)\s*-\s*[\d:.TZ]*$/i.test(range);
  return known && range !== "npt=-" ? undefined : { status: 457 };
}

/** What every request to decide about has, but for the stream's name. */
export function requestOf(
  request: RtspRequest,
): Pick<RtspServerRequest, "method" | "uri" | "authorization"> {
  const { method, uri } = request;
  return { method, uri, authorization: fieldOf(request, "authorization") };
}

/** The stream that `uri` means, whichever medium of it. */
export function namedRequest(request: RtspRequest, uri: string): RtspServerRequest | Refused {
  const target = targetOf(uri);
  if (target === undefined) return { status: 400 };
  const stream = streamNameFromPath(splitControl(target).target);
  // Why is not said: it might repeat what the client sent.
  if (!stream.ok) return { status: 404 };
  const { app, name, query } = stream;
  return { ...requestOf(request), app, name, query };
}

/** The description of an ANNOUNCE. */
export function announcementOf(
  request: RtspRequest,
  { app, name, query }: RtspServerRequest,
): Announcement | Refused {
  const type = fieldOf(request, "content-type")?.split(";", 1)[0].trim().toLowerCase();
  if (type !== undefined && type !== "application/sdp") {
    return { status: 415, fields: { Accept: "application/sdp" } };
  }
  const description = parseSdp(new TextDecoder().decode(request.body));
  if (description.media.length === 0) return { status: 400 };
  const base = fieldOf(request, "content-base") ?? request.uri;
  return { app, name, query, base, description };
}

/** A medium, and whose it is. */
export interface SetupTarget {
  readonly named: RtspServerRequest;
  readonly media: number | undefined;
}

/** Which medium of which stream a SETUP means. */
export function setupTarget(
  request: RtspRequest,
  announcement: Announcement | undefined,
): SetupTarget | Refused {
  if (announcement === undefined) {
    const named = namedRequest(request, request.uri);
    const target = targetOf(request.uri) ?? "";
    return isRefused(named) ? named : { named, media: splitControl(target).media };
  }
  const { app, name, query, base, description } = announcement;
  const media = mediaOfSetup(request.uri, base, description.media.map(({ control }) => control));
  if (media === undefined) return { status: 404 };
  if (media === "aggregate") return { status: 459 };
  return { named: { ...requestOf(request), app, name, query }, media };
}

/**
 * The ways of transport that a SETUP offers and that suit its role, with channels of their own.
 *
 * @param used Channels of other media.
 */
export function offersOf(
  request: RtspRequest,
  role: "play" | "record",
  used: ReadonlySet<number>,
): TransportRequest[] | Refused {
  const field = fieldOf(request, "transport");
  if (field === undefined) return { status: 400 };
  const offers = parseTransportRequest(field);
  const suiting = offers.filter(({ mode }) => mode === undefined || mode === role);
  if (offers.length > 0 && suiting.length === 0) return { status: 455 };
  const settled = suiting.flatMap((offer): TransportRequest[] => {
    if (offer.kind === "udp") return [offer];
    const wanted = offer.channels;
    const free = wanted !== undefined && !wanted.some((channel) => used.has(channel));
    const channels = free ? wanted : freeChannels(used);
    return channels === undefined ? [] : [{ ...offer, channels }];
  });
  return settled.length > 0 ? settled : { status: 461 };
}

/** Whether a text can number a request, and may be repeated. */
export function isCSeq(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

/** Whether a request has nothing to say, as those that keep a session alive. */
export function isBlank({ body }: RtspRequest): boolean {
  return body.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x0a);
}

/** The status that answers input that cannot be understood. */
export function statusOfFault({ section }: ProtocolError): number {
  if (section === RTSP_HEAD_TOO_LONG) return 431;
  return section === RTSP_BODY_TOO_LARGE ? 413 : 400;
}

function freeChannels(used: ReadonlySet<number>): [number, number] | undefined {
  for (let channel = 0; channel + 1 < CHANNELS; channel += 2) {
    if (!used.has(channel) && !used.has(channel + 1)) return [channel, channel + 1];
  }
  return undefined;
}
