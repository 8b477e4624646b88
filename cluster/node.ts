/**
 * The composition root: the only file that knows all parts of a node.
 *
 * @module
 */
import type { ListenerProtocol } from "../actors/edge/admission.ts";
import type { ClientSocket } from "../actors/edge/client_socket.ts";
import { HttpConnection } from "../actors/edge/http_connection.ts";
import { type ApiFetch, Routes } from "../actors/edge/http_routes.ts";
import { type Connection, Listener } from "../actors/edge/listener.ts";
import { RtmpConnection } from "../actors/edge/rtmp_connection.ts";
import { RtspEntry } from "../actors/edge/rtsp_entry.ts";
import { RtspTunnels } from "../actors/edge/rtsp_tunnels.ts";
import { TlsConnection } from "../actors/edge/tls_connection.ts";
import { refusal } from "../protocols/http/answer.ts";
import { writeRtspResponse } from "../protocols/rtsp/message.ts";
import { createApi } from "../actors/http/api.ts";
import { createHostMetrics, createMetrics } from "../actors/http/metrics.ts";
import { addPlayerRoutes } from "../actors/http/player/player_routes.ts";
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import {
  bindableHost,
  bindClientPorts,
  bound,
  clientAddresses,
  type ClientSockets,
  isSecure,
  LOOPBACK,
} from "./client_ports.ts";
import type { Config } from "./config.ts";
import { createParts, type NodeParts, stopParts } from "./node_parts.ts";
import { nodeSnapshot } from "./node_metrics.ts";
import { drainNode, viewOf } from "./node_view.ts";
import type { RedisTarget } from "./directory/redis_url.ts";
import { meshHome, ownAddress, redisTarget } from "./mesh_home.ts";
import { applicationTable } from "./application_table.ts";
import type { NodeHost, NodePlace, RunningNode } from "./running_node.ts";
import { StartError } from "./start_error.ts";
import { openTls, type TlsCertificate } from "./tls_certificate.ts";
import { VERSION } from "./version.ts";

/** How often a draining node looks whether its clients have left. */
const DRAIN_CHECK_MS = 100;

/** Of a node that another program started: it has no configuration of its own to read. */
const NO_HOST = {
  ok: false,
  kind: "unavailable",
  reason: "the program that started this node reads no configuration",
} as const;

/** How long a node waits for the directory before it serves what needs none, in milliseconds. */
const JOIN_WAIT_MS = 5_000;

/** How long a node that is to stop at once tries to give its streams away, in milliseconds. */
const HAND_OVER_MS = 500;

/** What clients are given to take in their last bytes before their socket is closed. */
const GOODBYE_MS = 200;

/**
 * Starts a node and resolves once all of its listeners are up.
 *
 * @throws {StartError} A port is taken, the address cannot be bound, or the role needs a mesh.
 */
export async function startNode(
  config: Config,
  ports: Ports,
  host?: NodeHost,
): Promise<RunningNode> {
  if (config.role !== "any" && config.redis === undefined) {
    throw new StartError(`--role ${config.role}: needs --redis, for other nodes do the rest`);
  }
  let sockets: ClientSockets | undefined;
  let parts: NodeParts | undefined;
  let tls: TlsCertificate | undefined;
  try {
    tls = openTls(config, ports);
    const hostname = bindableHost(config.host, ports);
    const place = host?.place;
    sockets = bindClientPorts(config, hostname, place);
    const address = await addressOf(config, redisTarget(config), ports);
    const addresses = clientAddresses(sockets, address);
    const offered = config.role === "origin" ? {} : addresses;
    const home = meshHome({ config, ports, addresses: offered, address, hostname, place });
    const meshPlace = { flag: "--mesh-port", port: config.meshPort, hostname };
    parts = bound(meshPlace, () => createParts(config, ports, home, place?.hostName));
    const listeners = listenersOf({ edge: parts, sockets, host, tls });
    await joinMesh(parts);
    const here = config.role === "origin" ? clientAddresses(sockets, LOOPBACK) : addresses;
    return runningNode(parts, { listeners, addresses: here, place, tls });
  } catch (error) {
    for (const socket of Object.values(sockets ?? {})) socket.close();
    tls?.stop();
    if (parts !== undefined) await stopParts(parts);
    throw error;
  }
}

/** Joins; a directory that does not answer is waited for only so long. */
async function joinMesh({ home, mesh, ports }: NodeParts): Promise<void> {
  const joined = home.prepare().then(() => mesh.start());
  let timer: Timer | undefined;
  const late = new Promise<"late">((done) => {
    timer = ports.timers.after(JOIN_WAIT_MS, () => done("late"));
  });
  if (await Promise.race([joined, late]) === "late") {
    ports.log.warn("directory does not answer; streams can be published once it does");
  }
  timer?.cancel();
}

interface Listeners {
  /** RTMP and RTSP. */
  readonly media: readonly Listener[];
  readonly http: readonly Listener[];
}

/** Said in the protocol's own words to whom there is no room for. */
const FULL_ANSWERS: { readonly [Protocol in ListenerProtocol]?: Uint8Array } = {
  rtsp: writeRtspResponse(503, {}),
  http: refusal(
    503,
    "Cannot serve: there are as many connections as may be, in all or from your address",
    { close: true },
  ),
};

