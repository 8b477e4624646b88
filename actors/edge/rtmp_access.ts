/**
 * Asks who may publish and play over RTMP, and says no as RTMP does.
 *
 * @module
 */
import {
  credentialsFromQuery,
  credentialsFromUrl,
  mergeCredentials,
} from "../../protocols/media/credentials.ts";
import type { PlayRequest, PublishRequest } from "../../protocols/rtmp/server_events.ts";
import type { Action } from "./application.ts";
import { denialText } from "./authorizer.ts";
import type { RtmpPeer } from "./rtmp_peer.ts";

/** The onStatus that refuses. */
export interface RtmpRefusal {
  readonly code: string;
  readonly description: string;
}

const UNAUTHORIZED: Readonly<Record<Action, string>> = {
  publish: "NetStream.Publish.Unauthorized",
  play: "NetStream.Play.Unauthorized",
};
const FAILED: Readonly<Record<Action, string>> = {
  publish: "NetStream.Publish.Failed",
  play: "NetStream.Play.Failed",
};

/** Decides about a request; `undefined` when it may go on. */
export async function refuseRtmp(
  peer: RtmpPeer,
  action: Action,
  { app, name, query }: Pick<PublishRequest | PlayRequest, "app" | "name" | "query">,
): Promise<RtmpRefusal | undefined> {
  const { edge, connected, proved, remoteAddress } = peer;
  const wish = { app, name, action, protocol: "rtmp" } as const;
  const decision = await edge.authorizer.authorize({
    ...wish,
    credentials: proved === undefined
      ? mergeCredentials(credentialsFromQuery(query), credentialsFromUrl(connected.tcUrl ?? ""))
      // The user in the query is then part of the proof, without a password.
      : mergeCredentials(proved, credentialsFromQuery(query)),
    remoteAddress,
  });
  if (decision.ok) return undefined;
  edge.admission.refuse("unauthorized");
  const code = decision.reason === "protocol" ? FAILED[action] : UNAUTHORIZED[action];
  return { code, description: denialText(wish, decision.reason) };
}
