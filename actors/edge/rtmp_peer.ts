/**
 * What an RTMP connection offers to the streams that it publishes and plays.
 *
 * @module
 */
import type { Credentials } from "../../protocols/media/credentials.ts";
import type { ConnectRequest } from "../../protocols/rtmp/server_events.ts";
import type { ServerSession } from "../../protocols/rtmp/server_session.ts";
import type { Log } from "../runtime/ports.ts";
import type { Edge } from "./edge.ts";
import type { Outlet } from "./outlet.ts";

export interface RtmpPeer {
  readonly edge: Edge;
  readonly log: Log;
  readonly session: ServerSession;
  readonly outlet: Outlet;
  readonly remoteAddress: string;
  /** It came over TLS. */
  readonly secure: boolean;
  /** What the client said of itself; nothing is published or played before it. */
  readonly connected: ConnectRequest;
  /** Who the client proved to be when it connected. */
  readonly proved: Credentials | undefined;
  /** It was asked to connect elsewhere, and will: when it ends a stream now, that goes on there. */
  readonly redirected: boolean;
  /** Bytes read from the socket. */
  readonly bytesIn: number;
  /** Sends what the session has to say. */
  answer(): void;
  /** Asks the client to connect to another node; false when it has not said that it can. */
  redirect(address: string): boolean;
  /** Says goodbye: closes once what was said has been sent. */
  closeWhenSent(): void;
  /**
   * The same unless something is published or played: rtmpdump and others of its kind know few
   * codes of refusal and would wait for ever, and whoever guesses has to connect again.
   */
  closeUnlessBusy(): void;
}
