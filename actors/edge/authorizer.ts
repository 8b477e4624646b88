/**
 * Who may publish and play: one decision for every protocol.
 *
 * The answer may be a promise because tokens that are checked elsewhere will come behind the same
 * interface. Credentials are compared as digests, in a time that tells nothing about them.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Credentials } from "../../protocols/media/credentials.ts";
import type { AccessProtocol, Action, Applications, User } from "./application.ts";

/** One wish, and who has it. */
export interface AccessRequest {
  readonly app: string;
  readonly name: string;
  readonly action: Action;
  readonly protocol: AccessProtocol;
  readonly credentials: Credentials;
  /** `host:port` of the client. */
  readonly remoteAddress: string;
}

/**
 * Why not. `missing`: credentials are needed and none came; `wrong`: they are nobody's;
 * `forbidden`: they are somebody's who may not do this; `protocol`: nobody may in this way.
 */
export type DenialReason = "missing" | "wrong" | "forbidden" | "protocol";

export type AccessDecision =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: DenialReason };

/** Decides, at once when it can; never throws or rejects for a client's fault. */
export interface Authorizer {
  authorize(request: AccessRequest): AccessDecision | Promise<AccessDecision>;
}

const ALLOWED: AccessDecision = { ok: true };

/** Decides by the users of the applications as they are configured at the moment. */
export class StaticAuthorizer implements Authorizer {
  readonly #applications: Applications;
  /** Digests of each user list; a list that a reload replaced is forgotten with it. */
  readonly #digests = new WeakMap<readonly User[], readonly Uint8Array[]>();

  constructor(applications: Applications) {
    this.#applications = applications;
  }

  authorize({ app, action, protocol, credentials }: AccessRequest): AccessDecision {
    const application = this.#applications.of(app);
    if (!application.protocols[action].includes(protocol)) return denied("protocol");
    const { users } = application;
    if (!needsCredentials(users, action)) return ALLOWED;
    const given = digestsOfClient(credentials);
    if (given.length === 0) return denied("missing");
    const known = this.#digestsOf(users);
    let [found, allowed] = [false, false];
    // Always through the whole list: the time must not tell where somebody stands in it.
    for (let i = 0; i < users.length; i++) {
      const same = given.map((digest) => timingSafeEqual(digest, known[i])).includes(true);
      found = same || found;
      allowed = (same && users[i][action]) || allowed;
    }
    if (allowed) return ALLOWED;
    return denied(found ? "forbidden" : "wrong");
  }

  #digestsOf(users: readonly User[]): readonly Uint8Array[] {
    let digests = this.#digests.get(users);
    if (digests === undefined) this.#digests.set(users, digests = users.map(digestOfUser));
    return digests;
  }
}

/**
 * Whether an application asks for credentials: to publish, as soon as it has any user; to play,
 * as soon as one of its users has the right to play.
 */
export function needsCredentials(users: readonly User[], action: Action): boolean {
  return action === "publish" ? users.length > 0 : users.some((user) => user.play);
}

/** One sentence for the client; repeats nothing of what it sent but the name. */
export function denialText(
  { app, name, action, protocol }: Omit<AccessRequest, "credentials" | "remoteAddress">,
  reason: DenialReason,
): string {
  return `Cannot ${action} ${app}/${name}: ${DENIALS[reason](action, protocol)}`;
}

const DENIALS: Readonly<
  Record<DenialReason, (action: Action, protocol: AccessProtocol) => string>
> = {
  missing: () => "it needs credentials: user and pass, or token",
  wrong: () => "the credentials are wrong",
  forbidden: (action) => `these credentials do not allow to ${action}`,
  protocol: (action, protocol) => `the application does not allow to ${action} by ${protocol}`,
};

/** What stands between the parts of a digest's text. */
const SEPARATOR = "\0";

function digestOfUser(user: User): Uint8Array {
  return "token" in user ? tokenDigest(user.token) : passDigest(user.user, user.pass);
}

function digestsOfClient({ user, pass, token }: Credentials): Uint8Array[] {
  const digests: Uint8Array[] = [];
  if (user !== undefined) digests.push(passDigest(user, pass ?? ""));
  if (token !== undefined) digests.push(tokenDigest(token));
  return digests;
}

function tokenDigest(token: string): Uint8Array {
  return createHash("sha256").update(`token${SEPARATOR}${token}`).digest();
}

function passDigest(user: string, pass: string): Uint8Array {
  // The length keeps "a" with "\0b" from meaning the same as "a\0" with "b".
  const text = `user${SEPARATOR}${user.length}${SEPARATOR}${user}${SEPARATOR}${pass}`;
  return createHash("sha256").update(text).digest();
}

function denied(reason: DenialReason): AccessDecision {
  return { ok: false, reason };
}
