/**
 * HTTP answers that are written to a socket directly, without a response object.
 *
 * Source: RFC 9112; problems as RFC 9457 gives them.
 *
 * @module
 */

/** Any page may show the media: a player's page is rarely served by the media server. */
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Length, Date, Server",
};

const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  503: "Service Unavailable",
};

const encoder = new TextEncoder();

/** Head of a live body that ends when the connection does. */
export function liveHead(contentType: string): Uint8Array {
  return encoder.encode(head(200, {
    "Content-Type": contentType,
    "Cache-Control": "no-store",
    "Connection": "close",
    ...CORS,
  }));
}

/** Answers a preflight (CORS) request for media. */
export function preflight(): Uint8Array {
  return encoder.encode(head(204, {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    "Connection": "close",
    ...CORS,
  }));
}

/** A refusal; `detail` is one clear sentence. `bodyless` for an answer to HEAD. */
export function refusal(
  status: number,
  detail: string,
  options: { headers?: Record<string, string>; bodyless?: boolean } = {},
): Uint8Array {
  const problem = { type: "about:blank", title: PHRASES[status], status, detail };
  const body = encoder.encode(JSON.stringify(problem));
  const text = head(status, {
    "Content-Type": "application/problem+json",
    "Content-Length": String(body.length),
    "Connection": "close",
    ...CORS,
    ...options.headers,
  });
  return encoder.encode(options.bodyless ? text : text + new TextDecoder().decode(body));
}

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${PHRASES[status]}\r\n${lines.join("")}\r\n`;
}
