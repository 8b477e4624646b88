/**
 * What an RTSP server session tells its owner: requests to decide about, packets, and ends.
 *
 * Source: RFC 2326, section 10. Types only; `server_session.ts` fills them.
 *
 * @module
 */
import type { SdpSession } from "./sdp.ts";
import type { TransportRequest } from "./transport.ts";

/** Longest `User-Agent` that is kept, in UTF-16 code units; it is shown in session lists. */
export const USER_AGENT_LENGTH_MAX = 128;

/** What every request to decide about has. */
export interface RtspServerRequest {
  readonly method: string;
  /** As sent; may carry credentials, so never log it as it is. */
  readonly uri: string;
  /** APP and NAME as `stream_name.ts` derives them: decoded, checked. */
  readonly app: string;
  readonly name: string;
  /** Query parameters: credentials and options. */
  readonly query: URLSearchParams;
  /** The Authorization field, as sent. */
  readonly authorization: string | undefined;
}

/** A client wants to know what a stream is made of (10.2). */
export type DescribeRequest = RtspServerRequest;

/** A client wants to publish a stream (10.3). */
export interface AnnounceRequest extends RtspServerRequest {
  /** At least one medium. */
  readonly description: SdpSession;
}

/** A client wants one medium to travel (10.4). */
export interface SetupRequest extends RtspServerRequest {
  /** It has announced the stream, and will send. */
  readonly role: "play" | "record";
  /**
   * Which medium, from 0: of the client's description when it records, which has it; of ours when
   * it plays, where the owner must look whether there is one. `undefined` when it plays and names
   * the whole stream: fine if that has one medium, else 459.
   */
  readonly media: number | undefined;
  /** Ways that the client would take, best first; channels are chosen and free. At least one. */
  readonly offers: readonly TransportRequest[];
}

/** A client wants its media to begin or go on (10.5). */
export type PlayRequest = RtspServerRequest;

/** A publisher is about to send (10.11). */
export type RecordRequest = RtspServerRequest;

/**
 * Called from within `feed` and `resume` only, in the order of the input. A handler of a request
 * decides on the spot or later; until then no input is parsed. What a handler throws leaves `feed`.
 */
export interface RtspServerEvents {
  /** Decide with acceptDescribe or refuse. */
  describe(request: DescribeRequest): void;
  /** Decide with acceptAnnounce or refuse. */
  announce(request: AnnounceRequest): void;
  /** Decide with acceptSetup or refuse. */
  setup(request: SetupRequest): void;
  /** Decide with acceptPlay or refuse; also after a pause. */
  play(request: PlayRequest): void;
  /** Decide with acceptRecord or refuse; also after a pause. */
  record(request: RecordRequest): void;
  /** The client pauses what it plays or records; it was told that this is done. */
  paused(): void;
  /** The client ended its session (10.7): all of its media are over. It was told so. */
  ended(): void;
  /**
   * An interleaved packet, whatever the state.
   *
   * @param packet A view that holds until the handler returns.
   */
  interleaved(channel: number, packet: Uint8Array): void;
}
