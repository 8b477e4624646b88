/**
 * What the HTTP API says, as schemas: the types, the checks and the OpenAPI document all come from
 * here. Later versions may add fields; scripts rely on those that exist.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";

const count = z.int().min(0);
const instant = z.iso.datetime().openapi({ description: "UTC, RFC 3339" });
const address = z.string().openapi({ example: "203.0.113.7:1935" });

const videoTrackInfo = z.object({
  kind: z.literal("video"),
  codec: z.string().openapi({ example: "h264" }),
  width: count.openapi({ description: "Pixels; 0 when the configuration does not tell" }),
  height: count.openapi({ description: "Pixels; 0 when the configuration does not tell" }),
  fps: z.number().min(0).openapi({ description: "As announced; 0 when it is not" }),
}).openapi("VideoTrackInfo");

const audioTrackInfo = z.object({
  kind: z.literal("audio"),
  codec: z.string().openapi({ example: "aac" }),
  sampleRate: count.openapi({ description: "Samples per second" }),
  channels: count,
}).openapi("AudioTrackInfo");

/** One elementary stream of a live stream. */
export const trackInfo = z.discriminatedUnion("kind", [videoTrackInfo, audioTrackInfo])
  .openapi("TrackInfo");
export type TrackInfo = z.infer<typeof trackInfo>;

/** A node's subscription to a stream: one, however many watch there. */
export const edgeInfo = z.object({
  node: z.string(),
  from: z.string().openapi({ description: "Node that the stream comes from" }),
  viewers: count.openapi({ description: "Viewers on that node" }),
  framesIn: count.openapi({ description: "Media frames that came" }),
  bytesIn: count.openapi({ description: "Their payload bytes" }),
  jumps: count.openapi({ description: "Times it went on at a newer key frame to catch up" }),
}).openapi("EdgeInfo");
export type EdgeInfo = z.infer<typeof edgeInfo>;

/** A second publisher of a stream, which is played when the first is worse or gone. */
export const backupInfo = z.object({
  session: z.string().openapi({ description: "Its id in the list of sessions" }),
  node: z.string().openapi({ description: "Node that it is connected to" }),
  health: z.enum(["ok", "silent", "missing", "bit-rate"]).openapi({
    description: "silent: no frame for some intervals; missing: frames that usually come do " +
      "not, or need repair; bit-rate: it is far below what is usual",
  }),
  since: instant.openapi({ description: "When it became the backup" }),
  bitrateKbps: z.number().min(0).openapi({ description: "Of the last two seconds" }),
  missing: count.openapi({ description: "Frames that should have come in the last five seconds" }),
  repairs: count.openapi({ description: "Faults that were mended in that time" }),
}).openapi("BackupInfo");
export type BackupInfo = z.infer<typeof backupInfo>;

/** One live stream, as its owner sees it. */
export const streamInfo = z.object({
  app: z.string().openapi({ description: "First element of the full path", example: "live" }),
  name: z.string().openapi({
    description: "The rest of the full path; may contain slashes",
    example: "cam1",
  }),
  state: z.enum(["live", "hold", "idle"]).openapi({
    description:
      "live: a publisher sends; hold: its connection was lost and viewers wait for it; " +
      "idle: viewers wait for a first publisher",
  }),
  owner: z.string().openapi({ description: "Node that decides about the stream" }),
  epoch: count.openapi({ description: "Rises whenever the owner changes" }),
  generation: count.openapi({ description: "Publish sessions so far" }),
  ingest: z.string().nullable().openapi({
    description: "Node that the publisher is connected to; null without one",
  }),
  ingestHealth: backupInfo.shape.health.nullable().openapi({
    description: "The same of the publisher that is played; null unless it may have a backup",
  }),
  backup: backupInfo.nullable().openapi({
    description: "A second publisher that stands by (publish-backup); null without one",
  }),
  switches: count.openapi({
    description: "Times that its backup was played, since this node owns it",
  }),
  startedAt: instant.nullable().openapi({
    description: "When the current publish session began; null before the first",
  }),
  tracks: z.array(trackInfo).readonly(),
  bitrateKbps: z.number().min(0).openapi({ description: "Of the last seconds, all tracks" }),
  viewers: z.object({
    total: count,
    byProtocol: z.record(z.string(), count).openapi({ example: { rtmp: 2, "http-flv": 40 } }),
  }),
  drops: count.openapi({
    description: "Times a late viewer was moved to the newest key frame, all viewers together",
  }),
  repairs: count.openapi({ description: "Faults in the publisher's timestamps that were mended" }),
  repairsByKind: z.record(z.string(), count).openapi({
    description: "The same by kind: the clock went backward or leapt forward; frames that were " +
      "lifted behind their predecessor, reordered for want of decode times, or left out as early",
    example: { backward: 1, forward: 0, lifted: 0, reordered: 0, early: 0 },
  }),
  edges: z.array(edgeInfo).readonly().openapi({
    description: "Nodes that get the stream from another one",
  }),
}).openapi("StreamInfo");
export type StreamInfo = z.infer<typeof streamInfo>;

