/**
 * The composition root: the only file that knows all parts of a node.
 *
 * @module
 */
import { hostPort } from "../actors/edge/host_port.ts";
import { HttpConnection } from "../actors/edge/http_connection.ts";
import { type ApiFetch, Routes } from "../actors/edge/http_routes.ts";
import { Listener } from "../actors/edge/listener.ts";
import { RtmpConnection } from "../actors/edge/rtmp_connection.ts";
import { RtspEntry } from "../actors/edge/rtsp_entry.ts";
import { RtspTunnels } from "../actors/edge/rtsp_tunnels.ts";
import { refusal } from "../protocols/http/answer.ts";
import { writeRtspResponse } from "../protocols/rtsp/message.ts";
import { createApi } from "../actors/http/api.ts";
import { createHostMetrics, createMetrics } from "../actors/http/metrics.ts";
import { addPlayerRoutes } from "../actors/http/player/player_routes.ts";
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import type { Config } from "./config.ts";
import { createParts, type NodeParts, stopParts } from "./node_parts.ts";
import { nodeSnapshot } from "./node_metrics.ts";
import { drainNode, viewOf } from "./node_view.ts";
import type { RedisTarget } from "./directory/redis_url.ts";
import { meshHome, ownAddress, redisTarget } from "./mesh_home.ts";
import { applicationTable } from "./application_table.ts";
import type { NodeHost, NodePlace, RunningNode } from "./running_node.ts";
import { StartError } from "./start_error.ts";
import { VERSION } from "./version.ts";

/** Where an origin serves its operators. */
const LOOPBACK = "127.0.0.1";

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
  try {
    const hostname = bindableHost(config.host, ports);
    const place = host?.place;
    sockets = bindClientPorts(config, hostname, place);
    const address = await addressOf(config, redisTarget(config), ports);
    const addresses = clientAddresses(sockets, address);
    const offered = config.role === "origin" ? {} : addresses;
    const home = meshHome({ config, ports, addresses: offered, address, hostname, place });
    const meshPlace = { flag: "--mesh-port", port: config.meshPort, hostname };
    parts = bound(meshPlace, () => createParts(config, ports, home, place?.hostName));
    const listeners = listenersOf(parts, sockets, host);
    await joinMesh(parts);
    const here = config.role === "origin" ? clientAddresses(sockets, LOOPBACK) : addresses;
    return runningNode(parts, { listeners, addresses: here, place });
  } catch (error) {
    for (const socket of Object.values(sockets ?? {})) socket.close();
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

/** By protocol; an origin has HTTP alone, for its operators. */
interface ClientSockets {
  rtmp?: Deno.TcpListener;
  rtsp?: Deno.TcpListener;
  http: Deno.TcpListener;
}

interface Listeners {
  /** RTMP and RTSP. */
  readonly media: readonly Listener[];
  readonly http: Listener;
}

/** An origin takes no clients: its API, metrics and health are there for the host itself. */
function bindClientPorts(
  { role, rtmpPort, rtspPort, httpPort }: Config,
  hostname: string,
  place: NodePlace | undefined,
): ClientSockets {
  const http = { flag: "--http-port", port: httpPort };
  if (role === "origin") return { http: bindPort({ ...http, hostname: LOOPBACK }, place) };
  const bound: Deno.TcpListener[] = [];
  try {
    bound.push(bindPort({ flag: "--rtmp-port", port: rtmpPort, hostname }, place));
    bound.push(bindPort({ flag: "--rtsp-port", port: rtspPort, hostname }, place));
    bound.push(bindPort({ ...http, hostname }, place));
  } catch (error) {
    for (const socket of bound) socket.close();
    throw error;
  }
  return { rtmp: bound[0], rtsp: bound[1], http: bound[2] };
}

function clientAddresses(sockets: ClientSockets, hostname: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sockets).map((
      [protocol, socket],
    ) => [protocol, hostPort({ hostname, port: portOf(socket) })]),
  );
}

function listenersOf(
  edge: NodeParts,
  sockets: ClientSockets,
  host: NodeHost | undefined,
): Listeners {
  const tunnels = new RtspTunnels(edge);
  const rtmp = sockets.rtmp && new Listener({
    edge,
    protocol: "rtmp",
    socket: sockets.rtmp,
    connect: (conn) => new RtmpConnection(conn, edge),
  });
  const rtsp = sockets.rtsp && new Listener({
    edge,
    protocol: "rtsp",
    socket: sockets.rtsp,
    connect: (conn) => new RtspEntry(conn, edge, tunnels),
    fullAnswer: writeRtspResponse(503, {}),
  });
  const media = [rtmp, rtsp].filter((listener) => listener !== undefined);
  const routes = new Routes(edge, apiOf(edge, host), {
    tunnels: edge.config.role === "origin" ? undefined : tunnels,
  });
  const http = new Listener({
    edge,
    protocol: "http",
    socket: sockets.http,
    connect: (conn) => new HttpConnection(conn, edge, routes),
    fullAnswer: refusal(
      503,
      "Cannot serve: there are as many connections as may be, in all or from your address",
      {
        close: true,
      },
    ),
  });
  return { media, http };
}

function runningNode(parts: NodeParts, { listeners, addresses, place }: {
  readonly listeners: Listeners;
  readonly addresses: Readonly<Record<string, string>>;
  readonly place: NodePlace | undefined;
}): RunningNode {
  const { media, http } = listeners;
  const all = [...media, http];
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
    http.leaveAll("the node stops", shared);
    await accepting;
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

function portOf({ addr }: Deno.TcpListener): number {
  return addr.port;
}

/** `::` takes both families, but needs a system that has IPv6 at all. */
function bindableHost(host: string, ports: Ports): string {
  if (host !== "::") return host;
  try {
    Deno.listen({ hostname: "::", port: 0 }).close();
    return host;
  } catch (error) {
    ports.log.warn("no IPv6 here, listening on IPv4 alone", { error: String(error) });
    return "0.0.0.0";
  }
}

/**
 * A plain bind fails although the other program would share the port, so that is what the first of
 * several workers tries before it shares the port with the others.
 */
function bindPort({ flag, hostname, port }: Place, worker: NodePlace | undefined) {
  return bound({ flag, hostname, port }, () => {
    if (worker === undefined || worker.count === 1) return Deno.listen({ hostname, port });
    const found = worker.portsKnown ? port : freePort({ hostname, port });
    return Deno.listen({ hostname, port: found, reusePort: true });
  });
}

function freePort(options: { readonly hostname: string; readonly port: number }): number {
  using listener = Deno.listen(options);
  return portOf(listener);
}

interface Place {
  readonly flag: string;
  readonly port: number;
  readonly hostname: string;
}

/** Says what an operator can do when `bind` fails. */
function bound<T>({ flag, port, hostname }: Place, bind: () => T): T {
  try {
    return bind();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      const text = "the port is taken; stop the other program or choose another port";
      throw new StartError(`${flag} ${port}: ${text}`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const text = "the system does not let us bind it; choose a port from 1024 on";
      throw new StartError(`${flag} ${port}: ${text}`);
    }
    const found = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `--host ${hostname}: cannot be bound (${found}); choose an address of this host`,
    );
  }
}
