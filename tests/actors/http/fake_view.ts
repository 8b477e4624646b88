/**
 * A node made of plain lists, and an API in front of it, for the tests of `actors/http`.
 *
 * @module
 */
import { streamKey } from "../../../actors/stream/stream_key.ts";
import { type ApiOptions, createApi } from "../../../actors/http/api.ts";
import {
  type ApiEvent,
  type LinkInfo,
  type NodeInfo,
  type NodeView,
  pageOf,
  type SessionInfo,
} from "../../../actors/http/node_view.ts";
import type { StreamInfo } from "../../../actors/http/schemas.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import type { Log, LogFields } from "../../../actors/runtime/ports.ts";

export const TOKEN = "correct-horse";
export const BEARER = { Authorization: `Bearer ${TOKEN}` };

/** A live stream with one video and one audio track. */
export function fakeStream(app: string, name: string): StreamInfo {
  return {
    app,
    name,
    state: "live",
    owner: "n1",
    epoch: 1_795_000_000_000_000,
    generation: 2,
    ingest: "n1",
    ingestHealth: "ok",
    backup: {
      ...{ session: "n2~7", node: "n2", health: "ok", since: "2026-01-02T03:04:06.000Z" },
      ...{ bitrateKbps: 2400, missing: 0, repairs: 0 },
    },
    switches: 1,
    startedAt: "2026-01-02T03:04:05.678Z",
    tracks: [
      { kind: "video", codec: "h264", width: 1280, height: 720, fps: 25 },
      { kind: "audio", codec: "aac", sampleRate: 48_000, channels: 2 },
    ],
    bitrateKbps: 2500.5,
    viewers: { total: 3, byProtocol: { rtmp: 1, "http-flv": 2 } },
    drops: 1,
    repairs: 0,
    repairsByKind: { backward: 0, forward: 0 },
    edges: [{ node: "n2", from: "n1", viewers: 2, framesIn: 75, bytesIn: 120_000, jumps: 0 }],
  };
}

const NODE: NodeInfo = {
  name: "n1",
  host: "host1",
  incarnation: 1_795_000_000_000_001,
  state: "up",
  redis: "ok",
  zone: "",
  addresses: { rtmp: "10.0.0.1:1935", http: "10.0.0.1:8080" },
  load: { cpu: 0.25, lagMs: 1.5, egressKbps: 7500, streams: 1, viewers: 3 },
};

/** A viewer of live/cam1. */
export function fakeSession(id: string): SessionInfo {
  return {
    id,
    node: "n1",
    protocol: "http-flv",
    role: "play",
    app: "live",
    name: "cam1",
    remoteAddress: "203.0.113.7:50123",
    startedAt: "2026-01-02T03:04:05.678Z",
    bytesIn: 300,
    bytesOut: 1_000_000,
    jumps: 1,
    userAgent: null,
  };
}

/** A node view over lists that tests may change. */
export class FakeView implements NodeView {
  streamList: StreamInfo[] = [fakeStream("live", "cam1")];
  nodeList: NodeInfo[] = [NODE];
  sessionList: SessionInfo[] = [fakeSession("s1"), fakeSession("s2")];
  linkList: LinkInfo[] = [];
  /** Who follows the events. */
  readonly followers = new Set<(event: ApiEvent) => void>();
  readiness: ReturnType<NodeView["ready"]> = { ready: true };
  /** When set, every answer fails with it. */
  failure: unknown;

  async streams(page: Parameters<NodeView["streams"]>[0]) {
    await this.#reach();
    return pageOf(this.streamList, streamKey, page);
  }

  async stream(app: string, name: string) {
    await this.#reach();
    return this.streamList.find((stream) => stream.app === app && stream.name === name);
  }

  async deleteStream(app: string, name: string) {
    const found = await this.stream(app, name);
    this.streamList = this.streamList.filter((stream) => stream !== found);
    return found !== undefined;
  }

  async nodes(page: Parameters<NodeView["nodes"]>[0]) {
    await this.#reach();
    return pageOf(this.nodeList, ({ name }) => name, page);
  }

  async sessions(page: Parameters<NodeView["sessions"]>[0]) {
    await this.#reach();
    return pageOf(this.sessionList, ({ id }) => id, page);
  }

  async deleteSession(id: string) {
    await this.#reach();
    const found = this.sessionList.find((session) => session.id === id);
    this.sessionList = this.sessionList.filter((session) => session !== found);
    return found !== undefined;
  }

  async switchStream(app: string, name: string) {
    const found = await this.stream(app, name);
    if (found === undefined) return "no-such-stream" as const;
    return found.backup === null ? "no-backup" as const : "switched" as const;
  }

  async moveStream(app: string, name: string, to: string) {
    const found = await this.stream(app, name);
    if (!this.nodeList.some((node) => node.name === to)) return "no-such-node" as const;
    return found === undefined ? "no-such-stream" as const : "moved" as const;
  }

  async drainNode(name: string) {
    await this.#reach();
    return this.nodeList.some((node) => node.name === name);
  }

  async restartHost(host: string) {
    await this.#reach();
    return this.nodeList.some((node) => node.host === host);
  }

  async links() {
    await this.#reach();
    return this.linkList;
  }

  events(listener: (event: ApiEvent) => void, signal: AbortSignal) {
    this.followers.add(listener);
    signal.addEventListener("abort", () => this.followers.delete(listener));
  }

  ready() {
    return this.readiness;
  }

  async #reach(): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
  }
}

/** What a log was told at level "error". */
export interface ErrorLine {
  readonly message: string;
  readonly fields?: LogFields;
}

/** An API over a fake view, called from 127.0.0.1 unless `options` say otherwise. */
export function fakeApi(options: Partial<ApiOptions> = {}) {
  const view = new FakeView();
  const errors: ErrorLine[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (message, fields) => void errors.push({ message, fields }),
    with: () => log,
  };
  const api = createApi({
    view,
    log,
    timers: new VirtualPorts().timers,
    token: TOKEN,
    version: "1.2.3",
    metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "up 1\n" }),
    reloadConfig: () => Promise.resolve({ ok: true, needRestart: ["rtmp-port"] }),
    remoteAddress: () => "127.0.0.1",
    ...options,
  });
  return { api, view, errors };
}