function listenersOf({ edge, sockets, host, tls }: {
  readonly edge: NodeParts;
  readonly sockets: ClientSockets;
  readonly host: NodeHost | undefined;
  readonly tls: TlsCertificate | undefined;
}): Listeners {
  const tunnels = new RtspTunnels(edge);
  const routes = new Routes(edge, apiOf(edge, host), {
    tunnels: edge.config.role === "origin" ? undefined : tunnels,
  });
  const speak = {
    rtmp: (socket: ClientSocket) => new RtmpConnection(socket, edge),
    rtsp: (socket: ClientSocket) => new RtspEntry(socket, edge, tunnels),
    http: (socket: ClientSocket) => new HttpConnection(socket, edge, routes),
  };
  const listen = (protocol: ListenerProtocol, inside: keyof typeof speak): Listener[] => {
    const socket = sockets[protocol];
    if (socket === undefined) return [];
    const terminator = isSecure(protocol) ? tls?.terminator : undefined;
    const connect = terminator === undefined
      ? speak[inside]
      : (conn: Deno.TcpConn): Connection =>
        new TlsConnection(conn, { edge, terminator, connect: speak[inside] });
    return [new Listener({ edge, protocol, socket, connect, fullAnswer: FULL_ANSWERS[protocol] })];
  };
  return {
    media: [
      ...[...listen("rtmp", "rtmp"), ...listen("rtmps", "rtmp")],
      ...[...listen("rtsp", "rtsp"), ...listen("rtsps", "rtsp")],
    ],
    http: [...listen("http", "http"), ...listen("https", "http")],
  };
}

function runningNode(parts: NodeParts, { listeners, addresses, place, tls }: {
  readonly listeners: Listeners;
  readonly addresses: Readonly<Record<string, string>>;
  readonly place: NodePlace | undefined;
  readonly tls: TlsCertificate | undefined;
}): RunningNode {
  const { media, http } = listeners;
  const all = [...media, ...http];
  const accepting = Promise.all(all.map((listener) => listener.run()));
  const { timers } = parts.ports;
  const wait = (delayMs: number) => new Promise<void>((done) => timers.after(delayMs, done));
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    parts.admission.draining = true;
    for (const listener of all) listener.stop();
    const anybody = parts.sessions.size > 0;
    const { shared } = parts.mesh;
    for (const listener of media) listener.leaveAll("the node stops", shared);
    if (shared) {
      // Nothing ends that others own, or may take over.
      for (const session of parts.sessions.values()) session.depart("the node stops", true);
      await Promise.race([parts.mesh.drain(), wait(HAND_OVER_MS)]);
    } else for (const core of parts.hub.values()) core.end();
    await parts.mesh.leave();
    if (anybody) await wait(GOODBYE_MS);
    for (const listener of http) listener.leaveAll("the node stops", shared);
    await accepting;
    tls?.stop();
    await stopParts(parts);
  };
  return {
    name: parts.node,
    addresses,
    applyConfig: (config) => parts.applications.replace(applicationTable(config)),
    async drain() {
      const moved = drainNode(parts);
      if (place !== undefined && place.count > 1) {
        // The other workers take who comes from now on.
        for (const listener of all) listener.stop();
      }
      await moved;
      while (parts.sessions.size > 0) await wait(DRAIN_CHECK_MS);
    },
    stop: () => stopped ??= stop(),
  };
}

function apiOf(parts: NodeParts, host: NodeHost | undefined): ApiFetch {
  const { config, ports } = parts;
  const restart = host?.restartHost === undefined ? undefined : () => host.restartHost?.();
  const view = viewOf(parts, restart);
  const place = host?.place;
  const metrics = place !== undefined && place.count > 1
    ? createHostMetrics(() => view.workerMetrics(place.hostName))
    : createMetrics({ snapshot: () => nodeSnapshot(parts) });
  const api = createApi({
    view,
    timers: ports.timers,
    metrics,
    log: ports.log,
    token: config.apiToken,
    openReads: config.apiOpenReads,
    reloadConfig: () => host?.reloadConfig() ?? Promise.resolve(NO_HOST),
    remoteAddress: ({ env }) => (env as { remoteAddress: string }).remoteAddress,
    version: VERSION,
  });
  if (config.role === "origin") return (request, env) => api.fetch(request, env);
  addPlayerRoutes(api, { protocols: ["ll-hls", "http-flv", "ws-flv"] });
  return (request, env) => api.fetch(request, env);
}

/** The address others should use: as told, or as bound, or the one that Redis sees us at. */
async function addressOf(
  { advertise, host }: Config,
  redis: RedisTarget | undefined,
  ports: Ports,
): Promise<string> {
  if (advertise !== undefined) return advertise;
  const wildcard = host === "::" || host === "0.0.0.0";
  if (!wildcard) return host;
  if (redis === undefined) return "127.0.0.1";
  const own = await ownAddress(redis, ports);
  if (own !== undefined) return own;
  ports.log.warn("cannot tell this host's address while Redis is away; --advertise would name it");
  return "127.0.0.1";
}
