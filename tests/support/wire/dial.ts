/**
 * Connects as real clients do, in TLS where the address says so.
 *
 * @module
 */

/** What stands in front of the `host:port` of a listener in TLS. */
export const IN_TLS = "tls:";

/** Authorities whose servers are trusted, in PEM. */
const authorities: string[] = [];

/** Servers with a certificate of this authority are who they say from now on. */
export function trust(authority: string): void {
  authorities.push(authority);
}

/** Connects to `host:port`, or to `tls:host:port`. @throws {Error} Nobody listens, or not trusted. */
export async function dial(address: string): Promise<Deno.Conn> {
  const inTls = address.startsWith(IN_TLS);
  const { hostname, port } = new URL(`http://${address.slice(inTls ? IN_TLS.length : 0)}`);
  const plain = hostname.replace(/^\[|\]$/g, "");
  if (inTls) {
    const options = { hostname: plain, port: Number(port), caCerts: authorities };
    return await Deno.connectTls(options);
  }
  const conn = await Deno.connect({ hostname: plain, port: Number(port) });
  conn.setNoDelay(true);
  return conn;
}

/** The `tcUrl` of an RTMP client that was given an address. */
export function tcUrlOf(address: string, app: string): string {
  return address.startsWith(IN_TLS)
    ? `rtmps://${address.slice(IN_TLS.length)}/${app}`
    : `rtmp://${address}/${app}`;
}
