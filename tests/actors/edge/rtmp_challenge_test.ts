// Goal: who is asked for a proof at connect, what proves, and that no proof serves twice.
// Method: connects in the order of a client, against applications made by hand and a clock.
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import {
  Applications,
  type ApplicationSettings,
  type User,
} from "../../../actors/edge/application.ts";
import { RtmpChallenges } from "../../../actors/edge/rtmp_challenge.ts";
import { ADOBE_CHALLENGE_MS, adobeResponse } from "../../../protocols/rtmp/adobe_auth.ts";
import type { ConnectRequest } from "../../../protocols/rtmp/server_events.ts";
import { parseCapsEx } from "../../../protocols/rtmp/capabilities.ts";

const USERS: readonly User[] = [
  { user: "encoder", pass: "a b", publish: true, play: false },
  { token: "12345678", publish: false, play: true },
];

const SETTINGS: ApplicationSettings = {
  protocols: { publish: ["rtmp"], play: ["rtmp"] },
  users: USERS,
  rtmpChallenge: true,
  playWaitMs: 0,
  holdMs: 0,
  publishTakeover: false,
  publishBackup: false,
  hls: { segmentUs: 2_000_000, partUs: 200_000, windowSegments: 6 },
  limits: {},
};

/** Challenges with a clock that is set by hand. */
function bench() {
  const time = { ms: 1_000 };
  const applications = new Applications({
    defaults: SETTINGS,
    named: [["silent", { rtmpChallenge: false }], ["open", { users: [] }]],
  });
  const clock = { nowMs: () => time.ms, wallMs: () => 1_800_000_000_000 + time.ms };
  return { time, challenges: new RtmpChallenges(applications, clock) };
}

function connect(app: string, encoder = true): ConnectRequest {
  const tcUrl = `rtmp://host/${app}`;
  const capsEx = parseCapsEx(undefined);
  return { app, tcUrl, flashVer: "", encoder, objectEncoding: 0, capsEx, fourCcs: [] };
}

/** Gets a challenge for `user` and answers with `pass`. */
function answer({ challenges }: ReturnType<typeof bench>, user: string, pass: string): string {
  const asked = challenges.decide(connect(`live?authmod=adobe&user=${user}`));
  assert(!asked.ok && !asked.wrong);
  const [, salt, opaque] = /salt=([^&]+)&challenge=[^&]+&opaque=(.+)$/.exec(asked.description)!;
  const response = adobeResponse({ user, salt, opaque }, pass, "c0ffee");
  return `live?authmod=adobe&user=${user}&challenge=c0ffee&response=${response}&opaque=${opaque}`;
}

Deno.test("decide() asks clients without credentials that will need some", () => {
  const { challenges } = bench();
  const asked = challenges.decide(connect("live"));
  assert(!asked.ok && !asked.wrong);
  assertMatch(asked.description, /code=403 need auth; authmod=adobe/);
  assert(!challenges.decide(connect("live", false)).ok); // Its token may play, so nobody else may.
  assert(!challenges.decide(connect("live?authmod=adobe")).ok);
  for (
    const app of ["silent", "open", "live?user=a&pass=b", "live?token=x", "open?authmod=adobe"]
  ) {
    assertEquals(challenges.decide(connect(app)), { ok: true }, app);
  }
});

Deno.test("decide() takes a right answer once, as it is or with the escapes of a URL", () => {
  const one = bench();
  const credentials = { user: "encoder", pass: "a b" };
  for (const pass of ["a b", "a%20b"]) {
    const app = answer(one, "encoder", pass);
    assertEquals(one.challenges.decide(connect(app)), { ok: true, credentials });
    const again = one.challenges.decide(connect(app));
    assert(!again.ok && again.wrong);
  }
});

Deno.test("decide() refuses wrong passwords, users without one, strangers and late answers", () => {
  const one = bench();
  for (const [user, pass] of [["encoder", "a"], ["12345678", ""], ["nobody", "a b"]]) {
    const decision = one.challenges.decide(connect(answer(one, user, pass)));
    assert(!decision.ok && decision.wrong, user);
    assertMatch(decision.description, /reason=authfailed/);
  }
  const late = answer(one, "encoder", "a b");
  one.time.ms += ADOBE_CHALLENGE_MS + 1;
  const decision = one.challenges.decide(connect(late));
  assert(!decision.ok && decision.wrong);
});
