/**
 * Every option with a good and a bad text, for `parse_config_test.ts`.
 *
 * @module
 */
import type { GivenConfig, GivenOptions } from "../../cluster/config.ts";

const TOKEN = "0123456789abcdef";

/** What nothing at all gives. */
export const DEFAULTS: GivenConfig = {
  rtmpPort: 1935,
  httpPort: 8080,
  host: "::",
  advertise: undefined,
  name: undefined,
  dataDir: "./data",
  flushMs: "auto",
  holdMs: 30_000,
  publishTakeover: false,
  playWaitMs: 10_000,
  viewerTimeoutMs: 10_000,
  drainTimeoutMs: 30_000,
  hlsSegmentMs: 2_000,
  hlsPartMs: 200,
  hlsWindow: 6,
  mediaMemoryBytes: 1_073_741_824,
  maxConnections: 20_000,
  apiToken: undefined,
  apiOpenReads: false,
  logLevel: "info",
  logFormat: "text",
  applications: [],
};

/** A text that is not the default and its value; a text that is refused, and the words for it. */
export interface Row {
  readonly name: keyof GivenOptions;
  readonly flag: string;
  readonly variable: string;
  readonly text: string;
  readonly value: unknown;
  readonly bad: string;
  readonly allowed: string;
}

/** What is allowed as a port. */
export const PORT = "a port number from 0 to 65535 (0 = any free port)";

/** One row for each option. */
export const ROWS: readonly Row[] = [
  {
    name: "rtmpPort",
    flag: "--rtmp-port",
    variable: "HEADWATER_RTMP_PORT",
    text: "0",
    value: 0,
    bad: "65536",
    allowed: PORT,
  },
  {
    name: "httpPort",
    flag: "--http-port",
    variable: "HEADWATER_HTTP_PORT",
    text: "65535",
    value: 65_535,
    bad: "-1",
    allowed: PORT,
  },
  {
    name: "host",
    flag: "--host",
    variable: "HEADWATER_HOST",
    text: "127.0.0.1",
    value: "127.0.0.1",
    bad: "localhost",
    allowed: "an IP address, such as ::, 0.0.0.0 or 127.0.0.1",
  },
  {
    name: "advertise",
    flag: "--advertise",
    variable: "HEADWATER_ADVERTISE",
    text: "media.example.com",
    value: "media.example.com",
    bad: "media.example.com:1935",
    allowed: "an IP address or a host name, without a port",
  },
  {
    name: "name",
    flag: "--name",
    variable: "HEADWATER_NAME",
    text: "node-1.b",
    value: "node-1.b",
    bad: "a/b",
    allowed: "1 to 64 letters, digits, -, _ and ., the first a letter or a digit",
  },
  {
    name: "dataDir",
    flag: "--data",
    variable: "HEADWATER_DATA",
    text: "/var/lib/head water",
    value: "/var/lib/head water",
    bad: "a,b",
    allowed: "a path of 1 to 4096 characters without a comma",
  },
  {
    name: "flushMs",
    flag: "--flush",
    variable: "HEADWATER_FLUSH",
    text: "1000",
    value: 1000,
    bad: "1001",
    allowed: "auto or a number of milliseconds from 0 to 1000",
  },
  {
    name: "holdMs",
    flag: "--hold",
    variable: "HEADWATER_HOLD",
    text: "5s",
    value: 5_000,
    bad: "2h",
    allowed: "a time from 0 to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "publishTakeover",
    flag: "--publish-takeover",
    variable: "HEADWATER_PUBLISH_TAKEOVER",
    text: "true",
    value: true,
    bad: "yes",
    allowed: "true or false",
  },
  {
    name: "playWaitMs",
    flag: "--play-wait",
    variable: "HEADWATER_PLAY_WAIT",
    text: "0",
    value: 0,
    bad: "10",
    allowed: "a time from 0 to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "viewerTimeoutMs",
    flag: "--viewer-timeout",
    variable: "HEADWATER_VIEWER_TIMEOUT",
    text: "500ms",
    value: 500,
    bad: "99ms",
    allowed: "a time from 100ms to 1h, such as 10s, 500ms or 2m",
  },
  {
    name: "drainTimeoutMs",
    flag: "--drain-timeout",
    variable: "HEADWATER_DRAIN_TIMEOUT",
    text: "1.5m",
    value: 90_000,
    bad: "25h",
    allowed: "a time from 0 to 24h, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsSegmentMs",
    flag: "--hls-segment",
    variable: "HEADWATER_HLS_SEGMENT",
    text: "4s",
    value: 4_000,
    bad: "100ms",
    allowed: "a time from 500ms to 1m, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsPartMs",
    flag: "--hls-part",
    variable: "HEADWATER_HLS_PART",
    text: "500ms",
    value: 500,
    bad: "10ms",
    allowed: "a time from 50ms to 1m, such as 10s, 500ms or 2m",
  },
  {
    name: "hlsWindow",
    flag: "--hls-window",
    variable: "HEADWATER_HLS_WINDOW",
    text: "10",
    value: 10,
    bad: "2",
    allowed: "a whole number from 3 to 600",
  },
  {
    name: "mediaMemoryBytes",
    flag: "--media-memory",
    variable: "HEADWATER_MEDIA_MEMORY",
    text: "512MiB",
    value: 536_870_912,
    bad: "512MB",
    allowed: "a size from 16MiB to 1024GiB, such as 512MiB or 1GiB",
  },
  {
    name: "maxConnections",
    flag: "--max-connections",
    variable: "HEADWATER_MAX_CONNECTIONS",
    text: "1",
    value: 1,
    bad: "0",
    allowed: "a whole number from 1 to 1000000",
  },
  {
    name: "apiToken",
    flag: "--api-token",
    variable: "HEADWATER_API_TOKEN",
    text: TOKEN,
    value: TOKEN,
    bad: "hunter2",
    allowed: "16 to 256 visible ASCII characters",
  },
  {
    name: "apiOpenReads",
    flag: "--api-open-reads",
    variable: "HEADWATER_API_OPEN_READS",
    text: "true",
    value: true,
    bad: "yes",
    allowed: "true or false",
  },
  {
    name: "logLevel",
    flag: "--log-level",
    variable: "HEADWATER_LOG_LEVEL",
    text: "debug",
    value: "debug",
    bad: "Debug",
    allowed: "one of debug, info, warn, error",
  },
  {
    name: "logFormat",
    flag: "--log-format",
    variable: "HEADWATER_LOG_FORMAT",
    text: "json",
    value: "json",
    bad: "xml",
    allowed: "one of text, json",
  },
];
