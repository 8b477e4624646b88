/**
 * Arguments of the connect command.
 *
 * Source: Adobe RTMP 1.0, section 7.2.1.1; Enhanced RTMP v2, "Enhancing NetConnection connect
 * Command".
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { AmfValue } from "./amf0.ts";
import { parseCapsEx } from "./capabilities.ts";
import { amfField, amfKeys, amfText, type Command } from "./command.ts";
import { CLIENT_TEXT_LENGTH_MAX, type ConnectRequest } from "./server_events.ts";

/**
 * Longest `app` and `tcUrl`, in UTF-16 code units: a path and a query as `stream_name.ts` takes
 * them. They are kept as long as the connection.
 */
export const CONNECT_URL_LENGTH_MAX = 12 * 1024;

/** Most FourCCs that are kept; a dozen codecs have one. */
const FOURCCS_MAX = 64;

/**
 * Reads connect. What is missing or of the wrong type counts as not sent: encoders leave out
 * everything but `app`, and some even that.
 *
 * @throws {ProtocolError} `app` or `tcUrl` is longer than {@link CONNECT_URL_LENGTH_MAX}.
 */
export function parseConnectRequest(command: Command): ConnectRequest {
  const { object } = command;
  return {
    app: urlText(object, "app"),
    tcUrl: urlText(object, "tcUrl"),
    flashVer: (amfText(object, "flashVer") ?? "").slice(0, CLIENT_TEXT_LENGTH_MAX),
    // Encoders send one or the other, FFmpeg and OBS both; players neither.
    encoder: amfText(object, "type") === "nonprivate" ||
      /FMLE|FMSc/.test(amfText(object, "flashVer") ?? ""),
    objectEncoding: amfField(object, "objectEncoding") === 3 ? 3 : 0,
    capsEx: parseCapsEx(amfField(object, "capsEx")),
    fourCcs: parseFourCcs(object),
  };
}

function urlText(object: AmfValue, key: "app" | "tcUrl"): string | undefined {
  const text = amfText(object, key);
  if (text !== undefined && text.length > CONNECT_URL_LENGTH_MAX) {
    throw new ProtocolError(
      `Cannot connect: ${key} has ${text.length} characters, ` +
        `at most ${CONNECT_URL_LENGTH_MAX} are allowed`,
      { protocol: "RTMP", section: "7.2.1.1", offset: 0 },
    );
  }
  return text;
}

function parseFourCcs(object: AmfValue): readonly string[] {
  const list = amfField(object, "fourCcList");
  const named = [
    ...(Array.isArray(list) ? list.slice(0, FOURCCS_MAX) : []),
    ...amfKeys(amfField(object, "videoFourCcInfoMap"), FOURCCS_MAX),
    ...amfKeys(amfField(object, "audioFourCcInfoMap"), FOURCCS_MAX),
  ];
  const fourCcs = new Set<string>();
  for (const value of named) {
    if (typeof value === "string" && (value === "*" || value.length === 4)) fourCcs.add(value);
  }
  return [...fourCcs].slice(0, FOURCCS_MAX);
}
