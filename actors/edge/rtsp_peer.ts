/**
 * What an RTSP connection offers to the stream that it publishes or plays.
 *
 * @module
 */
import type { RtspServerSession } from "../../protocols/rtsp/server_session.ts";
import type { Log } from "../runtime/ports.ts";
import type { Edge } from "./edge.ts";
import type { Outlet } from "./outlet.ts";

export interface RtspPeer {
  /** Unique in the mesh. */
  readonly id: string;
  readonly edge: Edge;
  readonly log: Log;
  readonly session: RtspServerSession;
  /** The RTSP connection itself. */
  readonly outlet: Outlet;
  /** `host:port` of the client. */
  readonly remoteAddress: string;
  /** Addresses of both ends of the connection: packets go from and to nowhere else. */
  readonly localHost: string;
  readonly remoteHost: string;
  /** It came over TLS. */
  readonly secure: boolean;
  /** Bytes read from the connection, and from the sockets beside it. */
  bytesIn: number;
  /**
   * Asks the client to go on at another node, "host:port" of its RTSP listener; true when it was
   * asked, now or before, and has a session that can be told.
   */
  redirect(address: string): boolean;
  /** The client has shown that it is there. */
  alive(): void;
  /** Sends what the session has to say. */
  answer(): void;
  /** Says goodbye: closes once what was said has been sent. */
  closeWhenSent(): void;
}
