/**
 * Where a client that is asked to reconnect should go.
 *
 * Source: Enhanced RTMP v2, "Reconnect Request": the status may carry a `tcUrl`; without one the
 * client connects again to where it is connected now.
 *
 * @module
 */

/** Scheme, authority with its user part, and the rest of a plain RTMP URL. */
const RTMP_URL = /^(rtmp:\/\/)([^/?#]*@)?[^/?#]*(.*)$/is;

/**
 * The URL that a client used, on another server.
 *
 * @param tcUrl As connect carried it; its user, path and query stay, for they carry credentials.
 * @param address "host:port" of the other server's RTMP listener.
 * @returns `undefined` when the client came through something that speaks for us (RTMPS, RTMPT) or
 *   did not say how: it should go the same way again.
 */
export function reconnectUrl(tcUrl: string | undefined, address: string): string | undefined {
  const parts = RTMP_URL.exec(tcUrl ?? "");
  if (parts === null) return undefined;
  const [, scheme, user = "", rest] = parts;
  return `${scheme}${user}${address}${rest}`;
}
