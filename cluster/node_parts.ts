/**
 * The parts of one running node, made from its configuration; `node.ts` puts listeners to them.
 *
 * @module
 */
import { Admission } from "../actors/edge/admission.ts";
import { type Application, Applications } from "../actors/edge/application.ts";
import { StaticAuthorizer } from "../actors/edge/authorizer.ts";
import { Departures } from "../actors/edge/departures.ts";
import type { Edge } from "../actors/edge/edge.ts";
import { RtmpChallenges } from "../actors/edge/rtmp_challenge.ts";
import type { EdgeLimits } from "../actors/edge/edge_limits.ts";
import type { HlsHouse } from "../actors/edge/hls_resource.ts";
import { hlsFile } from "../actors/edge/hls_file.ts";
import { LoopGauge } from "../actors/edge/loop_gauge.ts";
import { OutletSweep } from "../actors/edge/outlet_sweep.ts";
import { type EdgeProtocol, SessionTable } from "../actors/edge/session_table.ts";
import { UdpPorts } from "../actors/edge/udp_ports.ts";
import type { Ports, Timers } from "../actors/runtime/ports.ts";
import type { ActorSystem } from "../actors/runtime/system.ts";
import { DerivedDemand } from "../actors/stream/derived_demand.ts";
import { Flusher } from "../actors/stream/flusher.ts";
import { VIEWER, ViewerActor } from "../actors/edge/viewer_actor.ts";
import { INGEST, IngestActor } from "../actors/stream/ingest_actor.ts";
import type { Ingests } from "../actors/stream/ingests.ts";
import { Lanes } from "../actors/stream/lanes.ts";
import { MediaBudget } from "../actors/stream/media_budget.ts";
import type { StreamPolicy } from "../actors/stream/stream_actor.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import { AacTranscoder } from "../actors/transcode/aac_transcoder.ts";
import { HLS_CONTAINERS } from "../protocols/hls/container_writers.ts";
import { HlsFeeds } from "../actors/stream/hls_feeds.ts";
import { StreamHub } from "../actors/stream/stream_hub.ts";
import type { HlsSettings } from "../protocols/media/record.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import { logWindowUs } from "../actors/stream/log_window.ts";
import { applicationTable } from "./application_table.ts";
import type { Config } from "./config.ts";
import { OtherNodes } from "./elsewhere.ts";
import { FfmpegPictures } from "./ffmpeg_pictures.ts";
import type { HlsFiles } from "./file_service.ts";
import { Mesh } from "./mesh.ts";
import type { MeshHome } from "./mesh_home.ts";
import { LoadMeter } from "./load_meter.ts";

export interface NodeParts extends Edge {
  readonly config: Config;
  readonly home: MeshHome;
  readonly mesh: Mesh;
  readonly gauge: LoopGauge;
  readonly flusher: Flusher<StreamCore>;
  readonly meter: LoadMeter;
  readonly transcoder: AacTranscoder;
  readonly derivedDemand: DerivedDemand;
  readonly departures: Departures;
}

/** How a stream is treated by the settings of its application at the moment. */
function streamPolicy({ hls, holdMs, ...application }: Application): StreamPolicy {
  const { publishTakeover: takeover, publishBackup: backup } = application;
  return { hls, logWindowUs: logWindowUs(hls), holdMs, takeover, backup };
}

function noTraffic(timers: Timers): Record<EdgeProtocol, Lanes> {
  const soon = (callback: () => void) => timers.soon(callback);
  return {
    rtmp: new Lanes(soon),
    rtsp: new Lanes(soon),
    "http-flv": new Lanes(soon),
    "ws-flv": new Lanes(soon),
    "http-ts": new Lanes(soon),
    "http-mp4": new Lanes(soon),
  };
}

/** The streams of this node and what flushes them. */
function createHub(
  config: Config,
  { clock, timers, log }: Ports,
  { gauge, hls, failed }: {
    gauge: LoopGauge;
    hls: HlsSettings;
    failed: (core: StreamCore) => void;
  },
): StreamHub {
  const flusher = new Flusher<StreamCore>({
    clock,
    timers,
    window: config.flushMs,
    latenessMs: () => gauge.recentMs,
    failed: (stream, error) => {
      log.error("stream failed, ended", { stream: streamKey(stream.name), error });
      failed(stream);
    },
  });
  return new StreamHub({
    budget: new MediaBudget(config.mediaMemoryBytes),
    streamsMax: config.maxStreams,
    // Until a publish session says how far its log reaches.
    windowUs: logWindowUs(hls),
    flusher,
  });
}

