// Goal: credentials mean the same on every protocol, nobody but their owner ever sees them, and
//   what the file says of an application is in force, also after it was read again.
// Method: one node with a configuration file; each protocol, action and place for credentials in
//   one table; then all that the node logged and told is searched for the secrets.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { playFfmpeg, publish } from "../support/players.ts";
import { eventually, runChild } from "../support/processes.ts";
import { openSession } from "../support/session_client.ts";
import { connectTo, writeAll } from "../support/wire/rtmp_connection.ts";

/** Part of every secret below, and of nothing else. */
const SECRET = "s3cret";

const PUBLISHER = { user: "encoder", pass: `pub:${SECRET}` };
const VIEWER = { user: "viewer", pass: `view&${SECRET}` };
const TOKEN = { token: `token-${SECRET}-1` };

function configText(viewPass = VIEWER.pass): string {
  return `
applications:
  guarded:
    users:
      - { user: encoder, pass: "${PUBLISHER.pass}", publish: true }
      - { user: viewer, pass: "${viewPass}", play: true }
      - { token: ${TOKEN.token}, publish: true, play: true }
  watched:
    users: [{ user: encoder, pass: "${PUBLISHER.pass}", publish: true }]
  eager: { play-wait: 0, hls-segment: 1s, hls-part: 100ms }
  brief: { hold: 0, publish-takeover: true }
  narrow: { protocols: { publish: [], play: [rtmp] } }
`;
}

interface Given {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** Credentials, what becomes of publish and of play in "guarded", and of play in "watched". */
const CREDENTIALS: { what: string; given: Given; publish: boolean; play: boolean }[] = [
  { what: "the publisher's password", given: PUBLISHER, publish: true, play: false },
  { what: "the viewer's password", given: VIEWER, publish: false, play: true },
  { what: "the token", given: TOKEN, publish: true, play: true },
  {
    what: "a wrong password",
    given: { user: "encoder", pass: `wrong-${SECRET}` },
    publish: false,
    play: false,
  },
  { what: "a wrong token", given: { token: `wrong-${SECRET}` }, publish: false, play: false },
  {
    what: "a password without its user",
    given: { pass: PUBLISHER.pass },
    publish: false,
    play: false,
  },
  { what: "nothing", given: {}, publish: false, play: false },
];

const PLACES = ["query", "header or user info"] as const;
type Place = typeof PLACES[number];

let node: TestNode;
let folder: string;
let file: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-config-" });
  file = `${folder}/hw.yaml`;
  await Deno.writeTextFile(file, configText());
  node = await startTestNode({ args: ["--config", file, "--log-level", "debug"] });
});

Deno.test.afterAll(async () => {
  await node.stop();
  await Deno.remove(folder, { recursive: true });
});

function queryOf(given: Given): string {
  const query = new URLSearchParams(Object.entries(given)).toString();
  return query === "" ? "" : `?${query}`;
}

function authorizationOf({ user, pass, token }: Given): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  return { authorization: `Basic ${btoa(`${user}:${pass ?? ""}`)}` };
}

/** Asks over RTMP; "ok" or the code of the refusal. */
async function askRtmp(
  role: "publish" | "play",
  { app, name, given, place }: { app: string; name: string; given: Given; place: Place },
): Promise<string> {
  const { user, pass = "", token } = given;
  const inUrl = place !== "query" && user !== undefined;
  // A token has no place in user info; it may stand behind the application, too.
  const behindApp = place !== "query" && token !== undefined;
  using client = await openSession(node.address("rtmp"), {
    role,
    app: behindApp ? `${app}${queryOf(given)}` : app,
    streamName: inUrl || behindApp ? name : `${name}${queryOf(given)}`,
    userInfo: inUrl ? `${user}:${encodeURIComponent(pass)}` : undefined,
  });
  return await client.ready.then(() => "ok", (error: Error) => error.message);
}

