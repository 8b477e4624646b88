/**
 * What an RTSP server session remembers of its client.
 *
 * Source: RFC 2326, appendix A.2. Types and questions about them; `server_session.ts` moves from one
 * state to the next.
 *
 * @module
 */
import type { RtspServerRequest } from "./server_events.ts";
import type { Announcement } from "./server_request.ts";
import type { Transport } from "./transport.ts";

/** Most media of a session: those of eight cameras with their sound, and their metadata. */
export const SETUPS_MAX = 32;

/** Where a session is (appendix A.2); `failed` threw: send the output, then close. */
export type RtspServerState = "init" | "announced" | "ready" | "playing" | "recording" | "failed";

/** A medium that was set up. */
export interface SetUpMedia {
  /** As the client named it. */
  readonly uri: string;
  readonly transport: Transport;
}

/** What a client has set up. */
export interface Session {
  readonly id: string;
  readonly role: "play" | "record";
  readonly app: string;
  readonly name: string;
  readonly media: Map<number, SetUpMedia>;
}

/** Where a session is, and what it then knows. */
export type State =
  | { readonly kind: "init" | "failed" }
  | { readonly kind: "announced"; readonly announcement: Announcement }
  | {
    readonly kind: "ready" | "playing" | "recording";
    readonly session: Session;
    /** Of a publisher. */
    readonly announcement: Announcement | undefined;
  };

/** The request that awaits its decision. */
export type Pending =
  | { readonly kind: "describe"; readonly uri: string }
  | { readonly kind: "announce"; readonly announcement: Announcement }
  | {
    readonly kind: "setup";
    readonly request: RtspServerRequest;
    readonly media: number | undefined;
  }
  | { readonly kind: "play" | "record" };

/** Options of a session. */
export interface RtspServerOptions {
  /** An id that nobody can guess, for each session of the connection: 8 or more of [A-Za-z0-9]. */
  readonly newSessionId: () => string;
  /** After how many seconds of silence the owner ends a session; told to the client. */
  readonly timeoutSeconds: number;
  /** Name of the program, for the Server field. */
  readonly server: string;
}

/** What a player is told of a medium's first packet (12.33). */
export interface RtpInfo {
  /** As in the setup that was accepted. */
  readonly media: number;
  /** Sequence number of its first packet, 16 bits; `undefined` when there is none yet. */
  readonly seq: number | undefined;
  /** Timestamp that stands for the same instant as those of the other media, 32 bits. */
  readonly rtptime: number;
}

/** The channels of all media but `media`, which may be set up anew. */
export function usedChannels(session: Session | undefined, media: number | undefined): Set<number> {
  const used = new Set<number>();
  for (const [index, { transport }] of session?.media ?? []) {
    if (index === media || transport.kind !== "tcp") continue;
    for (const channel of transport.channels) used.add(channel);
  }
  return used;
}

/** Some players control each medium on its own: all of them mean the whole. */
export function meansWhole(uri: string, { media }: Session): boolean {
  return uri === "*" || media.values().some((setUp) => setUp.uri === uri);
}

/** The name of a session's stream. */
export function nameOf({ app, name }: Session): Pick<RtspServerRequest, "app" | "name"> {
  return { app, name };
}

/** Whether a request is about a session's stream. */
export function isSameStream(session: Session, { app, name }: RtspServerRequest): boolean {
  return app === session.app && name === session.name;
}
