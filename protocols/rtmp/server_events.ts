/**
 * What an RTMP server session tells its owner: requests to decide about, media, and ends.
 *
 * Source: Adobe RTMP 1.0, section 7.2; Enhanced RTMP v2, "Enhancing NetConnection connect Command".
 * Types only; `server_session.ts` fills them.
 *
 * @module
 */
import type { CapsEx } from "./capabilities.ts";

/** What the connect command said (7.2.1.1). Strings are the peer's, unchecked but bounded. */
export interface ConnectRequest {
  /** Application, may carry a query string; undefined when the client sent none. */
  readonly app: string | undefined;
  /** URL the client says it connects to; may carry credentials, so never log it as it is. */
  readonly tcUrl: string | undefined;
  /** The client's program, "" when it did not say; at most {@link CLIENT_TEXT_LENGTH_MAX}. */
  readonly flashVer: string;
  /** The client says that it is an encoder, and so will publish. */
  readonly encoder: boolean;
  /** AMF version the client wants to speak. Replies are AMF0 in both cases. */
  readonly objectEncoding: 0 | 3;
  /** Extended capabilities; all false for a client that knows nothing of Enhanced RTMP. */
  readonly capsEx: CapsEx;
  /** FourCCs the client says it supports, from fourCcList and the info maps; "*" is any. */
  readonly fourCcs: readonly string[];
}

/** Longest `flashVer` that is kept, in UTF-16 code units; it is shown in session lists. */
export const CLIENT_TEXT_LENGTH_MAX = 128;

/** A name that was checked, and where it came from. */
interface NamedRequest {
  /** Message stream that asks; decisions name it. */
  readonly streamId: number;
  /** APP and NAME as `stream_name.ts` derives them: decoded, checked. */
  readonly app: string;
  readonly name: string;
  /** Query parameters of stream name, tcUrl and app, merged: credentials and options. */
  readonly query: URLSearchParams;
}

/** A client asks to publish (7.2.2.6). */
export interface PublishRequest extends NamedRequest {
  /** What the client asked for; all three are treated as live. */
  readonly type: "live" | "record" | "append";
}

/** A client asks to play (7.2.2.1). */
export interface PlayRequest extends NamedRequest {
  /** As sent, -2 when absent: live, or recorded if there is none. Clients differ in the unit. */
  readonly start: number;
  /** As sent, -1 when absent: until it ends. */
  readonly duration: number;
  /** The client wants earlier plays on this message stream flushed; true when absent. */
  readonly reset: boolean;
  /** False when receiveAudio or receiveVideo switched the kind off before play. */
  readonly audio: boolean;
  readonly video: boolean;
}

/** Media message types that reach the owner: audio, video, and data as AMF0. */
export type MediaTypeId = 8 | 9 | 18;

/**
 * Called from within `feed` and `resume` only, in the order of the input. A handler may decide on
 * the spot or later. What a handler throws leaves `feed`.
 */
export interface ServerSessionEvents {
  /** Decide with acceptConnect or refuseConnect; until then no input is parsed. */
  connect(request: ConnectRequest): void;
  /** Decide with acceptPublish or refusePublish; until then no input is parsed. */
  publish(request: PublishRequest): void;
  /** Decide with acceptPlay or refusePlay; parsing goes on meanwhile. */
  play(request: PlayRequest): void;
  /** The viewer pauses or goes on; only while it plays or waits for the decision. */
  pause(streamId: number, paused: boolean): void;
  /** The viewer wants one kind no longer, or again; only while it plays or waits. */
  receive(streamId: number, kind: "audio" | "video", enabled: boolean): void;
  /**
   * A media message of a stream whose publishing was accepted.
   *
   * @param timestampMs Absolute, 0 to 2^32 - 1, wrapping.
   * @param body FLV tag body, the receiver's to keep, never reused nor written to. Data is always
   * AMF0, with "@setDataFrame" in front when the client sent it.
   */
  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void;
  /** A publish, a play or a play that waited was ended by the client's `command`. */
  ended(streamId: number, command: string): void;
}