/** Asks over HTTP; the status. */
async function askHttp(path: string, given: Given, place: Place): Promise<number> {
  const url = node.httpUrl(place === "query" ? `${path}${queryOf(given)}` : path);
  const headers = {
    ...place === "query" ? {} : authorizationOf(given),
    "user-agent": `player/1 ${url}`,
  };
  const response = await fetch(url, { headers });
  const { status } = response;
  const challenge = response.headers.get("www-authenticate") ?? "";
  await response.body?.cancel();
  assertEquals(status === 401 && challenge === "", false);
  return status;
}

/** Asks for an upgrade; the status. */
async function askWebSocket(path: string, given: Given, place: Place): Promise<number> {
  const conn = await connectTo(node.address("http"));
  const inQuery = place === "query";
  const fields = inQuery
    ? []
    : Object.entries(authorizationOf(given)).map((pair) => pair.join(": "));
  const lines = [
    `GET /${path}${inQuery ? queryOf(given) : ""} HTTP/1.1`,
    `Host: ${node.address("http")}`,
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
  ];
  await writeAll(conn, new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  const buffer = new Uint8Array(4096);
  const count = await conn.read(buffer) ?? 0;
  conn.close();
  return Number(new TextDecoder().decode(buffer.subarray(9, Math.min(12, count))));
}

const PLAYS: {
  protocol: string;
  ask: (given: Given, place: Place, app: string) => Promise<unknown>;
}[] = [
  {
    protocol: "rtmp",
    ask: async (given, place, app) => {
      const code = await askRtmp("play", { app, name: "cam", given, place });
      return code === "ok" ? 200 : code === "NetStream.Play.Unauthorized" ? 401 : code;
    },
  },
  ...["flv", "ts", "mp4", "m3u8"].map((ending) => ({
    protocol: `http ${ending}`,
    ask: (given: Given, place: Place, app: string) => askHttp(`${app}/cam.${ending}`, given, place),
  })),
  {
    protocol: "websocket",
    ask: async (given, place, app) => {
      const status = await askWebSocket(`${app}/cam.flv`, given, place);
      return status === 101 ? 200 : status;
    },
  },
];

/** 403 says that the credentials are known, and do not allow it. */
function allowed(status: unknown): boolean {
  if (status !== 200 && status !== 401 && status !== 403) throw new Error(`answered ${status}`);
  return status === 200;
}

for (const { what, given, publish } of CREDENTIALS) {
  for (const place of PLACES) {
    Deno.test(endToEnd(`rtmp publish with ${what} in the ${place}`, {}, async () => {
      const code = await askRtmp("publish", { app: "guarded", name: "new", given, place });
      assertEquals(code, publish ? "ok" : "NetStream.Publish.Unauthorized");
      const watched = await askRtmp("publish", { app: "watched", name: "new", given, place });
      assertEquals(watched === "ok", given === PUBLISHER);
    }));
  }
}

Deno.test(endToEnd("rtmpdump, which knows no code of ours, is closed at once", {
  needs: ["rtmpdump"],
}, async () => {
  const startMs = performance.now();
  const url = node.rtmpUrl(`guarded/cam?token=wrong-${SECRET}`);
  const args = ["--live", "--timeout", "30", "-r", url, "-o", `${folder}/none.flv`];
  const { code } = await runChild("rtmpdump", args, { timeoutMs: 60_000 });
  assert(code !== 0);
  assertWithin(3_000, performance.now() - startMs, "the refusal");
}));

Deno.test(endToEnd("every protocol plays with the right credentials alone, wherever they stand", {
  needs: ["ffmpeg"],
}, async () => {
  const media = await mediaFile("h264");
  const query = queryOf(PUBLISHER);
  await using _guarded = publish(node.rtmpUrl(`guarded/cam${query}`), media);
  await using _watched = publish(node.rtmpUrl(`watched/cam${query}`), media);
  await eventually("both are live", async () => {
    const { items } = await node.api<{ items: { name: string; tracks: unknown[] }[] }>("streams");
    return items.filter(({ name, tracks }) => name === "cam" && tracks.length > 0).length === 2;
  });
  const wrong: string[] = [];
  await Promise.all(PLAYS.map(async ({ protocol, ask }) => {
    for (const place of PLACES) {
      for (const { what, given, play } of CREDENTIALS) {
        const got = allowed(await ask(given, place, "guarded"));
        if (got !== play) wrong.push(`${protocol}, ${what} in the ${place}: ${got}`);
        const open = allowed(await ask(given, place, "watched"));
        if (!open) wrong.push(`${protocol}, ${what} in the ${place}: refused where play is open`);
      }
    }
  }));
  assertEquals(wrong, []);
}));

Deno.test(endToEnd("HLS carries credentials on, each player its own", {
  needs: ["ffmpeg"],
}, async () => {
  await using _publisher = publish(
    node.rtmpUrl(`guarded/hls${queryOf(TOKEN)}`),
    await mediaFile("h264"),
  );
  const text = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(node.httpUrl(path), { headers });
    return response.ok ? await response.text() : `refused: ${response.status}`;
  };
  const uris = (playlist: string) =>
    playlist.split("\n").flatMap((line) =>
      /URI="([^"]*)"/.exec(line)?.[1] ?? (/^[^#]/.exec(line) ? [line] : [])
    );
  for (const given of [VIEWER, TOKEN, VIEWER]) {
    const query = queryOf(given);
    const [media] = uris(await text(`guarded/hls.m3u8${query}`));
    assertEquals(media.split("?")[0], "hls.hls/index.m3u8");
    const playlist = await text(`guarded/${media}`);
    const listed = uris(playlist);
    assert(listed.length > 3, playlist);
    for (const uri of listed) {
      assertEquals(new URLSearchParams(uri.split("?")[1]).toString(), query.slice(1));
    }
    const name = listed.find((uri) => uri.includes(".m4s"))!;
    assertEquals(await askHttp(`guarded/hls.hls/${name}`, {}, "query"), 200);
    assertEquals(await askHttp(`guarded/hls.hls/${name.split("?")[0]}`, {}, "query"), 401);
    assertEquals(
      await askHttp(`guarded/hls.hls/${name.split("?")[0]}`, given, "header or user info"),
      200,
    );
  }
  // Who sends a field sends it again; nothing is put into the playlist for it.
  const plain = await text("guarded/hls.hls/index.m3u8", authorizationOf(VIEWER));
  assertEquals([plain.startsWith("#EXTM3U"), plain.includes("?")], [true, false]);
  // Where nothing is needed nothing is carried on: all players share one playlist.
  await using _open = publish(node.rtmpUrl("open/hls"), await mediaFile("h264"));
  const open = await text(`open/hls.m3u8${queryOf(TOKEN)}`);
  assertEquals([open.startsWith("#EXTM3U"), open.includes("?")], [true, false]);
  const frames = await playFfmpeg(node.httpUrl(`guarded/hls.m3u8${queryOf(VIEWER)}`));
  assert(frames.video.length > 25, `${frames.video.length} frames`);
}));

