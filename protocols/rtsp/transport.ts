/**
 * The Transport field: how one medium's packets travel.
 *
 * Source: RFC 2326, section 12.39; RFC 7826, section 18.54. Two ways are spoken: interleaved in the
 * RTSP connection, and UDP unicast to a pair of ports. `destination` and `source` are never looked
 * at: packets go to the address that asked, and to nobody else.
 *
 * @module
 */

/** Most alternatives of one field that are looked at; clients offer two or three. */
const ALTERNATIVES_MAX = 8;

/** The number of channels of an RTSP connection. */
export const CHANNELS = 256;

/** How a client would like to have, or send, a medium. */
export type TransportRequest =
  | {
    readonly kind: "tcp";
    /** Channels of RTP and RTCP, 0 to 255; `undefined` = the server chooses. */
    readonly channels: readonly [rtp: number, rtcp: number] | undefined;
    readonly mode: TransportMode | undefined;
  }
  | {
    readonly kind: "udp";
    /** The client's ports of RTP and RTCP, 1 to 65535. */
    readonly clientPorts: readonly [rtp: number, rtcp: number];
    readonly mode: TransportMode | undefined;
  };

export type TransportMode = "play" | "record";

/** How it travels, as the server decided. */
export type Transport =
  | { readonly kind: "tcp"; readonly channels: readonly [rtp: number, rtcp: number] }
  | {
    readonly kind: "udp";
    readonly clientPorts: readonly [rtp: number, rtcp: number];
    readonly serverPorts: readonly [rtp: number, rtcp: number];
  };

/** A field of a response. */
export interface TransportResponse {
  readonly transport: Transport;
  /** SSRC that the server sends with, 32 bits; `undefined` when it did not say. */
  readonly ssrc: number | undefined;
  /** Address that the server sends from and listens on, if it is not that of the connection. */
  readonly source: string | undefined;
}

/** The alternatives of a request's field that we can speak, in the client's order. */
export function parseTransportRequest(field: string): TransportRequest[] {
  const found: TransportRequest[] = [];
  for (const text of field.split(",", ALTERNATIVES_MAX)) {
    const alternative = parseAlternative(text);
    if (alternative === undefined || alternative.parameters.has("multicast")) continue;
    const { lower, parameters } = alternative;
    const mode = modeOf(parameters.get("mode"));
    if (mode === "other") continue;
    if (lower === "tcp") {
      const channels = parsePair(parameters.get("interleaved"), 0, CHANNELS - 1);
      if (channels !== "malformed") found.push({ kind: "tcp", channels, mode });
    } else {
      const clientPorts = parsePair(parameters.get("client_port"), 1, 65535);
      if (Array.isArray(clientPorts)) found.push({ kind: "udp", clientPorts, mode });
    }
  }
  return found;
}

/** Writes the field of a SETUP request. */
export function writeTransportRequest(request: TransportRequest): string {
  const mode = request.mode === "record" ? ";mode=record" : "";
  if (request.kind === "udp") {
    return `RTP/AVP;unicast;client_port=${request.clientPorts.join("-")}${mode}`;
  }
  const channels = request.channels === undefined
    ? ""
    : `;interleaved=${request.channels.join("-")}`;
  return `RTP/AVP/TCP;unicast${channels}${mode}`;
}

/** Reads the field of a response to SETUP; `undefined` when it is none that we can speak. */
export function parseTransportResponse(field: string): TransportResponse | undefined {
  const alternative = parseAlternative(field.split(",", 1)[0]);
  if (alternative === undefined || alternative.parameters.has("multicast")) return undefined;
  const { lower, parameters } = alternative;
  const transport = lower === "tcp" ? tcpOf(parameters) : udpOf(parameters);
  if (transport === undefined) return undefined;
  const ssrc = /^[0-9A-Fa-f]{1,8}$/.exec(parameters.get("ssrc") ?? "")?.[0];
  return {
    transport,
    ssrc: ssrc === undefined ? undefined : parseInt(ssrc, 16),
    source: parameters.get("source"),
  };
}

/** Writes the field of a response to SETUP. */
export function writeTransportResponse(
  transport: Transport,
  { mode, ssrc }: { mode: TransportMode; ssrc?: number },
): string {
  const tail = (ssrc === undefined ? "" : `;ssrc=${ssrc.toString(16).padStart(8, "0")}`) +
    `;mode="${mode.toUpperCase()}"`;
  if (transport.kind === "tcp") {
    return `RTP/AVP/TCP;unicast;interleaved=${transport.channels.join("-")}${tail}`;
  }
  const { clientPorts, serverPorts } = transport;
  return `RTP/AVP;unicast;client_port=${clientPorts.join("-")}` +
    `;server_port=${serverPorts.join("-")}${tail}`;
}

interface Alternative {
  readonly lower: "tcp" | "udp";
  readonly parameters: ReadonlyMap<string, string>;
}

/** Profiles with other packets than plain RTP (SAVP, AVPF) are not ours. */
function parseAlternative(text: string): Alternative | undefined {
  const [spec, ...rest] = text.split(";").map((part) => part.trim());
  const match = /^rtp\/avp(?:\/(tcp|udp))?$/i.exec(spec);
  if (match === null) return undefined;
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const [name, value = ""] = part.split("=", 2).map((piece) => piece.trim());
    parameters.set(name.toLowerCase(), value.replace(/^"(.*)"$/, "$1"));
  }
  return { lower: match[1]?.toLowerCase() === "tcp" ? "tcp" : "udp", parameters };
}

function tcpOf(parameters: ReadonlyMap<string, string>): Transport | undefined {
  const channels = parsePair(parameters.get("interleaved"), 0, CHANNELS - 1);
  return Array.isArray(channels) ? { kind: "tcp", channels: pair(channels) } : undefined;
}

function udpOf(parameters: ReadonlyMap<string, string>): Transport | undefined {
  const clientPorts = parsePair(parameters.get("client_port"), 1, 65535);
  const serverPorts = parsePair(parameters.get("server_port"), 1, 65535);
  if (!Array.isArray(clientPorts) || !Array.isArray(serverPorts)) return undefined;
  return { kind: "udp", clientPorts: pair(clientPorts), serverPorts: pair(serverPorts) };
}

function pair([rtp, rtcp]: [number, number]): readonly [number, number] {
  return [rtp, rtcp];
}

/** "4588-4589"; a lone number stands for itself and the next one. */
function parsePair(
  text: string | undefined,
  min: number,
  max: number,
): [number, number] | undefined | "malformed" {
  if (text === undefined) return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return "malformed";
  const first = Number(match[1]);
  const second = match[2] === undefined ? first + 1 : Number(match[2]);
  const fits = [first, second].every((number) => number >= min && number <= max);
  return fits && first !== second ? [first, second] : "malformed";
}

/** Some write `receive` where they mean to send (Windows Media and others before 2000). */
function modeOf(text: string | undefined): TransportMode | undefined | "other" {
  switch (text?.toLowerCase()) {
    case undefined:
    case "":
      return undefined;
    case "play":
      return "play";
    case "record":
    case "receive":
      return "record";
    default:
      return "other";
  }
}
