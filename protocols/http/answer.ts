/**
 * HTTP answers as bytes: heads of live bodies, whole answers, refusals.
 *
 * Source: RFC 9112, sections 4 and 6; refusals as RFC 9457 gives them.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";

/** Field names and values; none holds a line break. */
export type Fields = Readonly<Record<string, string>>;

/** Any page may show the media: a player's page is rarely served by the media server. */
export const CORS: Fields = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "*",
};

const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  206: "Partial Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  416: "Range Not Satisfiable",
  426: "Upgrade Required",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

const encoder = new TextEncoder();

/** The head of an answer: status line, fields, empty line. */
export function answerHead(status: number, fields: Fields): Uint8Array {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return encoder.encode(
    `HTTP/1.1 ${status} ${PHRASES[status] ?? "Answer"}\r\n${lines.join("")}\r\n`,
  );
}

/** A whole answer with its body. `headOnly` leaves the body out, as HEAD wants. */
export function wholeAnswer(
  status: number,
  fields: Fields,
  body: Uint8Array,
  options: { headOnly?: boolean } = {},
): Uint8Array {
  // RFC 9110, section 8.6: these have no body to tell the length of.
  if (status === 204 || status === 304) return answerHead(status, fields);
  const head = answerHead(status, { ...fields, "Content-Length": String(body.length) });
  return options.headOnly ? head : concatBytes(head, body);
}

/** The head of a live body, which ends when the connection does. */
export function liveHead(contentType: string): Uint8Array {
  return answerHead(200, {
    "Content-Type": contentType,
    "Cache-Control": "no-store",
    "Connection": "close",
    ...CORS,
  });
}

/** The answer to a preflight request for media. */
export function preflight(): Uint8Array {
  return answerHead(204, {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    ...CORS,
  });
}

/** A refusal; `detail` is one clear sentence. */
export function refusal(
  status: number,
  detail: string,
  options: { fields?: Fields; headOnly?: boolean; close?: boolean } = {},
): Uint8Array {
  const problem = { type: "about:blank", title: PHRASES[status] ?? "Refused", status, detail };
  const fields = {
    "Content-Type": "application/problem+json",
    ...CORS,
    ...options.fields,
    ...(options.close ? { Connection: "close" } : {}),
  };
  return wholeAnswer(status, fields, encoder.encode(JSON.stringify(problem)), options);
}