Deno.test(
  endToEnd("the settings of an application are in force", { needs: ["ffmpeg"] }, async () => {
    assertEquals(await askHttp("eager/nobody.flv", {}, "query"), 404); // At once, not after 10 s.
    assertEquals(await askHttp("narrow/x.flv", {}, "query"), 403);
    assertEquals(await askWebSocket("narrow/x.flv", {}, "query"), 403);
    const ask = { app: "narrow", name: "x", given: {}, place: "query" } as const;
    assertEquals(await askRtmp("publish", ask), "NetStream.Publish.Failed");

    await using _publisher = publish(node.rtmpUrl("eager/hls"), await mediaFile("h264"));
    await eventually("HLS of eager", async () => {
      const response = await fetch(node.httpUrl("eager/hls.hls/index.m3u8"));
      const playlist = await response.text();
      return response.ok && /TARGETDURATION:1\n[^]*PART-TARGET=0\.105/.test(playlist);
    });

    const first = await publishNumbered(node, "brief/cam");
    const second = await publishNumbered(node, "brief/cam"); // Takes over.
    using follower = await follow(node, "rtmp", "brief/cam");
    await untilPlaying(follower);
    await first.stop();
    await second.stop();
    assertEquals(await follower.viewer.ended, "end of stream"); // Nobody is waited for.
  }),
);

