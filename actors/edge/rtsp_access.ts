/**
 * Asks who may publish and play over RTSP: credentials in the URL, in its query, or proved by
 * Digest or Basic against the same users as everywhere.
 *
 * Once a client was let in, its connection may go on with the same stream: players do not repeat
 * a query in the URLs of single media.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import {
  type Credentials,
  credentialsFromAuthorization,
  credentialsFromQuery,
  credentialsFromUrl,
  mergeCredentials,
} from "../../protocols/media/credentials.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import {
  type AuthChallenge,
  type DigestProof,
  parseDigestProof,
  provesPassword,
  writeChallenge,
} from "../../protocols/rtsp/digest_auth.ts";
import { NonceMint } from "../../protocols/rtsp/nonce_mint.ts";
import type { RtspServerRequest } from "../../protocols/rtsp/server_events.ts";
import { splitControl, targetOf } from "../../protocols/rtsp/uri.ts";
import { streamKey } from "../stream/stream_key.ts";
import type { Action } from "./application.ts";
import { denialText } from "./authorizer.ts";
import type { Edge } from "./edge.ts";
import type { RtspPeer } from "./rtsp_peer.ts";

/** The answer that refuses, and one sentence for the log. */
export interface RtspRefusal {
  readonly status: number;
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  readonly description: string;
}

const REALM = "headwater";

/** Streams and actions that one connection is remembered to be let in for. */
const GRANTS_MAX = 16;

const mint = new NonceMint(randomBytes(32));

/** What the Authorization field of a request proves. */
type Proved =
  | { readonly kind: "credentials"; readonly credentials: Credentials }
  | { readonly kind: "stale" }
  | { readonly kind: "nothing" };

export class RtspAccess {
  readonly #peer: RtspPeer;
  readonly #granted = new Set<string>();

  constructor(peer: RtspPeer) {
    this.#peer = peer;
  }

  /** Decides about a request; `undefined` when it may go on. */
  async refuse(request: RtspServerRequest, action: Action): Promise<RtspRefusal | undefined> {
    const { edge, remoteAddress } = this.#peer;
    const { app, name } = request;
    const grant = `${action} ${streamKey(request)}`;
    if (this.#granted.has(grant)) return undefined;
    const proved = this.#proved(request);
    const wish = { app, name, action, protocol: "rtsp" } as const;
    const decision = await edge.authorizer.authorize({
      ...wish,
      credentials: credentialsOf(request, proved),
      remoteAddress,
    });
    if (decision.ok) {
      if (this.#granted.size < GRANTS_MAX) this.#granted.add(grant);
      return undefined;
    }
    const description = denialText(wish, decision.reason);
    const unknown = decision.reason === "missing" || decision.reason === "wrong";
    // Players ask without credentials first: only an answer that is wrong is worth counting.
    if (decision.reason !== "missing") edge.admission.refuse("unauthorized");
    if (!unknown) return { status: 403, description };
    const fields = { "WWW-Authenticate": this.#challenges(proved.kind === "stale") };
    return { status: 401, fields, description };
  }

  #proved(request: RtspServerRequest): Proved {
    const field = request.authorization;
    if (field === undefined) return { kind: "nothing" };
    const proof = parseDigestProof(field);
    if (proof === undefined) {
      return { kind: "credentials", credentials: credentialsFromAuthorization(field) };
    }
    const { edge, id } = this.#peer;
    const age = mint.check(proof.nonce, id, edge.ports.clock.wallMs());
    if (age === "stale") return { kind: "stale" };
    if (age === "foreign" || !isAbout(proof, request)) return { kind: "nothing" };
    return { kind: "credentials", credentials: credentialsOfProof(edge, request, proof) };
  }

  /** Strongest first; players take the first or the last Digest that they know. */
  #challenges(stale: boolean): string[] {
    const { edge, id } = this.#peer;
    const nonce = mint.make(id, edge.ports.clock.wallMs());
    const common = { realm: REALM, nonce, opaque: undefined, stale };
    const challenges: AuthChallenge[] = [
      { ...common, scheme: "Digest", algorithm: "SHA-256", qopAuth: true },
      // Without quality of protection, which many players that know MD5 do not.
      { ...common, scheme: "Digest", algorithm: "MD5", qopAuth: false },
      { ...common, scheme: "Basic", algorithm: "MD5", qopAuth: false },
    ];
    return challenges.map(writeChallenge);
  }
}

function credentialsOf({ query, uri }: RtspServerRequest, proved: Proved): Credentials {
  const told = mergeCredentials(credentialsFromQuery(query), credentialsFromUrl(uri));
  return proved.kind === "credentials" ? mergeCredentials(proved.credentials, told) : told;
}

/** Players prove for the URL of the stream or of one of its media. */
function isAbout({ uri }: DigestProof, request: RtspServerRequest): boolean {
  if (uri === request.uri) return true;
  const target = targetOf(uri);
  if (target === undefined) return false;
  const named = streamNameFromPath(splitControl(target).target);
  return named.ok && named.app === request.app && named.name === request.name;
}

/** The user who knows the password; the name alone, without a password, when nobody does. */
function credentialsOfProof(
  edge: Edge,
  { app, method }: RtspServerRequest,
  proof: DigestProof,
): Credentials {
  let credentials: Credentials = { user: proof.user, pass: "" };
  if (proof.realm !== REALM) return credentials;
  // Always through the whole list: the time must not tell where somebody stands in it.
  for (const user of edge.applications.of(app).users) {
    if (!("pass" in user) || user.user !== proof.user) continue;
    if (provesPassword(proof, method, user.pass)) {
      credentials = { user: user.user, pass: user.pass };
    }
  }
  return credentials;
}
