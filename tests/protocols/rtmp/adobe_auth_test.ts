// Goal: passwords that FFmpeg and GStreamer prove are taken, and nothing else is.
// Method: answers recorded from them to a challenge made of fixed chance; then each part changed.
import { assert, assertEquals } from "../../support/assert.ts";
import {
  ADOBE_CHALLENGE_MS,
  adobeChallengeText,
  adobeResponse,
  findAdobeChallenge,
  issueAdobeChallenge,
  parseAdobeAuth,
  provesPassword,
} from "../../../protocols/rtmp/adobe_auth.ts";

const SEAL = { secret: new Uint8Array(32).fill(7), nowMs: 1_800_000_000_123 };
const NONCE = new Uint8Array(8).fill(1);
const PASS = "pw+word";

const VECTORS = [
  {
    origin: "FFmpeg 5.1, rtmp://encoder:pw+word@127.0.0.1:19353/open/demo",
    app: "open?authmod=adobe&user=encoder&challenge=9de34c8d&response=tiIRkx9ptYK6WuJMeId0Jw==" +
      "&opaque=AaMYXFB7AQEBAQEBAQEZZY9lxdZhoIJQ2gQ",
    user: "encoder",
  },
  {
    origin: "GStreamer 1.22, rtmp2sink location=rtmp://encoder:pw+word@127.0.0.1:19353/open/g2",
    app: "open?authmod=adobe&user=encoder&challenge=15b4362b&response=ppkmdRXOsFs5obMVDpEqrg==" +
      "&opaque=AaMYXFB7AQEBAQEBAQEZZY9lxdZhoIJQ2gQ",
    user: "encoder",
  },
  {
    origin: "GStreamer 1.22, rtmp2sink location=rtmp://a%20b:pw%2Bword@127.0.0.1:19353/open/g2",
    app: "open?authmod=adobe&user=a b&challenge=e3edaa11&response=8eqX6tNfevZ6GiazfwHAHg==" +
      "&opaque=AaMYXFB7AQEBAQEBAQGCD60St6JQdz13TEs",
    user: "a b",
  },
];

/** Whether `app` proves `pass` now, or some time after its challenge was made. */
function proves(app: string, pass = PASS, laterMs = 0): boolean {
  const auth = parseAdobeAuth(app)!;
  const challenge = findAdobeChallenge(auth, { ...SEAL, nowMs: SEAL.nowMs + laterMs });
  return challenge !== undefined && provesPassword(challenge, auth, pass);
}

for (const { origin, app, user } of VECTORS) {
  Deno.test(`provesPassword() takes the answer of ${origin}`, () => {
    const challenge = issueAdobeChallenge(user, NONCE, SEAL);
    const auth = parseAdobeAuth(app)!;
    assertEquals([auth.user, auth.opaque], [user, challenge.opaque]);
    assertEquals(findAdobeChallenge(auth, SEAL), challenge);
    assertEquals(adobeResponse(challenge, PASS, auth.challenge!), auth.response);
    assert(proves(app));
  });

  Deno.test(`provesPassword() refuses the answer of ${origin} once any of it is changed`, () => {
    assert(!proves(app, "pw word"));
    assert(!proves(app, ""));
    const from = app.indexOf("&user=") + 6;
    for (let at = from; at < app.length; at++) {
      const other = app[at] === "A" ? "B" : "A";
      // Base64's last character holds bits that mean nothing.
      if (at === app.length - 1) continue;
      assert(!proves(app.slice(0, at) + other + app.slice(at + 1)), `at ${at}`);
    }
    for (let end = app.length - 1; end > from; end--) {
      const cut = app.slice(0, end);
      assert(!proves(cut), cut);
    }
  });

  Deno.test(`findAdobeChallenge() forgets the challenge of ${origin}`, () => {
    assert(proves(app, PASS, ADOBE_CHALLENGE_MS));
    assert(!proves(app, PASS, ADOBE_CHALLENGE_MS + 1));
    assert(!proves(app, PASS, -1));
  });
}

Deno.test("findAdobeChallenge() takes no challenge that another secret sealed", () => {
  const auth = parseAdobeAuth(VECTORS[0].app)!;
  assertEquals(
    findAdobeChallenge(auth, { ...SEAL, secret: new Uint8Array(32).fill(8) }),
    undefined,
  );
});

Deno.test("parseAdobeAuth() reads what clients append, wherever it stands", () => {
  assertEquals(parseAdobeAuth(undefined), undefined);
  assertEquals(parseAdobeAuth("live"), undefined);
  assertEquals(parseAdobeAuth("live?authmod=llnw&user=a"), undefined);
  assertEquals(parseAdobeAuth("live?authmod=adobes"), undefined);
  const none = { challenge: undefined, response: undefined, opaque: undefined };
  assertEquals(parseAdobeAuth("live?authmod=adobe"), { user: "", ...none });
  assertEquals(parseAdobeAuth("live?x=1?authmod=adobe&user=a"), { user: "a", ...none });
  assertEquals(parseAdobeAuth("live?authmod=adobe?authmod=adobe&user=a"), { user: "a", ...none });
  const long = `live?authmod=adobe&user=${"a".repeat(81)}&response=${"b".repeat(129)}`;
  assertEquals(parseAdobeAuth(long), { user: "", ...none });
});

Deno.test("adobeChallengeText() fits the 255 characters that FFmpeg keeps", () => {
  const text = adobeChallengeText(issueAdobeChallenge("u".repeat(80), NONCE, SEAL));
  assert(text.length <= 255, `${text.length}`);
  assert(/&salt=[\w-]{8}&challenge=([\w-]{35})&opaque=\1$/.test(text), text);
});
