/**
 * The configuration when nothing is given, for `parse_config_test.ts`.
 *
 * @module
 */
import type { GivenConfig } from "../../cluster/config.ts";

/** What nothing at all gives. */
export const DEFAULTS: GivenConfig = {
  rtmpPort: 1935,
  rtspPort: 8554,
  udpPorts: { from: 20_000, to: 20_999 },
  httpPort: 8080,
  host: "::",
  advertise: undefined,
  name: undefined,
  redis: undefined,
  mesh: "headwater",
  meshSecret: undefined,
  meshPort: 9035,
  meshTls: undefined,
  replicas: 1,
  zone: "default",
  role: "any",
  workers: "auto",
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
  maxConnectionsPerAddress: 10_000,
  maxStreams: 20_000,
  maxPublishes: 16,
  maxBitRate: 200_000_000,
  maxFrameBytes: 8_388_608,
  maxHeadBytes: 16_384,
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 65_000,
  publishTimeoutMs: 30_000,
  ffmpeg: undefined,
  apiToken: undefined,
  apiOpenReads: false,
  logLevel: "info",
  logFormat: "text",
  applications: [],
};
