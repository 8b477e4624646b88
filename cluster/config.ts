/**
 * A node's configuration, typed. `parse_config.ts` finds it in flags, environment and file;
 * `config_schema.ts` describes each option.
 *
 * @module
 */

import type { PortRange } from "../actors/edge/udp_ports.ts";
import type { NamedApplication } from "../actors/edge/application.ts";
import type { Role } from "./directory/directory.ts";

/** How much is logged: everything at a level and above. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Lines for people, or one JSON object a line for machines. */
export type LogFormat = "text" | "json";

/** What the flags and the environment can say, and the file as well. */
export interface GivenOptions {
  /** Port of the RTMP listener, 0 to 65535; 0 = any free port. */
  readonly rtmpPort: number;
  /** Port of the RTSP listener, 0 to 65535; 0 = any free port. */
  readonly rtspPort: number;
  /** UDP ports of media, two for each medium of a client; "off" = no media over UDP. */
  readonly udpPorts: PortRange | "off";
  /** Port of the HTTP listener, 0 to 65535; 0 = any free port. */
  readonly httpPort: number;
  /** Path of the certificate for TLS, PEM; `undefined` = no TLS. */
  readonly tlsCert: string | undefined;
  /** Path of its key, PEM; there when the certificate is. */
  readonly tlsKey: string | undefined;
  /** Ports of the listeners in TLS, 0 to 65535; 0 = any free port. Opened with a certificate. */
  readonly rtmpsPort: number;
  readonly rtspsPort: number;
  readonly httpsPort: number;
  /** IP address that the listeners bind, without brackets; `::` takes both families. */
  readonly host: string;
  /** Host name or address that others should use for this node; `undefined` = what it binds. */
  readonly advertise: string | undefined;
  /** The node's name; `undefined` = the host's name. */
  readonly name: string | undefined;
  /** Where the mesh's directory is, as a Redis URL; a secret. `undefined` = this node is alone. */
  readonly redis: string | undefined;
  /** Namespace within that Redis. */
  readonly mesh: string;
  /** What the nodes prove to each other that they belong together; `undefined` = kept in Redis. */
  readonly meshSecret: string | undefined;
  /** Port on which other nodes reach this one, 0 to 65535; 0 = any free port. */
  readonly meshPort: number;
  /** Absolute path of the folder with `cert.pem`, `key.pem` and `ca.pem` for links in TLS. */
  readonly meshTls: string | undefined;
  /** Nodes that carry a stream besides its owner, at least. */
  readonly replicas: number;
  /** Where the host stands: a room, a site, a region. */
  readonly zone: string;
  /** Whether it owns streams and takes clients: an edge owns none, an origin takes none. */
  readonly role: Role;
  /** Worker processes of the host, 1 to 256, or one a core. */
  readonly workers: number | "auto";
  /** Directory of everything that the node keeps, as given: it may be relative. */
  readonly dataDir: string;
  /** How long frames are gathered before a write, in milliseconds, 0 to 1000, or by load. */
  readonly flushMs: number | "auto";
  /** How long a publisher whose socket was lost is waited for, in milliseconds; 0 = not at all. */
  readonly holdMs: number;
  /** Lets a second publisher of a live stream replace the first. */
  readonly publishTakeover: boolean;
  /** How long a viewer waits for the publisher, in milliseconds; 0 = refuse at once. */
  readonly playWaitMs: number;
  /** How long a viewer may take nothing while there is something to send, in milliseconds. */
  readonly viewerTimeoutMs: number;
  /** How long a drain may take before the node stops anyway, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** Wanted length of an HLS segment, in milliseconds. */
  readonly hlsSegmentMs: number;
  /** Wanted length of a part of one (low latency), in milliseconds; at most a segment. */
  readonly hlsPartMs: number;
  /** Complete segments in an HLS playlist. */
  readonly hlsWindow: number;
  /** Budget of all stream logs of the node, in bytes. */
  readonly mediaMemoryBytes: number;
  /** Most client connections at a time, of all protocols together. */
  readonly maxConnections: number;
  /** Most of them from one IPv4 address or one /64 of IPv6. */
  readonly maxConnectionsPerAddress: number;
  /** Most streams at a time, waited-for ones included. */
  readonly maxStreams: number;
  /** Most streams that one connection may publish. */
  readonly maxPublishes: number;
  /** Most bits per second that one publisher may send, over some seconds. */
  readonly maxBitRate: number;
  /** Largest frame of a publisher, in bytes. */
  readonly maxFrameBytes: number;
  /** Longest head of an HTTP request, in bytes. */
  readonly maxHeadBytes: number;
  /** Time for a handshake, or for a request to come, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long a connection that does nothing is kept, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a publisher may send no frame, in milliseconds. */
  readonly publishTimeoutMs: number;
  /** Absolute path of the ffmpeg that makes pictures of key frames; `undefined` = none does. */
  readonly ffmpeg: string | undefined;
  /** Bearer token of the API; `undefined` = one that is made and kept under the data directory. */
  readonly apiToken: string | undefined;
  /** Lets everybody read the API, not only clients on loopback. */
  readonly apiOpenReads: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** What the flags, the environment and the file say. */
export interface GivenConfig extends GivenOptions {
  /** Settings by application, from the file alone. They hold users: a secret, never log it. */
  readonly applications: readonly NamedApplication[];
}

/** What a node runs with: as given, with nothing left open. */
export interface Config extends GivenConfig {
  /** The node's name: 1 to 64 letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Bearer token of the API, 16 to 256 visible ASCII characters. A secret: never log it. */
  readonly apiToken: string;
}
