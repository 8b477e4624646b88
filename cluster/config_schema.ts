/**
 * The options of the program, each described once: flags, environment, configuration file, help
 * and the README's table all come from here.
 *
 * @module
 */
import { WINDOW_SEGMENTS_MAX, WINDOW_SEGMENTS_MIN } from "../protocols/hls/settings.ts";
import type { GivenOptions } from "./config.ts";
import {
  bitRateOption,
  bytesOption,
  choiceOption,
  directoryOption,
  durationOption,
  fileOption,
  integerOption,
  type Option,
  portOption,
  readAutoOrMs,
  readHost,
  readIpAddress,
  readPortRange,
  switchOption,
} from "./config_option.ts";
import { parseRedisUrl } from "./directory/redis_url.ts";
import { WORKERS_MAX } from "./supervisor/worker_place.ts";

/** A property of {@link GivenOptions}: the name of an option inside the program. */
export type OptionName = keyof GivenOptions;

/** The flag that names the configuration file; it has an environment twin, but no key. */
export const CONFIG_FLAG = "config";

/** Longest flush window, in milliseconds: beyond a second nobody would call it live. */
const FLUSH_MS_MAX = 1000;

/** Every option, in the order in which the help lists them. */
export const OPTIONS: { readonly [Name in OptionName]: Option<GivenOptions[Name]> } = {
  rtmpPort: portOption({ flag: "rtmp-port", initial: 1935, help: "port of the RTMP listener" }),
  rtspPort: portOption({ flag: "rtsp-port", initial: 8554, help: "port of the RTSP listener" }),
  udpPorts: {
    flag: "udp-ports",
    placeholder: "FROM-TO",
    initial: "20000-20999",
    allowed: "off, or two port numbers from 1024 to 65535 such as 20000-20999, " +
      "at least 2 ports of which the first is even",
    help: "UDP ports of RTSP media, two for each medium of a client; off = TCP alone",
    read: readPortRange,
  },
  httpPort: portOption({
    flag: "http-port",
    initial: 8080,
    help: "port of the HTTP listener: media, API, metrics, health",
  }),
  tlsCert: fileOption({
    flag: "tls-cert",
    initialNote: "no TLS for clients",
    help: "certificate, with those that lead to it, in PEM: opens the ports below; read again " +
      "when it changes",
  }),
  tlsKey: fileOption({
    flag: "tls-key",
    initialNote: "no TLS for clients",
    help: "private key of the certificate, in PEM, not encrypted",
  }),
  rtmpsPort: portOption({ flag: "rtmps-port", initial: 1936, help: "port of RTMP in TLS" }),
  rtspsPort: portOption({ flag: "rtsps-port", initial: 8322, help: "port of RTSP in TLS" }),
  httpsPort: portOption({
    flag: "https-port",
    initial: 8443,
    help: "port of HTTPS: all that --http-port serves",
  }),
  host: {
    flag: "host",
    placeholder: "ADDR",
    initial: "::",
    // No names: one may stand for several addresses, and the worker may bind just what is said.
    allowed: "an IP address, such as ::, 0.0.0.0 or 127.0.0.1",
    help: "address that the listeners bind; :: takes both families",
    read: readIpAddress,
  },
  advertise: {
    flag: "advertise",
    placeholder: "ADDR",
    initial: undefined,
    initialNote: "the address a client connected to",
    allowed: "an IP address or a host name, without a port",
    help: "address of this node in redirects and for other nodes",
    read: readHost,
  },
  name: {
    flag: "name",
    placeholder: "NAME",
    initial: undefined,
    initialNote: "the host's name",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
    help: "name of this node",
    read: (text) => isNodeName(text) ? text : undefined,
  },
  redis: {
    flag: "redis",
    variables: ["REDIS_URL"],
    placeholder: "URL",
    initial: undefined,
    initialNote: "none: this node is alone",
    allowed: "a Redis URL: redis:// or rediss://, also redis+sentinel:// and redis+cluster://",
    help: "Redis that the nodes of a mesh share; hosts that are given the same one are one server",
    secret: true,
    read: (text) => parseRedisUrl(text).ok ? text : undefined,
  },
  mesh: {
    flag: "mesh",
    placeholder: "NAME",
    initial: "headwater",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
    help: "name of the mesh: several may share a Redis",
    read: (text) => isNodeName(text) ? text : undefined,
  },
  meshSecret: {
    flag: "mesh-secret",
    placeholder: "SECRET",
    initial: undefined,
    initialNote: "made by the first node, kept in Redis",
    allowed: "16 to 256 visible ASCII characters",
    help: "what nodes prove to each other; the environment is a safer place than the command line",
    secret: true,
    read: (text) => isApiToken(text) ? text : undefined,
  },
  meshPort: portOption({
    flag: "mesh-port",
    initial: 9035,
    help: "port on which the other nodes reach this one; opened with --redis alone",
  }),
  meshTls: {
    flag: "mesh-tls",
    placeholder: "DIR",
    initial: undefined,
    initialNote: "links in the clear",
    allowed: "an absolute path of 1 to 4096 characters without a comma",
    help: "folder with cert.pem, key.pem and ca.pem: links between nodes are then in TLS",
    read: (text) => /^\/[^,\0]{1,4095}$/.test(text) ? text : undefined,
  },
  replicas: integerOption({
    flag: "replicas",
    initial: 1,
    min: 0,
    max: 2,
    help: "nodes that carry each stream besides its owner, so that its death costs no frame",
  }),
  zone: {
    flag: "zone",
    placeholder: "ZONE",
    initial: "default",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
    help: "where the host stands: a room, a site, a region; shown in the list of nodes",
    read: (text) => isNodeName(text) ? text : undefined,
  },
  role: choiceOption({
    flag: "role",
    initial: "any",
    choices: ["any", "edge", "origin"],
    help: "what the host does in a mesh: an edge owns no stream, an origin takes no clients",
  }),
  workers: {
    flag: "workers",
    placeholder: "auto|N",
    initial: "auto",
    allowed: `auto or a whole number from 1 to ${WORKERS_MAX}`,
    help: "worker processes of the host, which share its ports, its memory for media and its " +
      "connections; auto is one a core, as long as each has 64MiB of --media-memory",
    read: readWorkers,
  },
  dataDir: directoryOption({
    flag: "data",
    initial: "./data",
    help: "directory of everything that the node keeps; one node at a time",
  }),
  flushMs: {
    flag: "flush",
    placeholder: "auto|MS",
    initial: "auto",
    allowed: `auto or a number of milliseconds from 0 to ${FLUSH_MS_MAX}`,
    help: "how long frames are gathered before they are written; auto widens with the load",
    read: (text) => readAutoOrMs(text, FLUSH_MS_MAX),
  },
  holdMs: durationOption({
    flag: "hold",
    initial: "30s",
    min: "0",
    max: "1h",
    help: "how long viewers are kept for a publisher whose connection was lost",
  }),
  publishTakeover: switchOption({
    flag: "publish-takeover",
    help: "let a second publisher of a live stream replace the first, which is refused otherwise",
  }),
  playWaitMs: durationOption({
    flag: "play-wait",
    initial: "10s",
    min: "0",
    max: "1h",
    help: "how long a viewer waits for a publisher; 0 refuses at once",
  }),
  viewerTimeoutMs: durationOption({
    flag: "viewer-timeout",
    initial: "10s",
    min: "100ms",
    max: "1h",
    help: "how long a viewer may take nothing, or next to nothing, of what is there to send",
  }),
  drainTimeoutMs: durationOption({
    flag: "drain-timeout",
    initial: "30s",
    min: "0",
    max: "24h",
    help: "how long a stop waits for the clients to leave",
  }),
  hlsSegmentMs: durationOption({
    flag: "hls-segment",
    initial: "2s",
    min: "500ms",
    max: "1m",
    help: "length of HLS segments; they begin at key frames where the encoder sends them in time",
  }),
  hlsPartMs: durationOption({
    flag: "hls-part",
    initial: "200ms",
    min: "50ms",
    max: "1m",
    help: "length of the parts of low-latency HLS, at most that of a segment",
  }),
  hlsWindow: integerOption({
    flag: "hls-window",
    initial: 6,
    min: WINDOW_SEGMENTS_MIN,
    max: WINDOW_SEGMENTS_MAX,
    help: "complete segments in an HLS playlist; each log reaches back as far",
  }),
  mediaMemoryBytes: bytesOption({
    flag: "media-memory",
    initial: "1GiB",
    min: "16MiB",
    max: "1024GiB",
    help: "memory of all stream logs together",
  }),
  maxConnections: integerOption({
    flag: "max-connections",
    initial: 20_000,
    min: 1,
    max: 1_000_000,
    help: "most client connections at a time",
  }),
  maxConnectionsPerAddress: integerOption({
    flag: "max-connections-per-address",
    initial: 10_000,
    min: 1,
    max: 1_000_000,
    help: "most of them from one IPv4 address or one /64 of IPv6",
  }),
  maxStreams: integerOption({
    flag: "max-streams",
    initial: 20_000,
    min: 1,
    max: 1_000_000,
    help: "most streams at a time, those that viewers wait for included",
  }),
  maxPublishes: integerOption({
    flag: "max-publishes",
    initial: 16,
    min: 1,
    max: 16,
    help: "most streams that one connection may publish",
  }),
  maxBitRate: bitRateOption({
    flag: "max-bitrate",
    initial: "200Mbps",
    min: "10kbps",
    max: "100Gbps",
    help: "bit rate above which a publisher is read more slowly, and closed after some seconds",
  }),
  maxFrameBytes: bytesOption({
    flag: "max-frame",
    initial: "8MiB",
    min: "16KiB",
    max: "8MiB",
    help: "largest frame of a publisher; one that sends a larger one is closed",
  }),
  maxHeadBytes: bytesOption({
    flag: "max-head",
    initial: "16KiB",
    min: "1KiB",
    max: "64KiB",
    help: "longest head of an HTTP request",
  }),
  handshakeTimeoutMs: durationOption({
    flag: "handshake-timeout",
    initial: "10s",
    min: "1s",
    max: "10m",
    help: "time for a handshake and connect, or for an HTTP request to come",
  }),
  idleTimeoutMs: durationOption({
    flag: "idle-timeout",
    initial: "65s",
    min: "1s",
    max: "24h",
    help: "how long a client may neither publish, play nor ask for anything",
  }),
  publishTimeoutMs: durationOption({
    flag: "publish-timeout",
    initial: "30s",
    min: "1s",
    max: "24h",
    help: "how long a publisher may send no frame; its stream is then held as if it were lost",
  }),
  ffmpeg: {
    flag: "ffmpeg",
    placeholder: "PATH",
    initial: undefined,
    initialNote: "none: a picture is answered with 501",
    allowed: "an absolute path of 1 to 4096 characters without a comma",
    help: "ffmpeg that makes pictures of key frames (/APP/NAME.jpg); the node may run nothing else",
    read: (text) => /^\/[^,\0]{1,4095}$/.test(text) ? text : undefined,
  },
  apiToken: {
    flag: "api-token",
    placeholder: "TOKEN",
    initial: undefined,
    initialNote: "made at first start, kept in DATA/api-token",
    allowed: "16 to 256 visible ASCII characters",
    help: "bearer token of the API; the environment is a safer place than the command line",
    secret: true,
    read: (text) => isApiToken(text) ? text : undefined,
  },
  apiOpenReads: switchOption({
    flag: "api-open-reads",
    help: "let everybody read the API without the token, not only clients on loopback",
  }),
  logLevel: choiceOption({
    flag: "log-level",
    initial: "info",
    choices: ["debug", "info", "warn", "error"],
    help: "least level that is logged",
  }),
  logFormat: choiceOption({
    flag: "log-format",
    initial: "text",
    choices: ["text", "json"],
    help: "form of the log lines and of the ready line",
  }),
};

function readWorkers(text: string): number | "auto" | undefined {
  if (text === "auto") return text;
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= WORKERS_MAX ? count : undefined;
}

/** Whether a node may have this name: it becomes part of URLs, keys and file names. */
export function isNodeName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/** Whether a text can be a bearer token: long enough not to be guessed, fit for a header. */
export function isApiToken(text: string): boolean {
  return /^[\x21-\x7e]{16,256}$/.test(text);
}
