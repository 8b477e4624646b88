// Goal: one table says who may do what; every protocol asks here.
import { assert, assertEquals } from "../../support/assert.ts";
import {
  ACCESS_PROTOCOLS,
  Applications,
  type ApplicationSettings,
  type GivenApplication,
  type User,
} from "../../../actors/edge/application.ts";
import {
  type AccessRequest,
  denialText,
  StaticAuthorizer,
} from "../../../actors/edge/authorizer.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import type { Credentials } from "../../../protocols/media/credentials.ts";

const DEFAULTS: ApplicationSettings = {
  protocols: { publish: ACCESS_PROTOCOLS, play: ACCESS_PROTOCOLS },
  users: [],
  playWaitMs: 10_000,
  holdMs: 30_000,
  publishTakeover: false,
  publishBackup: false,
  rtmpChallenge: false,
  hls: HLS_SETTINGS,
  limits: {},
};

const CAMERA: User = { user: "cam", pass: "pa:ss", publish: true, play: false };
const VIEWER: User = { token: "view-token", publish: false, play: true };

function applicationsOf(named: Record<string, GivenApplication>): Applications {
  return new Applications({ defaults: DEFAULTS, named: Object.entries(named) });
}

function decide(applications: Applications, request: Partial<AccessRequest>): string {
  const decision = new StaticAuthorizer(applications).authorize({
    app: "live",
    name: "a",
    action: "play",
    protocol: "rtmp",
    credentials: {},
    remoteAddress: "203.0.113.7:1",
    ...request,
  });
  assert(!(decision instanceof Promise));
  return decision.ok ? "ok" : decision.reason;
}

/** Users; credentials; what becomes of publish and of play. */
const ROWS: [what: string, User[], Credentials, publish: string, play: string][] = [
  ["nobody is configured", [], {}, "ok", "ok"],
  ["nobody is configured, but something comes", [], { token: "x" }, "ok", "ok"],
  ["only a publisher is: play stays open", [CAMERA], {}, "missing", "ok"],
  ["the publisher's password", [CAMERA], { user: "cam", pass: "pa:ss" }, "ok", "ok"],
  ["another password", [CAMERA], { user: "cam", pass: "pa:s" }, "wrong", "ok"],
  ["no password", [CAMERA], { user: "cam" }, "wrong", "ok"],
  ["a colon in another place", [CAMERA], { user: "cam:pa", pass: "ss" }, "wrong", "ok"],
  ["a password as token", [CAMERA], { token: "pa:ss" }, "wrong", "ok"],
  ["a viewer closes publish and play", [VIEWER], {}, "missing", "missing"],
  ["the viewer's token", [VIEWER], { token: "view-token" }, "forbidden", "ok"],
  [
    "both, the publisher plays",
    [CAMERA, VIEWER],
    { user: "cam", pass: "pa:ss" },
    "ok",
    "forbidden",
  ],
  [
    "both, one of two is right",
    [CAMERA, VIEWER],
    { user: "x", token: "view-token" },
    "forbidden",
    "ok",
  ],
  ["rights add up", [CAMERA, { ...VIEWER, publish: true }], { token: "view-token" }, "ok", "ok"],
];

for (const [what, users, credentials, publish, play] of ROWS) {
  Deno.test(`StaticAuthorizer.authorize() when ${what}: publish ${publish}, play ${play}`, () => {
    const applications = applicationsOf({ live: { users } });
    for (const protocol of ACCESS_PROTOCOLS) {
      assertEquals(decide(applications, { action: "publish", protocol, credentials }), publish);
      assertEquals(decide(applications, { action: "play", protocol, credentials }), play);
    }
    assertEquals(decide(applications, { app: "other", action: "publish" }), "ok");
  });
}

Deno.test("StaticAuthorizer.authorize() knows the protocols of an application", () => {
  const applications = applicationsOf({ live: { protocols: { play: ["hls"], publish: [] } } });
  assertEquals(decide(applications, { protocol: "hls" }), "ok");
  assertEquals(decide(applications, { protocol: "http-flv" }), "protocol");
  assertEquals(decide(applications, { action: "publish" }), "protocol");
});

Deno.test("StaticAuthorizer.authorize() follows a replaced table", () => {
  const applications = applicationsOf({ live: { users: [VIEWER] } });
  const authorizer = new StaticAuthorizer(applications);
  const request: AccessRequest = {
    ...{ app: "live", name: "a", action: "play", protocol: "hls", remoteAddress: "" },
    credentials: { token: "view-token" },
  };
  assertEquals(authorizer.authorize(request), { ok: true });
  const users = [{ ...VIEWER, token: "other-token" }];
  applications.replace({ defaults: DEFAULTS, named: [["live", { users }]] });
  assertEquals(authorizer.authorize(request), { ok: false, reason: "wrong" });
});

Deno.test("Applications.of() fills in from * and from the defaults, key by key", () => {
  const applications = applicationsOf({
    live: { holdMs: 1, hls: { partUs: 500_000 }, limits: { streamsMax: 2 } },
    open: { users: [] },
    "*": {
      users: [CAMERA],
      playWaitMs: 5,
      hls: { windowSegments: 9 },
      limits: { connectionsMax: 3 },
    },
  });
  assertEquals(applications.of("live"), {
    ...DEFAULTS,
    name: "live",
    holdMs: 1,
    playWaitMs: 5,
    users: [CAMERA],
    hls: { ...HLS_SETTINGS, partUs: 500_000, windowSegments: 9 },
    limits: { streamsMax: 2, connectionsMax: 3 },
  });
  assertEquals(applications.of("open").users, []);
  assertEquals([applications.of("any").name, applications.of("any").users], ["any", [CAMERA]]);
  assertEquals(applications.of("constructor").playWaitMs, 5);
});

Deno.test("denialText() repeats no credential", () => {
  const wish = { app: "live", name: "a", action: "publish", protocol: "rtmp" } as const;
  const texts = (["missing", "wrong", "forbidden", "protocol"] as const)
    .map((reason) => denialText(wish, reason));
  assertEquals(texts, [
    "Cannot publish live/a: it needs credentials: user and pass, or token",
    "Cannot publish live/a: the credentials are wrong",
    "Cannot publish live/a: these credentials do not allow to publish",
    "Cannot publish live/a: the application does not allow to publish by rtmp",
  ]);
});
