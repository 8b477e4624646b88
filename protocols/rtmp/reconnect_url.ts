/**
 * Where a client that is asked to reconnect should go.
 *
 * Source: Enhanced RTMP v2, "Reconnect Request": the status may carry a `tcUrl`; without one the
 * client connects again to where it is connected now.
 *
 * @module
 */

/** Scheme, authority with its user part, and the rest of a URL of RTMP, plain or in TLS. */
const RTMP_URL = /^(rtmps?):\/\/([^/?#]*@)?[^/?#]*(.*)$/is;

/**
 * The URL that a client used, on another server.
 *
 * @param tcUrl As connect carried it; its user, path and query stay, for they carry credentials.
 * @param address "host:port" of the other server's RTMP listener, of that in TLS with `secure`.
 * @param secure The client's connection is in TLS here.
 * @returns `undefined` when the client came through something that speaks for us (RTMPT, TLS that
 *   ended elsewhere) or did not say how: it should go the same way again.
 */
export function reconnectUrl(
  tcUrl: string | undefined,
  address: string,
  secure = false,
): string | undefined {
  const parts = RTMP_URL.exec(tcUrl ?? "");
  if (parts === null) return undefined;
  const [, scheme, user = "", rest] = parts;
  if ((scheme.toLowerCase() === "rtmps") !== secure) return undefined;
  return `${scheme}://${user}${address}${rest}`;
}
