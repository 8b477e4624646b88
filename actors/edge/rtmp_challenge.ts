/**
 * Lets RTMP clients in that prove their password by authmod=adobe, and asks those for a proof whose
 * application wants it so.
 *
 * FFmpeg, GStreamer and OBS keep the user info of a URL, or the name and password of their
 * settings, to themselves until a server refuses their connect in that protocol's words. Clients
 * with credentials in the stream's name look the same at connect, and would give up: so it is the
 * application that says whether to ask.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { type Credentials, credentialsFromQuery } from "../../protocols/media/credentials.ts";
import { credentialsFromUrl } from "../../protocols/media/credentials.ts";
import { streamNameFromRtmp } from "../../protocols/media/stream_name.ts";
import {
  ADOBE_AUTH_FAILED,
  ADOBE_CHALLENGE_MS,
  ADOBE_NEED_AUTH,
  ADOBE_NONCE_BYTES,
  type AdobeAuth,
  adobeChallengeText,
  findAdobeChallenge,
  issueAdobeChallenge,
  parseAdobeAuth,
  provesPassword,
} from "../../protocols/rtmp/adobe_auth.ts";
import type { ConnectRequest } from "../../protocols/rtmp/server_events.ts";
import type { Clock } from "../runtime/ports.ts";
import type { Applications, User } from "./application.ts";
import { needsCredentials } from "./authorizer.ts";

/** What becomes of a connect. */
export type ConnectDecision =
  | {
    readonly ok: true;
    /** Who the client has proved to be, if it did. */
    readonly credentials?: Credentials;
  }
  | {
    readonly ok: false;
    readonly description: string;
    /** It answered, and wrongly; otherwise it is asked to answer. */
    readonly wrong: boolean;
  };

const SECRET_BYTES = 32;

/**
 * Answers remembered until their challenge is over, so that nobody gives one a second time. Only
 * right answers are; beyond this many the oldest is forgotten.
 */
const ANSWERED_MAX = 10_000;

const LET_IN: ConnectDecision = { ok: true };

export class RtmpChallenges {
  readonly #applications: Applications;
  readonly #clock: Clock;
  readonly #secret: Uint8Array = randomBytes(SECRET_BYTES);
  /** Answered challenges and when they are over, oldest first. */
  readonly #answered = new Map<string, number>();

  constructor(applications: Applications, clock: Clock) {
    this.#applications = applications;
    this.#clock = clock;
  }

  /** Decides about a connect; publish and play are decided about later, as ever. */
  decide({ app, tcUrl, encoder }: ConnectRequest): ConnectDecision {
    const named = streamNameFromRtmp(tcUrl, app, "any");
    if (!named.ok) return LET_IN; // It will be told when it names a stream.
    const { users, rtmpChallenge } = this.#applications.of(named.app);
    const auth = parseAdobeAuth(app);
    if (auth !== undefined) return users.length === 0 ? LET_IN : this.#answer(auth, users);
    if (!rtmpChallenge || !needsCredentials(users, encoder ? "publish" : "play")) return LET_IN;
    const given = [credentialsFromQuery(named.query), credentialsFromUrl(tcUrl ?? "")];
    if (given.some(({ user, token }) => user !== undefined || token !== undefined)) return LET_IN;
    return { ok: false, description: ADOBE_NEED_AUTH, wrong: false };
  }

  #answer(auth: AdobeAuth, users: readonly User[]): ConnectDecision {
    if (auth.user === "") return { ok: false, description: ADOBE_NEED_AUTH, wrong: false };
    const seal = { secret: this.#secret, nowMs: this.#clock.wallMs() };
    if (auth.response === undefined) {
      const challenge = issueAdobeChallenge(auth.user, randomBytes(ADOBE_NONCE_BYTES), seal);
      return { ok: false, description: adobeChallengeText(challenge), wrong: false };
    }
    const challenge = findAdobeChallenge(auth, seal);
    const names = [auth.user, percentDecoded(auth.user)];
    let credentials: Credentials | undefined;
    // Always through the whole list: the time must not tell where somebody stands in it.
    for (const user of users) {
      if (challenge === undefined || !("pass" in user) || !names.includes(user.user)) continue;
      // Clients take the password as it stands in the URL, escapes and all.
      const proofs = [user.pass, encodeURIComponent(user.pass.toWellFormed())]
        .map((pass) => provesPassword(challenge, auth, pass));
      if (proofs.includes(true)) credentials ??= { user: user.user, pass: user.pass };
    }
    if (challenge === undefined || credentials === undefined || !this.#first(challenge.opaque)) {
      return { ok: false, description: ADOBE_AUTH_FAILED, wrong: true };
    }
    return { ok: true, credentials };
  }

  /** Whether a challenge is answered for the first time; remembers that it was. */
  #first(opaque: string): boolean {
    const nowMs = this.#clock.nowMs();
    for (const [oldest, untilMs] of this.#answered) {
      if (untilMs > nowMs && this.#answered.size < ANSWERED_MAX) break;
      this.#answered.delete(oldest);
    }
    if (this.#answered.has(opaque)) return false;
    this.#answered.set(opaque, nowMs + ADOBE_CHALLENGE_MS);
    return true;
  }
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
