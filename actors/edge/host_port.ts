/**
 * Addresses as people and URLs write them.
 *
 * @module
 */

/** `host:port`, an IPv6 address in brackets. */
export function hostPort({ hostname, port }: { hostname: string; port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
