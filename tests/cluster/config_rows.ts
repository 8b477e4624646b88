/**
 * Every option with a good and a bad text, for `parse_config_test.ts`.
 *
 * @module
 */
import type { GivenOptions } from "../../cluster/config.ts";

const TOKEN = "0123456789abcdef";

/** A text that is not the default and its value; a text that is refused, and the words for it. */
export interface Row {
  readonly name: keyof GivenOptions;
  readonly flag: string;
  /** The environment's name for it; as the flag reads unless given. */
  readonly variable?: string;
  readonly text: string;
  readonly value: unknown;
  readonly bad: string;
  readonly allowed: string;
}

/** The environment twin of a row's flag. */
export function variableOf({ flag, variable }: Row): string {
  return variable ?? `HEADWATER_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`;
}

/** What is allowed as a port. */
export const PORT = "a port number from 0 to 65535 (0 = any free port)";

function portRow(
  name: "rtmpsPort" | "rtspsPort" | "httpsPort",
  { text, bad }: { text: string; bad: string },
): Row {
  const flag = `--${name.replace("Port", "-port")}`;
  return { name, flag, text, value: Number(text), bad, allowed: PORT };
}

/** One row for each option. */
export const ROWS: readonly Row[] = [
  {
    name: "role",
    flag: "--role",
    text: "edge",
    value: "edge",
    bad: "Edge",
    allowed: "one of any, edge, origin",
  },
  {
    name: "workers",
    flag: "--workers",
    text: "2",
    value: 2,
    bad: "0",
    allowed: "auto or a whole number from 1 to 256",
  },
  {
    name: "rtmpPort",
    flag: "--rtmp-port",
    text: "0",
    value: 0,
    bad: "65536",
    allowed: PORT,
  },
  {
    name: "rtspPort",
    flag: "--rtsp-port",
    text: "554",
    value: 554,
    bad: "rtsp",
    allowed: PORT,
  },
  {
    name: "udpPorts",
    flag: "--udp-ports",
    text: "30000-30001",
    value: { from: 30_000, to: 30_001 },
    bad: "30001-30002",
    allowed: "off, or two port numbers from 1024 to 65535 such as 20000-20999, " +
      "at least 2 ports of which the first is even",
  },
  {
    name: "httpPort",
    flag: "--http-port",
    text: "65535",
    value: 65_535,
    bad: "-1",
    allowed: PORT,
  },
  {
    name: "tlsCert",
    flag: "--tls-cert",
    text: "fullchain.pem",
    value: "fullchain.pem",
    bad: "a,b.pem",
    allowed: "a path of 1 to 4096 characters without a comma",
  },
  {
    name: "tlsKey",
    flag: "--tls-key",
    text: "/etc/headwater/privkey.pem",
    value: "/etc/headwater/privkey.pem",
    bad: "/a,b.pem",
    allowed: "a path of 1 to 4096 characters without a comma",
  },
  portRow("rtmpsPort", { text: "443", bad: "65536" }),
  portRow("rtspsPort", { text: "322", bad: "rtsps" }),
  portRow("httpsPort", { text: "0", bad: "-443" }),
  {
    name: "host",
    flag: "--host",
    text: "127.0.0.1",
    value: "127.0.0.1",
    bad: "localhost",
    allowed: "an IP address, such as ::, 0.0.0.0 or 127.0.0.1",
  },
  {
    name: "advertise",
    flag: "--advertise",
    text: "media.example.com",
    value: "media.example.com",
    bad: "media.example.com:1935",
    allowed: "an IP address or a host name, without a port",
  },
  {
    name: "name",
    flag: "--name",
    text: "node-1.b",
    value: "node-1.b",
    bad: "a/b",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
  },
  {
    name: "redis",
    flag: "--redis",
    text: "redis://:password@127.0.0.1:6379/2",
    value: "redis://:password@127.0.0.1:6379/2",
    bad: "http://127.0.0.1",
    allowed: "a Redis URL: redis:// or rediss://, also redis+sentinel:// and redis+cluster://",
  },
  {
    name: "mesh",
    flag: "--mesh",
    text: "studio-2",
    value: "studio-2",
    bad: "a:b",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
  },
  {
    name: "meshSecret",
    flag: "--mesh-secret",
    text: TOKEN,
    value: TOKEN,
    bad: "short",
    allowed: "16 to 256 visible ASCII characters",
  },
  {
    name: "meshPort",
    flag: "--mesh-port",
    text: "0",
    value: 0,
    bad: "65536",
    allowed: PORT,
  },
  {
    name: "meshTls",
    flag: "--mesh-tls",
    text: "/etc/headwater/mesh",
    value: "/etc/headwater/mesh",
    bad: "mesh",
    allowed: "an absolute path of 1 to 4096 characters without a comma",
  },
  {
    name: "replicas",
    flag: "--replicas",
    text: "2",
    value: 2,
    bad: "3",
    allowed: "a whole number from 0 to 2",
  },
  {
    name: "zone",
    flag: "--zone",
    text: "north.1",
    value: "north.1",
    bad: "a/b",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
  },
  {
    name: "dataDir",
    flag: "--data",
    text: "/var/lib/head water",
    value: "/var/lib/head water",
    bad: "a,b",
    allowed: "a path of 1 to 4096 characters without a comma",
  },
  {
    name: "flushMs",
    flag: "--flush",
    text: "1000",
    value: 1000,
    bad: "1001",
    allowed: "auto or a number of milliseconds from 0 to 1000",
  },
  {
    name: "holdMs",
    flag: "--hold",
    text: "5s",
    value: 5_000,
    bad: "2h",
    allowed: "a time from 0 to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "publishTakeover",
    flag: "--publish-takeover",
    text: "true",
    value: true,
    bad: "yes",
    allowed: "true or false",
  },
  {
    name: "playWaitMs",
    flag: "--play-wait",
    text: "0",
    value: 0,
    bad: "10",
    allowed: "a time from 0 to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "viewerTimeoutMs",
    flag: "--viewer-timeout",
    text: "500ms",
    value: 500,
    bad: "99ms",
    allowed: "a time from 100ms to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "drainTimeoutMs",
    flag: "--drain-timeout",
    text: "1.5m",
    value: 90_000,
    bad: "25h",
    allowed: "a time from 0 to 24h, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsSegmentMs",
    flag: "--hls-segment",
    text: "4s",
    value: 4_000,
    bad: "100ms",
    allowed: "a time from 500ms to 1m, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsPartMs",
    flag: "--hls-part",
    text: "500ms",
    value: 500,
    bad: "10ms",
    allowed: "a time from 50ms to 1m, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsWindow",
    flag: "--hls-window",
    text: "10",
    value: 10,
    bad: "2",
    allowed: "a whole number from 3 to 600",
  },
  {
    name: "mediaMemoryBytes",
    flag: "--media-memory",
    text: "512MiB",
    value: 536_870_912,
    bad: "512MB",
    allowed: "a size from 16MiB to 1024GiB, such as 512MiB or 1GiB",
  },
  {
    name: "maxConnections",
    flag: "--max-connections",
    text: "1",
    value: 1,
    bad: "0",
    allowed: "a whole number from 1 to 1000000",
  },
  {
    name: "maxConnectionsPerAddress",
    flag: "--max-connections-per-address",
    text: "100",
    value: 100,
    bad: "0",
    allowed: "a whole number from 1 to 1000000",
  },
  {
    name: "maxStreams",
    flag: "--max-streams",
    text: "7",
    value: 7,
    bad: "0",
    allowed: "a whole number from 1 to 1000000",
  },
  {
    name: "maxPublishes",
    flag: "--max-publishes",
    text: "2",
    value: 2,
    bad: "17",
    allowed: "a whole number from 1 to 16",
  },
  {
    name: "maxBitRate",
    flag: "--max-bitrate",
    text: "2.5Mbps",
    value: 2_500_000,
    bad: "20Mb",
    allowed: "a bit rate from 10kbps to 100Gbps, such as 500kbps or 20Mbps",
  },
  {
    name: "maxFrameBytes",
    flag: "--max-frame",
    text: "1MiB",
    value: 1_048_576,
    bad: "9MiB",
    allowed: "a size from 16KiB to 8MiB, such as 512MiB or 1GiB",
  },
  {
    name: "maxHeadBytes",
    flag: "--max-head",
    text: "8KiB",
    value: 8_192,
    bad: "1B",
    allowed: "a size from 1KiB to 64KiB, such as 512MiB or 1GiB",
  },
  {
    name: "handshakeTimeoutMs",
    flag: "--handshake-timeout",
    text: "3s",
    value: 3_000,
    bad: "11m",
    allowed: "a time from 1s to 10m, such as 10s, 500ms or 2m",
  },
  {
    name: "idleTimeoutMs",
    flag: "--idle-timeout",
    text: "5m",
    value: 300_000,
    bad: "0",
    allowed: "a time from 1s to 24h, such as 10s, 500ms or 2m",
  },
  {
    name: "publishTimeoutMs",
    flag: "--publish-timeout",
    text: "1m",
    value: 60_000,
    bad: "0",
    allowed: "a time from 1s to 24h, such as 10s, 500ms or 2m",
  },
  {
    name: "ffmpeg",
    flag: "--ffmpeg",
    text: "/usr/bin/ffmpeg",
    value: "/usr/bin/ffmpeg",
    bad: "ffmpeg",
    allowed: "an absolute path of 1 to 4096 characters without a comma",
  },
  {
    name: "apiToken",
    flag: "--api-token",
    text: TOKEN,
    value: TOKEN,
    bad: "hunter2",
    allowed: "16 to 256 visible ASCII characters",
  },
  {
    name: "apiOpenReads",
    flag: "--api-open-reads",
    text: "true",
    value: true,
    bad: "yes",
    allowed: "true or false",
  },
  {
    name: "logLevel",
    flag: "--log-level",
    text: "debug",
    value: "debug",
    bad: "Debug",
    allowed: "one of debug, info, warn, error",
  },
  {
    name: "logFormat",
    flag: "--log-format",
    text: "json",
    value: "json",
    bad: "xml",
    allowed: "one of text, json",
  },
];