/** One node of the mesh: one worker process. */
export const nodeInfo = z.object({
  name: z.string(),
  host: z.string().openapi({ description: "Host that the node runs on" }),
  incarnation: count.openapi({ description: "Unique per start of the node" }),
  state: z.enum(["up", "draining"]),
  redis: z.enum(["ok", "away", "unknown"]).openapi({
    description: "Whether Redis, or what a host has in its place, answers the node, as far as " +
      "the node that was asked has heard. While it is away everything goes on as it is.",
  }),
  zone: z.string().openapi({ description: "Where the host stands, as its operator named it" }),
  addresses: z.object({
    rtmp: address.optional(),
    rtsp: address.optional(),
    http: address.optional(),
    rtmps: address.optional(),
    rtsps: address.optional(),
    https: address.optional(),
    mesh: address.optional(),
  }).openapi({ description: "host:port of each protocol that the node serves" }),
  load: z.object({
    cpu: z.number().min(0).openapi({ description: "Cores in use: 0.5 is half a core" }),
    lagMs: z.number().min(0).openapi({ description: "Lateness of the event loop, p99" }),
    egressKbps: z.number().min(0),
    streams: count,
    viewers: count,
  }),
}).openapi("NodeInfo");
export type NodeInfo = z.infer<typeof nodeInfo>;

/** One publisher or viewer on its connection. */
export const sessionInfo = z.object({
  id: z.string().min(1),
  node: z.string(),
  protocol: z.enum(["rtmp", "rtsp", "http-flv", "ws-flv", "http-ts", "http-mp4"]),
  role: z.enum(["publish", "play"]),
  app: z.string(),
  name: z.string(),
  remoteAddress: address,
  startedAt: instant,
  bytesIn: count,
  bytesOut: count,
  jumps: count.openapi({
    description: "Times this viewer was late and was moved to the newest key frame",
  }),
  userAgent: z.string().nullable().openapi({
    description: "As the client calls itself (User-Agent, flashVer); null when it does not",
  }),
}).openapi("SessionInfo");
export type SessionInfo = z.infer<typeof sessionInfo>;

/** One link between two nodes, as one of them sees it. */
export const linkInfo = z.object({
  node: z.string().openapi({ description: "Node that tells" }),
  peer: z.string().openapi({ description: "Node at the other end" }),
  direction: z.enum(["out", "in"]).openapi({ description: "out: this node dialled" }),
  state: z.enum(["up", "connecting"]),
  since: instant.nullable().openapi({ description: "When it came up; null while it is not" }),
  rttMs: z.number().min(0).openapi({ description: "Round-trip time of the last ping; 0 before" }),
  bytesIn: count,
  bytesOut: count,
  framesIn: count,
  framesOut: count,
  subscriptionsIn: count.openapi({ description: "Streams that the peer gets from this node" }),
  subscriptionsOut: count.openapi({ description: "Streams that this node gets from the peer" }),
  creditStalls: count.openapi({ description: "Times a stream waited for the peer to take more" }),
  jumps: count.openapi({ description: "Times a stream too far behind went on at a key frame" }),
}).openapi("LinkInfo");
export type LinkInfo = z.infer<typeof linkInfo>;
