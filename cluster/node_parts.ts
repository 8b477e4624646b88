/**
 * The parts of one running node, made from its configuration; `node.ts` puts listeners to them.
 *
 * @module
 */
import { Admission } from "../actors/edge/admission.ts";
import { type Application, Applications } from "../actors/edge/application.ts";
import { StaticAuthorizer } from "../actors/edge/authorizer.ts";
import type { Edge } from "../actors/edge/edge.ts";
import { RtmpChallenges } from "../actors/edge/rtmp_challenge.ts";
import type { EdgeLimits } from "../actors/edge/edge_limits.ts";
import { LoopGauge } from "../actors/edge/loop_gauge.ts";
import { OutletSweep } from "../actors/edge/outlet_sweep.ts";
import { SessionTable } from "../actors/edge/session_table.ts";
import type { Ports } from "../actors/runtime/ports.ts";
import { ActorSystem } from "../actors/runtime/system.ts";
import { Flusher } from "../actors/stream/flusher.ts";
import { VIEWER, ViewerActor } from "../actors/edge/viewer_actor.ts";
import { INGEST, IngestActor } from "../actors/stream/ingest_actor.ts";
import { EDGE_STREAM, EdgeStreamActor } from "../actors/stream/edge_stream_actor.ts";
import { Ingests } from "../actors/stream/ingests.ts";
import { StreamFinder } from "../actors/stream/stream_finder.ts";
import { Lanes } from "../actors/stream/lanes.ts";
import { MediaBudget } from "../actors/stream/media_budget.ts";
import { StreamActor, type StreamPolicy } from "../actors/stream/stream_actor.ts";
import { STREAM } from "../actors/stream/stream_protocol.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import { HLS_CONTAINERS } from "../protocols/hls/container_writers.ts";
import { HlsFeeds } from "../actors/stream/hls_feeds.ts";
import { StreamHub } from "../actors/stream/stream_hub.ts";
import { streamKey, type StreamName } from "../actors/stream/stream_key.ts";
import type { Upstream, Whereabouts } from "../actors/stream/upstream.ts";
import { logWindowUs } from "../actors/stream/log_window.ts";
import { applicationTable } from "./application_table.ts";
import type { Config } from "./config.ts";
import { FfmpegPictures } from "./ffmpeg_pictures.ts";
import { LoneWhereabouts, NO_UPSTREAM } from "./placement/lone_whereabouts.ts";
import { LoadMeter } from "./load_meter.ts";

export interface NodeParts extends Edge {
  readonly config: Config;
  /** Unique to this start of the node: microseconds since 1970. */
  readonly incarnation: number;
  readonly gauge: LoopGauge;
  readonly flusher: Flusher<StreamCore>;
  readonly meter: LoadMeter;
}

/** How a stream is treated by the settings of its application at the moment. */
function streamPolicy({ hls, holdMs, publishTakeover }: Application): StreamPolicy {
  return { hls, logWindowUs: logWindowUs(hls), holdMs, takeover: publishTakeover };
}

/** Makes the parts; their timers run from here on, until {@link stopParts}. */
export function createParts(config: Config, ports: Ports): NodeParts {
  const { clock, timers, log } = ports;
  const gauge = new LoopGauge(clock, timers);
  const flusher = new Flusher<StreamCore>({
    clock,
    timers,
    window: config.flushMs,
    latenessMs: () => gauge.recentMs,
    failed: (stream, error) => {
      log.error("stream failed, ended", { stream: streamKey(stream.name), error });
      stream.fail();
    },
  });
  const applications = new Applications(applicationTable(config));
  const hub = new StreamHub({
    budget: new MediaBudget(config.mediaMemoryBytes),
    streamsMax: config.maxStreams,
    windowUs: logWindowUs(applications.others.hls),
    flusher,
  });
  const hls = new HlsFeeds({ hub, clock, containers: HLS_CONTAINERS });
  const system = new ActorSystem(ports);
  const whereabouts = new LoneWhereabouts(config.name, clock);
  const upstream = NO_UPSTREAM;
  const sessions = new SessionTable(config.name);
  const ingests = new Ingests({ hub, system, timers, whereabouts });
  registerActors(system, { hub, upstream, whereabouts, sessions, ingests, applications });
  const admission = new Admission({
    connectionsMax: config.maxConnections,
    perAddressMax: config.maxConnectionsPerAddress,
  });
  const traffic = {
    rtmp: new Lanes(),
    "http-flv": new Lanes(),
    "ws-flv": new Lanes(),
    "http-ts": new Lanes(),
    "http-mp4": new Lanes(),
  };
  return {
    config,
    node: config.name,
    incarnation: Math.round(clock.wallMs() * 1000),
    ports,
    gauge,
    flusher,
    hub,
    hls,
    system,
    traffic,
    pictures: config.ffmpeg === undefined ? undefined : new FfmpegPictures(config.ffmpeg, timers),
    sessions,
    ingests,
    finder: new StreamFinder(hub, system),
    admission,
    limits: edgeLimits(config),
    sweep: new OutletSweep({
      timers,
      timeoutMs: config.viewerTimeoutMs,
      closed: () => void admission.refuse("slow-reader"),
    }),
    meter: new LoadMeter({ clock, timers, hub, hls, traffic }),
    applications,
    authorizer: new StaticAuthorizer(applications),
    rtmpChallenges: new RtmpChallenges(applications, clock),
    viewerTimeoutMs: config.viewerTimeoutMs,
  };
}

function edgeLimits(config: Config): EdgeLimits {
  return {
    publishesMax: config.maxPublishes,
    handshakeMs: config.handshakeTimeoutMs,
    idleMs: config.idleTimeoutMs,
    publishSilenceMs: config.publishTimeoutMs,
    headBytesMax: config.maxHeadBytes,
    publishBitsPerSecondMax: config.maxBitRate,
    frameBytesMax: config.maxFrameBytes,
  };
}

interface ActorParts {
  readonly hub: StreamHub;
  readonly upstream: Upstream;
  readonly whereabouts: Whereabouts;
  readonly sessions: SessionTable;
  readonly ingests: Ingests;
  readonly applications: Applications;
}

function registerActors(system: ActorSystem, parts: ActorParts): void {
  const { hub, upstream, whereabouts, sessions, ingests, applications } = parts;
  const policyOf = ({ app }: StreamName) => streamPolicy(applications.of(app));
  const holdMsOf = ({ app }: StreamName) => applications.of(app).holdMs;
  const kick = (id: string) => (reason: string) => {
    const session = sessions.get(id);
    session?.kick(reason);
    return session !== undefined;
  };
  const kickPublisher = (id: string) => (reason: string) => {
    const core = ingests.coreOf(id);
    kick(id)(reason);
    return core?.log.nextSeq ?? 0;
  };
  const streams = { hub, policyOf, upstream, whereabouts };
  system.register(STREAM, (key) => new StreamActor(key, streams));
  const edgeStreams = { hub, upstream, whereabouts, holdMsOf };
  system.register(EDGE_STREAM, (key) => new EdgeStreamActor(key, edgeStreams));
  system.register(INGEST, (id) => new IngestActor(kickPublisher(id)));
  system.register(VIEWER, (id) => new ViewerActor(kick(id)));
}

/** Ends every timer and actor. */
export async function stopParts(parts: NodeParts): Promise<void> {
  parts.gauge.stop();
  parts.flusher.stop();
  parts.sweep.stop();
  parts.meter.stop();
  parts.ingests.stop();
  await parts.system.shutdown();
}
