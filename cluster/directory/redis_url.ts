/**
 * Redis URLs: where the directory is, for a single server, Sentinel and Cluster.
 *
 * `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, `redis+sentinel://…@HOST[:PORT],…/NAME`,
 * `redis+cluster://…@HOST[:PORT],…`; `rediss` in place of `redis` is TLS. What is refused is never
 * repeated: a password with a slash in it may look like any part of a URL.
 *
 * @module
 */

/** Most servers in a URL: they only have to lead to the others. */
export const REDIS_HOSTS_MAX = 32;

/** Longest URL, in characters: thirty hosts with DNS names. */
export const REDIS_URL_LENGTH_MAX = 8_192;

/** Highest database number; a server has 16 unless it is told otherwise. */
const DB_MAX = 65_535;

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;

export interface RedisHost {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Who we are to a server; either may be missing. */
export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

/** What a URL says. */
export type RedisTarget =
  & RedisCredentials
  & {
    readonly tls: boolean;
    /** At least one. */
    readonly hosts: readonly RedisHost[];
  }
  & (
    | { readonly mode: "single"; readonly db: number }
    | {
      readonly mode: "sentinel";
      readonly db: number;
      /** What the sentinels call the master. */
      readonly name: string;
      /** For the sentinels themselves, which often have none. */
      readonly sentinel: RedisCredentials;
    }
    | { readonly mode: "cluster" }
  );

export type RedisUrlResult =
  | { readonly ok: true; readonly target: RedisTarget }
  /** Completes "must ...". */
  | { readonly ok: false; readonly reason: string };

/** Says within {@link parseRedisUrl} what is wrong; never leaves this file. */
class Refusal extends Error {}

/** Reads a URL; a reason when it cannot be one, without any part of it. */
export function parseRedisUrl(url: string): RedisUrlResult {
  try {
    return { ok: true, target: readTarget(url) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, reason: error.message };
  }
}

/** The URL without credentials, for logs. */
export function describeRedis(target: RedisTarget): string {
  const scheme = (target.tls ? "rediss" : "redis") +
    (target.mode === "single" ? "" : `+${target.mode}`);
  const hosts = target.hosts.map(placeOf).join(",");
  const path = target.mode === "single"
    ? `/${target.db}`
    : target.mode === "sentinel"
    ? `/${encodeURIComponent(target.name)}`
    : "";
  return `${scheme}://${hosts}${path}`;
}

/** Host and port as one text, IPv6 in brackets. */
export function placeOf({ host, port }: RedisHost): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function readTarget(url: string): RedisTarget {
  if (url.length > REDIS_URL_LENGTH_MAX) {
    throw new Refusal(`be at most ${REDIS_URL_LENGTH_MAX} characters long`);
  }
  const whole = /^(rediss?)(\+sentinel|\+cluster)?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/.exec(
    url,
  );
  if (whole === null) {
    throw new Refusal(
      "begin with redis://, rediss://, redis+sentinel:// or redis+cluster://, such as " +
        "redis://localhost:6379",
    );
  }
  const [, scheme, kind, authority, path, query, fragment] = whole;
  if (fragment !== undefined) {
    throw new Refusal('have no "#" behind the host: in a password it is written %23');
  }
  const at = authority.lastIndexOf("@");
  const common = {
    tls: scheme === "rediss",
    ...readCredentials(authority.slice(0, Math.max(at, 0))),
  };
  const hostText = authority.slice(at + 1);
  const options = readQuery(query, kind === "+sentinel");
  if (kind === "+sentinel") {
    const hosts = readHosts(hostText, SENTINEL_PORT);
    return { ...common, mode: "sentinel", hosts, ...readSentinel(path, options) };
  }
  if (kind === "+cluster") {
    if (path.length > 1) throw new Refusal("end after the hosts: a Redis Cluster has one database");
    return { ...common, mode: "cluster", hosts: readHosts(hostText, REDIS_PORT) };
  }
  const hosts = readHosts(hostText, REDIS_PORT);
  if (hosts.length > 1) {
    throw new Refusal("name one host; several need redis+sentinel:// or redis+cluster://");
  }
  return { ...common, mode: "single", hosts, db: readDb(path.slice(1)) };
}

function readSentinel(
  path: string,
  options: URLSearchParams,
): { name: string; db: number; sentinel: RedisCredentials } {
  const name = decode(path.slice(1));
  if (name === "" || name.includes("/")) {
    throw new Refusal(
      "end in the name that the sentinels give their master: redis+sentinel://HOST:26379/NAME",
    );
  }
  const sentinel = credentialsOf(
    options.get("sentinel-user") ?? "",
    options.get("sentinel-password") ?? "",
  );
  return { name, db: readDb(options.get("db") ?? ""), sentinel };
}

/** Options behind the "?", which only Sentinel has. */
function readQuery(query: string | undefined, sentinel: boolean): URLSearchParams {
  const options = new URLSearchParams(query);
  const known = sentinel ? ["db", "sentinel-user", "sentinel-password"] : [];
  for (const name of options.keys()) {
    if (known.includes(name)) continue;
    throw new Refusal(
      sentinel
        ? `have no options but ${known.join(", ")}; a "?" in a password is written %3F`
        : 'have no options behind "?"; in a password it is written %3F',
    );
  }
  return options;
}

function readCredentials(userInfo: string): RedisCredentials {
  const colon = userInfo.indexOf(":");
  if (colon === -1) return credentialsOf(decode(userInfo), "");
  return credentialsOf(decode(userInfo.slice(0, colon)), decode(userInfo.slice(colon + 1)));
}

/** Without empty ones: an empty name is Redis's default user, no password is no login. */
function credentialsOf(username: string, password: string): RedisCredentials {
  if (username !== "" && password === "") {
    throw new Refusal("give a password with the user: USER:PASSWORD@HOST, or :PASSWORD@HOST");
  }
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

function readHosts(text: string, defaultPort: number): RedisHost[] {
  const hosts = text.split(",");
  if (hosts.length > REDIS_HOSTS_MAX) {
    throw new Refusal(`name at most ${REDIS_HOSTS_MAX} hosts; they lead to the others`);
  }
  return hosts.map((host) => readHost(host, defaultPort));
}

function readHost(text: string, defaultPort: number): RedisHost {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  if (parts === null) {
    throw new Refusal(
      "name its host as HOST, HOST:PORT or [IPV6]:PORT; " +
        'in a password "@" is written %40, "/" %2F, ":" %3A',
    );
  }
  const port = parts[3] === undefined ? defaultPort : Number(parts[3]);
  if (port < 1 || port > 65_535) throw new Refusal("have a port from 1 to 65535");
  return { host: parts[1] ?? parts[2], port };
}

function readDb(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,5}$/.test(text) || Number(text) > DB_MAX) {
    throw new Refusal(`give its database as a number from 0 to ${DB_MAX}: redis://HOST:6379/0`);
  }
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal('have its credentials percent-encoded: a "%" itself is written %25');
  }
}
