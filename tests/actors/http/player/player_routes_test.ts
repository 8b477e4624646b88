// Goal: the page and its files are served so that browsers keep them for as long as they may, and
// everything else is refused as on the other routes.
import { gunzipSync } from "node:zlib";
import { assert, assertEquals, assertMatch } from "../../../support/assert.ts";
import { fakeApi } from "../fake_view.ts";
import { PLAYER_BUILD, playerAssetPath } from "../../../../actors/http/player/player_assets.ts";
import { addPlayerRoutes } from "../../../../actors/http/player/player_routes.ts";

const { api } = fakeApi({ remoteAddress: () => "203.0.113.7" });
addPlayerRoutes(api, { protocols: ["http-flv", "ws-flv"] });

async function get(path: string, headers: Record<string, string> = {}) {
  return await api.request(path, { headers });
}

async function detailOf(response: Response): Promise<string> {
  assertMatch(response.headers.get("Content-Type") ?? "", /^application\/problem\+json/);
  return (await response.json() as { detail: string }).detail;
}

const STREAMS: readonly [path: string, encoded: string][] = [
  ["/live/cam.html", "/live/cam"],
  ["/live/a/b/cam.html?token=x", "/live/a/b/cam"],
  ["/cam.html", "/-/cam"],
  ["/live/caf%C3%A9%20%251.html", "/live/caf%C3%A9%20%251"],
];

for (const [path, encoded] of STREAMS) {
  Deno.test(`addPlayerRoutes() answers ${path} with a page for ${encoded}`, async () => {
    const response = await get(path);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("Content-Type"), "text/html; charset=utf-8");
    assertEquals(response.headers.get("Cache-Control"), "no-cache");
    assertEquals(response.headers.get("X-Content-Type-Options"), "nosniff");
    assertMatch(response.headers.get("Content-Security-Policy") ?? "", /^default-src 'none'/);
    assert((await response.text()).includes(`data-path="${encoded}"`));
  });
}

Deno.test("addPlayerRoutes() refuses names that cannot be played", async () => {
  for (const path of ["/api/x.html", "/live/a%2fb.html", "/live/a%00.html"]) {
    const response = await get(path);
    assertEquals(response.status, 400, path);
    assertMatch(await detailOf(response), /^Cannot use stream name: /);
  }
});

Deno.test("addPlayerRoutes() leaves the other routes alone", async () => {
  assertEquals((await get("/healthz")).status, 200);
  assertEquals((await get("/api/v1/streams/live/cam.html")).status, 401);
  assertEquals((await get("/live/cam.htm")).status, 404);
});

Deno.test("addPlayerRoutes() answers 304 to those who have the page", async () => {
  const tag = (await get("/live/cam.html")).headers.get("ETag") ?? "";
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`]) {
    const response = await get("/live/cam.html", { "If-None-Match": known });
    assertEquals([response.status, await response.text()], [304, ""]);
    assertEquals(response.headers.get("ETag"), tag);
  }
  assertEquals((await get("/live/cam.html", { "If-None-Match": `"x"` })).status, 200);
});

Deno.test("addPlayerRoutes() serves every file that the page and its scripts name", async () => {
  const page = await (await get("/live/cam.html")).text();
  const named = [...page.matchAll(/"\/assets\/[^"]+\/([^"/]+)"/g)].map(([, name]) => name);
  const seen = new Set([...named, "hls.js", "mpegts.js"]);
  for (const name of seen) { // Grows while it is walked.
    const response = await get(playerAssetPath(name));
    assertEquals(response.status, 200, name);
    assertEquals(response.headers.get("Cache-Control"), "public, max-age=31536000, immutable");
    const text = await response.text();
    assert(text.length > 500 && !text.includes("sourceMappingURL"), name);
    for (const [, other] of text.matchAll(/ from "\.\/([\w.]+)"/g)) seen.add(other);
  }
  const all = "page.css page.js players.js sources.js hls.js mpegts.js licenses.txt".split(" ");
  assertEquals([...seen].sort(), all.sort());
});

Deno.test("addPlayerRoutes() compresses for those who take it, under another tag", async () => {
  const path = playerAssetPath("hls.js");
  const plain = await get(path);
  const zipped = await get(path, { "Accept-Encoding": "br, gzip;q=0.8" });
  assertEquals(zipped.headers.get("Content-Encoding"), "gzip");
  assertEquals(zipped.headers.get("Vary"), "Accept-Encoding");
  assert(plain.headers.get("ETag") !== zipped.headers.get("ETag"));
  const body = await zipped.bytes();
  assertEquals(new TextDecoder().decode(gunzipSync(body)), await plain.text());
  for (const refusal of ["identity", "gzip;q=0", "gzip;q=0.000, br"]) {
    const response = await get(path, { "Accept-Encoding": refusal });
    assertEquals(response.headers.get("Content-Encoding"), null, refusal);
  }
  const known = { "If-None-Match": plain.headers.get("ETag") ?? "" };
  assertEquals((await get(path, known)).status, 304);
});

Deno.test("addPlayerRoutes() has no files of other builds, nor others", async () => {
  for (const path of ["/assets/0/page.js", `/assets/${PLAYER_BUILD}/constructor`]) {
    const response = await get(path);
    assertEquals(response.status, 404);
    assertMatch(await detailOf(response), /^Cannot find .*: load the page again$/);
  }
});

Deno.test("addPlayerRoutes() takes HEAD and refuses other methods", async () => {
  for (const path of ["/live/cam.html", playerAssetPath("page.js")]) {
    const head = await api.request(path, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    const post = await api.request(path, { method: "POST" });
    assertEquals([post.status, post.headers.get("Allow")], [405, "GET, HEAD"]);
  }
});
