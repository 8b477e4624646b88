// Goal: `applications` of the configuration file means what it says, and each refusal names the
//   file's line, the path and what is allowed, and never a secret.
import { assert, assertEquals } from "../support/assert.ts";
import { Applications, type GivenApplication } from "../../actors/edge/application.ts";
import { applicationTable } from "../../cluster/application_table.ts";
import type { GivenConfig } from "../../cluster/config.ts";
import { handoverLine, parseHandover } from "../../cluster/handover.ts";
import { parseConfig } from "../../cluster/parse_config.ts";
import { ALONE } from "../../cluster/supervisor/worker_place.ts";
import { seededRandom } from "../support/random.ts";

function parse(content: string, args: string[] = []) {
  return parseConfig(["--config", "hw.yaml", ...args], {}, () => content);
}

function configOf(content: string, args: string[] = []): GivenConfig {
  const parsed = parse(content, args);
  assert(parsed.kind === "config", JSON.stringify(parsed));
  return parsed.config;
}

const FULL = `
hold: 20s
applications:
  live:
    protocols:
      publish: [rtmp]
      play: [hls, http-flv]
    users:
      - { user: cam, pass: "pa: ss", publish: true }
      - token: 00000007
        play: true
    play-wait: 0
    hold: 5s
    publish-takeover: true
    publish-backup: true
    rtmp-challenge: true
    hls-segment: 4s
    hls-part: 500ms
    hls-window: 10
    limits: { bit-rate: 20Mbps, frame-size: 2MiB, streams: 100, connections: 0 }
  "ä b": {}
  "*": { play-wait: 3s }
`;

const LIVE: GivenApplication = {
  protocols: { publish: ["rtmp"], play: ["hls", "http-flv"] },
  users: [
    { user: "cam", pass: "pa: ss", publish: true, play: false },
    { token: "00000007", publish: false, play: true },
  ],
  playWaitMs: 0,
  holdMs: 5_000,
  publishTakeover: true,
  publishBackup: true,
  rtmpChallenge: true,
  hls: { segmentUs: 4_000_000, partUs: 500_000, windowSegments: 10 },
  limits: {
    publishBitsPerSecondMax: 20_000_000,
    frameBytesMax: 2_097_152,
    streamsMax: 100,
    connectionsMax: 0,
  },
};

Deno.test("parseConfig() reads every key of an application", () => {
  const { applications } = configOf(FULL);
  assertEquals(applications.map(([name]) => name), ["live", "ä b", "*"]);
  assertEquals(applications[0][1], LIVE);
  const json =
    `{"applications": {"live": {"hold": "5s", "users": [{"token": "12345678", "play": true}]}}}`;
  assertEquals(configOf(json).applications[0][1].holdMs, 5_000);
});

Deno.test("applicationTable() takes the flags where the file says nothing", () => {
  const handed = parseHandover(handoverLine({ config: configOf(FULL), place: ALONE })).config;
  const applications = new Applications(applicationTable(handed));
  assertEquals(applications.of("live").holdMs, 5_000);
  assertEquals([applications.of("ä b").holdMs, applications.of("ä b").playWaitMs], [20_000, 3_000]);
  assertEquals(applications.of("x").hls.segmentUs, 2_000_000);
  const flags = new Applications(applicationTable(configOf(FULL, ["--hold", "1s"])));
  assertEquals([flags.of("x").holdMs, flags.of("live").holdMs], [1_000, 5_000]);
});

