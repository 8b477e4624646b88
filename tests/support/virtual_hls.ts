/**
 * HLS of a node on virtual time: its feeds, and its route without a socket.
 *
 * @module
 */
import { Admission } from "../../actors/edge/admission.ts";
import type { Edge } from "../../actors/edge/edge.ts";
import { hlsFile } from "../../actors/edge/hls_file.ts";
import { answerHls } from "../../actors/edge/hls_route.ts";
import { HlsFeeds } from "../../actors/stream/hls_feeds.ts";
import type { StreamHub } from "../../actors/stream/stream_hub.ts";
import type { HlsFiles } from "../../cluster/file_service.ts";
import type { Mesh } from "../../cluster/mesh.ts";
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { parseRequestHead } from "../../protocols/http/request_head.ts";
import { WORDY_CONTAINERS } from "./hls_streams.ts";
import type { VirtualPorts } from "./virtual_ports.ts";

/** A whole answer. */
export interface VirtualAnswer {
  readonly status: number;
  /** All of it, head and body: nodes must not differ in a byte. */
  readonly bytes: Uint8Array;
  readonly text: string;
}

const REMOTE = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

export class VirtualHls {
  readonly feeds: HlsFeeds;
  /** For the clients of other nodes. */
  readonly files: HlsFiles;
  readonly #house;

  constructor(hub: StreamHub, ports: VirtualPorts) {
    const feeds = this.feeds = new HlsFeeds({
      ...{ hub, clock: ports.clock, containers: WORDY_CONTAINERS },
    });
    const application = { playWaitMs: 0, users: [] };
    this.#house = {
      ...{ hub, hls: feeds, ports },
      applications: { of: () => application },
      admission: new Admission({ connectionsMax: 1, perAddressMax: 1 }),
      authorizer: { authorize: () => ({ ok: true }) },
    } as unknown as Edge;
    this.files = {
      find: (request) => hlsFile(this.#house, request),
      hasEnded: (name) => feeds.hasEnded(name),
    };
  }

  /** What a client of the node gets. */
  async get({ finder, fetches }: Mesh, target: string, fields = ""): Promise<VirtualAnswer> {
    const text = `GET ${target} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
    const head = parseRequestHead(new TextEncoder().encode(text))!;
    const request = { head, body: new Uint8Array(0), remote: REMOTE, secure: false };
    const answer = await answerHls({ ...this.#house, finder, fetches }, request);
    const bytes = answer instanceof Uint8Array
      ? answer
      : concatBytes(...answer as readonly Uint8Array[]);
    const whole = new TextDecoder("latin1").decode(bytes);
    return { status: Number(whole.slice(9, 12)), bytes, text: whole };
  }
}
