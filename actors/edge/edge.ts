/**
 * What every client connection of a node shares.
 *
 * @module
 */
import type { ActorSystem } from "../runtime/system.ts";
import type { Ports } from "../runtime/ports.ts";
import type { HlsFetches } from "../stream/hls_fetches.ts";
import type { HlsFeeds } from "../stream/hls_feeds.ts";
import type { Ingests } from "../stream/ingests.ts";
import type { StreamFinder } from "../stream/stream_finder.ts";
import type { Lanes } from "../stream/lanes.ts";
import type { StreamHub } from "../stream/stream_hub.ts";
import type { Transcoder } from "../stream/transcoder.ts";
import type { Admission } from "./admission.ts";
import type { Applications } from "./application.ts";
import type { Authorizer } from "./authorizer.ts";
import type { EdgeLimits } from "./edge_limits.ts";
import type { PictureDecoder } from "./picture_decoder.ts";
import type { RtmpChallenges } from "./rtmp_challenge.ts";
import type { OutletSweep } from "./outlet_sweep.ts";
import type { EdgeProtocol, SessionTable } from "./session_table.ts";
import type { UdpPorts } from "./udp_ports.ts";

export interface Edge {
  /** Name of this node. */
  readonly node: string;
  readonly ports: Ports;
  readonly system: ActorSystem;
  readonly hub: StreamHub;
  readonly hls: HlsFeeds;
  /** Publishers connected to this node. */
  readonly ingests: Ingests;
  /** Brings streams here that other nodes own. */
  readonly finder: StreamFinder;
  /** Makes AAC of audio that most players cannot have. */
  readonly transcoder: Transcoder;
  /** HLS of streams that other nodes own, file by file. */
  readonly fetches: HlsFetches;
  /** Makes pictures of key frames; absent where nothing can decode them. */
  readonly pictures?: PictureDecoder;
  readonly sessions: SessionTable;
  readonly udpPorts: UdpPorts;
  readonly admission: Admission;
  readonly sweep: OutletSweep;
  readonly limits: EdgeLimits;
  /** What holds under each first path element; asked anew for each session. */
  readonly applications: Applications;
  readonly authorizer: Authorizer;
  /** Asks RTMP clients for a proof of their password at connect. */
  readonly rtmpChallenges: RtmpChallenges;
  /** How long a client may take nothing of what is there to send, in milliseconds. */
  readonly viewerTimeoutMs: number;
  readonly traffic: Readonly<Record<EdgeProtocol, Lanes>>;
}