/** Makes the parts; their timers run from here on, until {@link stopParts}. */
export function createParts(
  config: Config,
  ports: Ports,
  home: MeshHome,
  hostName: string = config.name,
): NodeParts {
  const { clock, timers } = ports;
  const gauge = new LoopGauge(clock, timers);
  const applications = new Applications(applicationTable(config));
  const failed = (core: StreamCore) => failStream(core, mesh.system);
  const hub = createHub(config, ports, { gauge, hls: applications.others.hls, failed });
  const { flusher } = hub;
  const hls = new HlsFeeds({ hub, clock, containers: HLS_CONTAINERS });
  const sessions = new SessionTable(config.name);
  const admission = new Admission({
    connectionsMax: config.maxConnections,
    perAddressMax: config.maxConnectionsPerAddress,
  });
  const traffic = noTraffic(ports.timers);
  const mesh: Mesh = new Mesh({
    files: hlsFiles({ hls, applications, admission, ports }),
    ...{ ports, hub, mesh: config.mesh, directory: home.directory, transport: home.transport },
    secret: home.secret,
    reasserting: () => void home.shareAgain(),
    self: introductionOf(config, home, hostName),
    policyOf: ({ app }) => streamPolicy(applications.of(app)),
    replicas: config.replicas,
    load: () => ({
      cpu: meter.cpuCores,
      lagMs: gauge.quantileMs(0.99),
      egressKbps: meter.egressKbps,
      streams: mesh.ownership.size,
      viewers: flusher.viewers,
    }),
    latenessMs: () => gauge.recentMs,
  });
  const { system, ingests, finder, fetches } = mesh;
  const meter: LoadMeter = new LoadMeter({ clock, timers, hub, traffic, sweeps: [hls, fetches] });
  const derivedDemand = new DerivedDemand({ hub, system, clock, timers });
  const transcoder = new AacTranscoder({ clock, log: ports.log });
  registerSessions(system, sessions, ingests);
  const ownerOf = (key: string) => mesh.ownership.recall(key)?.node;
  const elsewhere = new OtherNodes({ mesh: mesh.membership, ownerOf });
  return {
    ...{ config, node: config.name, home, mesh, ports, gauge, flusher, hub, hls, system, traffic },
    pictures: config.ffmpeg === undefined ? undefined : new FfmpegPictures(config.ffmpeg, timers),
    sessions,
    udpPorts: new UdpPorts(config.udpPorts === "off" ? undefined : config.udpPorts, ports.log),
    ...{ ingests, finder, fetches, transcoder, derivedDemand, admission },
    limits: edgeLimits(config),
    sweep: new OutletSweep({
      ...{ clock, timers },
      timeoutMs: config.viewerTimeoutMs,
      closed: () => void admission.refuse("slow-reader"),
    }),
    meter,
    departures: new Departures({ ports, sessions, elsewhere, timeMs: config.drainTimeoutMs }),
    applications,
    authorizer: new StaticAuthorizer(applications),
    rtmpChallenges: new RtmpChallenges(applications, clock),
    viewerTimeoutMs: config.viewerTimeoutMs,
  };
}

/** HLS for the clients of other nodes. */
function hlsFiles(house: HlsHouse): HlsFiles {
  return {
    find: (request) => hlsFile(house, request),
    hasEnded: (name) => house.hls.hasEnded(name),
  };
}

/** Ends a stream for our own fault; who sends into it would never learn of that. */
function failStream(core: StreamCore, system: ActorSystem): void {
  const publisher = core.ingest?.publisher;
  core.fail();
  if (publisher === undefined) return;
  system.ref(INGEST, publisher.ingestId).tell.kick({ reason: "the stream failed" });
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

/** Publishers and viewers are reached through actors of their own. */
function registerSessions(system: ActorSystem, sessions: SessionTable, ingests: Ingests): void {
  const kick = (id: string, reason: string) => {
    const session = sessions.get(id);
    session?.kick(reason);
    return session !== undefined;
  };
  const kickPublisher = (id: string, reason: string) => {
    const core = ingests.coreOf(id);
    kick(id, reason);
    return core?.log.nextSeq ?? 0;
  };
  const derive = (id: string) => ingests.coreOf(id)?.derivation?.need();
  system.register(
    INGEST,
    (id) => {
      const paired = { key: id, publishers: ingests.paired };
      return new IngestActor((reason) => kickPublisher(id, reason), () => derive(id), paired);
    },
  );
  system.register(VIEWER, (id) => new ViewerActor((reason) => kick(id, reason)));
}

/** How this node introduces itself to the others. */
function introductionOf(config: Config, { address, addresses }: MeshHome, host: string) {
  return {
    node: config.name,
    host,
    address,
    zone: config.zone,
    role: config.role,
    addresses,
    weight: 1,
  };
}

/** Ends every timer and actor. */
export async function stopParts(parts: NodeParts): Promise<void> {
  parts.gauge.stop();
  parts.flusher.stop();
  parts.sweep.stop();
  parts.meter.stop();
  parts.derivedDemand.stop();
  parts.transcoder.stop();
  parts.departures.stop();
  await parts.mesh.stop();
  await parts.home.directory.close();
}
