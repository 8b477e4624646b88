/**
 * Asks who may play over HTTP and WebSocket, and says no as HTTP does.
 *
 * Source: RFC 9110, sections 11.6.1 (WWW-Authenticate), 15.5.2 (401) and 15.5.4 (403).
 *
 * @module
 */
import { refusal } from "../../protocols/http/answer.ts";
import {
  type Credentials,
  credentialsFromAuthorization,
  credentialsFromQuery,
  mergeCredentials,
} from "../../protocols/media/credentials.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { AccessProtocol } from "./application.ts";
import { type AccessDecision, type DenialReason, denialText } from "./authorizer.ts";
import type { Edge } from "./edge.ts";
import { hostPort } from "./host_port.ts";
import type { HttpRequest } from "./http_connection.ts";

/** A wish to play that came as a request. */
export interface HttpAccess {
  readonly request: HttpRequest;
  readonly stream: StreamName;
  /** Of the request's target. */
  readonly query: URLSearchParams;
  readonly protocol: Exclude<AccessProtocol, "rtmp">;
  /** Leave the body out and keep the connection. */
  readonly headOnly: boolean;
}

/** Basic first: some clients read the first challenge only, and know no other scheme. */
const CHALLENGES = 'Basic realm="headwater", charset="UTF-8", Bearer realm="headwater"';

const NO_CREDENTIALS: Credentials = {};

/**
 * Decides about a request, at once when the authorizer does: HLS asks for each part.
 *
 * @returns A whole answer that refuses, or `undefined` when it may go on.
 */
export function refuseAccess(
  edge: Edge,
  access: HttpAccess,
): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  const { request, stream, protocol } = access;
  const decision = edge.authorizer.authorize({
    app: stream.app,
    name: stream.name,
    action: "play",
    protocol,
    credentials: credentialsOf(access),
    remoteAddress: hostPort(request.remote),
  });
  return decision instanceof Promise
    ? decision.then((decision) => refusalOf(edge, access, decision))
    : refusalOf(edge, access, decision);
}

function credentialsOf({ request, query }: HttpAccess): Credentials {
  const authorization = request.head.headers.get("authorization");
  if (query.size === 0 && authorization === undefined) return NO_CREDENTIALS;
  return mergeCredentials(
    credentialsFromQuery(query),
    credentialsFromAuthorization(authorization ?? ""),
  );
}

function refusalOf(
  edge: Edge,
  { request, stream, protocol, headOnly }: HttpAccess,
  decision: AccessDecision,
): Uint8Array | undefined {
  if (decision.ok) return undefined;
  const wish = { ...stream, action: "play", protocol } as const;
  edge.admission.refuse("unauthorized");
  const reason = denialText(wish, decision.reason);
  edge.ports.log.debug("play refused", { peer: hostPort(request.remote), protocol, reason });
  const close = !headOnly && protocol !== "hls";
  const fields = challenges(decision.reason) ? { "WWW-Authenticate": CHALLENGES } : undefined;
  return refusal(fields === undefined ? 403 : 401, reason, { fields, headOnly, close });
}

/** Whether other credentials would help. */
function challenges(reason: DenialReason): boolean {
  return reason === "missing" || reason === "wrong";
}