/** What stands under `applications:`, from line 2 on; the refusal behind "hw.yaml:". */
const REFUSED: [content: string, refusal: string][] = [
  ["  - live", `1: applications: must be lines of "key: value"`],
  ["  live: 1", `2: applications.live: must be lines of "key: value"`],
  ["  live:", `2: applications.live: must be lines of "key: value"`],
  ["  a/b: {}", `2: applications.a/b: must be the first element of a path, or "*"`],
  ["  api: {}", `2: applications.api: must be the first element of a path, or "*"`],
  ["  ..: {}", `2: applications...: must be the first element of a path, or "*"`],
  [
    "  live:\n    wait: 1s",
    "3: applications.live.wait: no such key; protocols, users, rtmp-challenge, play-wait, " +
    "hold, publish-takeover, publish-backup, hls-segment, hls-part, hls-window, limits would fit",
  ],
  [
    "  live:\n    hold: 5s\n    play-wait: 1x",
    "4: applications.live.play-wait: must be a time from 0 to 1h, such as 10s, 500ms or 2m",
  ],
  ["  live:\n    hold: [1s]", "3: applications.live.hold: must be one plain value"],
  [
    "  live: { hls-window: 2 }",
    "2: applications.live.hls-window: must be a whole number from 3 to 600",
  ],
  [
    "  live: { publish-takeover: yes }",
    "2: applications.live.publish-takeover: must be true or false",
  ],
  [
    "  live: { hls-part: 3s }",
    "2: applications.live: hls-part must be at most hls-segment, 2000ms here, and is 3000ms",
  ],
  [
    "  live: { hls-segment: 1s }\n  '*': { hls-part: 2s }",
    "2: applications.live: hls-part must be at most hls-segment, 1000ms here, and is 2000ms",
  ],
  [
    "  live:\n    protocols: [rtmp]",
    `3: applications.live.protocols: must be lines of "key: value"`,
  ],
  ["  live: { protocols: { play: rtmp } }", "2: applications.live.protocols.play: must be a list"],
  [
    "  live:\n    protocols:\n      play:\n        - hls\n        - dash",
    "6: applications.live.protocols.play[1]: must be one of rtmp, rtsp, http-flv, ws-flv, http-ts, http-mp4, hls",
  ],
  [
    "  live: { protocols: { publish: [hls] } }",
    "2: applications.live.protocols.publish[0]: must be one of rtmp, rtsp",
  ],
  [
    "  live: { protocols: { watch: [hls] } }",
    "2: applications.live.protocols.watch: no such key; publish, play would fit",
  ],
  ["  live: { users: {} }", "2: applications.live.users: must be a list"],
  [
    "  live:\n    users:\n      - user: hidden\n        pass: ''\n        play: true",
    "5: applications.live.users[0].pass: must be 1 to 1024 characters without control characters",
  ],
  [
    "  live:\n    users:\n      - { user: 'hid:den', pass: hidden, play: true }",
    "4: applications.live.users[0].user: must be 1 to 256 characters without control characters or colons",
  ],
  [
    "  live: { users: [{ token: hidden, play: true }] }",
    "2: applications.live.users[0].token: must be 8 to 4096 characters without control characters",
  ],
  [
    "  live:\n    users:\n      - { user: hidden, pass: hidden }",
    "4: applications.live.users[0]: must have publish: true, play: true or both",
  ],
  [
    "  live: { users: [{ user: hidden, play: true }] }",
    "2: applications.live.users[0]: must have either user and pass or token",
  ],
  [
    "  live: { users: [{ user: hidden, pass: hidden, token: hidden-2, play: true }] }",
    "2: applications.live.users[0]: must have either user and pass or token",
  ],
  [
    "  live: { users: [{ token: hidden-2, play: hidden }] }",
    "2: applications.live.users[0].play: must be true or false",
  ],
  [
    "  live: { limits: { bit-rate: 20 } }",
    "2: applications.live.limits.bit-rate: must be a bit rate from 1kbps to 10Gbps, such as 500kbps or 20Mbps",
  ],
  [
    "  live: { limits: { frame-size: 9MiB } }",
    "2: applications.live.limits.frame-size: must be a size from 1KiB to 8MiB, such as 512MiB or 1GiB",
  ],
  [
    "  live: { limits: { streams: -1 } }",
    "2: applications.live.limits.streams: must be a whole number from 0 to 1000000",
  ],
  [
    "  live: { limits: { viewers: 1 } }",
    "2: applications.live.limits.viewers: no such key; bit-rate, frame-size, streams, connections would fit",
  ],
];

for (const [content, refusal] of REFUSED) {
  Deno.test(`parseConfig() refuses hw.yaml:${refusal}`, () => {
    const parsed = parse(`applications:\n${content}\n`);
    assert(parsed.kind === "refused", JSON.stringify(parsed));
    assertEquals(parsed.message, `hw.yaml:${refusal}`);
    assert(!parsed.message.includes("hid"));
  });
}

Deno.test("parseConfig() refuses what YAML offers besides values, and never quotes a secret", () => {
  const rows = [
    "applications:\n  live: &x {}\n  other: *x",
    "applications:\n  live: { users: [{ token: 'hidden-2, play: true }] }",
    "applications:\n  live: { users: [{ token: |hidden-2\n  }] }",
    "applications:\n  live: {}\n  live: {}",
    `applications: ${"{a: ".repeat(8)}1${"}".repeat(8)}`,
  ];
  for (const content of rows) {
    const parsed = parse(content);
    assert(parsed.kind === "refused", JSON.stringify(parsed));
    assert(/line [1-3]: /.test(parsed.message) && !parsed.message.includes("hid"), parsed.message);
  }
});

Deno.test("parseConfig() bounds applications and users", () => {
  const many = Array.from({ length: 10_001 }, (_, i) => `  a${i}: {}`).join("\n");
  const parsed = parse(`applications:\n${many}`);
  assertEquals(
    parsed.kind === "refused" && parsed.message,
    "hw.yaml:1: applications: must be at most 10000 applications",
  );
  const users = Array.from({ length: 1_001 }, (_, i) => `{token: token-${i + 100}, play: true}`);
  const crowd = parse(`applications: { live: { users: [${users.join(",")}] } }`);
  assertEquals(
    crowd.kind === "refused" && crowd.message,
    "hw.yaml:1: applications.live.users: must be at most 1000 items",
  );
});

Deno.test("parseConfig() refuses parts longer than segments among the flags, too", () => {
  const parsed = parseConfig(["--hls-part", "3s"], {}, () => "");
  assertEquals(parsed, {
    kind: "refused",
    message: "--hls-part 3000ms: must be at most --hls-segment, 2000ms",
  });
});

/** Characters that mean something to YAML, and some that do not. */
const STRAY = [..."{}[]:,-'\"&*!|>%@#?\n\t \0ä~x0"];

/** One mutated file: must be taken or refused in one line. */
export function fuzzConfigFile(seed: number): void {
  const random = seededRandom(seed);
  const pick = (below: number) => Math.floor(random.next() * below);
  let content = FULL;
  for (let edits = 1 + pick(8); edits > 0; edits--) {
    const [from, length] = [pick(content.length), pick(4)];
    const stray = Array.from({ length: pick(3) }, () => STRAY[pick(STRAY.length)]).join("");
    content = content.slice(0, from) + stray + content.slice(from + length);
  }
  const parsed = parse(content);
  if (parsed.kind === "config") return;
  assert(parsed.kind === "refused", `seed ${seed}`);
  assert(/^[^\n\r]{1,400}$/.test(parsed.message), `seed ${seed}: ${parsed.message}`);
}

Deno.test("parseConfig() takes or refuses any mutated file, in one line", () => {
  for (let seed = 1; seed <= 500; seed++) fuzzConfigFile(seed);
});