Deno.test(
  endToEnd("reading the configuration again keeps sessions and judges new ones", {}, async () => {
    const token = encodeURIComponent(TOKEN.token);
    const stream = await publishNumbered(node, `guarded/kept?token=${token}`);
    const query = queryOf(VIEWER);
    using follower = await follow(node, "rtmp", `guarded/kept${query}`);
    await untilPlaying(follower);
    const play = (pass: string) => {
      const given = { user: "viewer", pass };
      return askRtmp("play", { app: "guarded", name: "kept", given, place: "query" });
    };

    await Deno.writeTextFile(file, configText(`new-${SECRET}`));
    assertEquals(await play(VIEWER.pass), "ok"); // Nothing is read before somebody says so.
    const reload = await node.fetchApi("config/reload", "POST");
    assertEquals([reload.status, await reload.json()], [200, { needRestart: [] }]);
    assertEquals(await play(VIEWER.pass), "NetStream.Play.Unauthorized");
    assertEquals(await play(`new-${SECRET}`), "ok");

    await Deno.writeTextFile(file, `${configText(SECRET)}  bad: { hold: soon }\n`);
    const invalid = await node.fetchApi("config/reload", "POST");
    assertEquals(invalid.status, 422);
    assertMatch(
      (await invalid.json()).detail,
      /hw\.yaml:\d+: applications\.bad\.hold: must be a time/,
    );
    Deno.kill(node.ready.pids[0], "SIGHUP");
    const refused = "configuration refused, nothing changed";
    await eventually("the refusal of SIGHUP is logged", () => {
      return node.logs().filter(({ message }) => message === refused).length === 2;
    });
    assertEquals(await play(`new-${SECRET}`), "ok");

    await Deno.writeTextFile(file, configText(`third-${SECRET}`));
    await eventually("SIGHUP is heard again", async () => {
      Deno.kill(node.ready.pids[0], "SIGHUP");
      return await play(`third-${SECRET}`) === "ok";
    });
    await untilPlaying(follower, follower.check.last - follower.check.first + 5);
    await stream.end();
    assertEquals(await follower.viewer.ended, "end of stream");
    assertEquals([follower.check.lost, follower.check.doubled], [0, 0]);
  }),
);

Deno.test(endToEnd("no credential is in any log line or answer of the API", {}, async () => {
  const token = encodeURIComponent(TOKEN.token);
  const stream = await publishNumbered(node, `guarded/seen?token=${token}`);
  const url = node.httpUrl(`guarded/seen.flv?token=${token}`);
  const response = await fetch(url, { headers: { "user-agent": `player/1 (${url})` } });
  assertEquals(response.status, 200);
  const paths = ["streams", "sessions", "nodes", "streams/guarded/seen", "openapi.json"];
  for (const path of paths) {
    const answer = await (await node.fetchApi(path)).text();
    assertEquals(answer.includes(SECRET), false, path);
  }
  const metrics = await (await fetch(node.httpUrl("metrics"))).text();
  assertMatch(metrics, /headwater_refused_total\{reason="unauthorized"\} \d+/);
  assertEquals(metrics.includes(SECRET), false);
  await response.body?.cancel();
  await stream.end();
  const lines = node.logs();
  assert(lines.some(({ message }) => message === "publish refused"));
  assert(lines.some(({ message, protocol }) => message === "play refused" && protocol === "hls"));
  assertEquals(lines.filter((line) => JSON.stringify(line).includes(SECRET)), []);
}));
