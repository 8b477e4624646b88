// Goal: the page names its stream without letting the name become code, and loads nothing of
// others.
import { assert, assertEquals, assertMatch } from "../../../support/assert.ts";
import { PLAYER_BUILD } from "../../../../actors/http/player/player_assets.ts";
import { playerPage } from "../../../../actors/http/player/player_page.ts";

const EVIL = `"><script>alert('1')</script><img src=x onerror=alert(1)>&amp;`;

function pageOf(app: string, name: string) {
  return playerPage({ app, name, protocols: ["ll-hls", "ws-flv"] });
}

Deno.test("playerPage() escapes what others have named", () => {
  const { body } = pageOf(EVIL, `${EVIL}/x' y`);
  assertEquals(body.match(/<script/g)?.length, 1, "our own");
  assert(!body.includes("<img"), body);
  assert(body.includes("&lt;script&gt;alert(&#39;1&#39;)"), body);
  assert(body.includes("&amp;amp;"), body);
  // Within attributes, only the quotes that we wrote are left.
  const stream = /data-stream="([^"]*)"/.exec(body)?.[1] ?? "";
  assert(stream.startsWith("&quot;&gt;&lt;script") && stream.endsWith("x&#39; y"), stream);
});

Deno.test("playerPage() gives the path as the media routes read it", () => {
  const path = (app: string, name: string) =>
    /data-path="([^"]*)"/.exec(pageOf(app, name).body)?.[1];
  assertEquals(path("live", "cam 1/a?b#c"), "/live/cam%201/a%3Fb%23c");
  assertEquals(path("-", "ü%2f"), "/-/%C3%BC%252f");
});

Deno.test("playerPage() lists the protocols in their order", () => {
  assertMatch(pageOf("live", "cam").body, /data-protocols="ll-hls ws-flv"/);
});

Deno.test("playerPage() may run and load our files alone", () => {
  const { body, headers } = pageOf("live", "cam");
  const policy = headers["Content-Security-Policy"];
  assert(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), policy);
  assert(!policy.includes("unsafe"), policy);
  const loaded = [...body.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url]) => url);
  assertEquals(loaded.length, 4);
  for (const url of loaded) {
    assert(url.startsWith(`/assets/${PLAYER_BUILD}/`) || url.startsWith("data:image/svg"), url);
  }
  // What the policy would forbid is not there: styles and handlers within the document.
  assert(!/<style|\bstyle=|\bon[a-z]+=/.test(body), body);
});

Deno.test("playerPage() has a tag that changes with the page", () => {
  const tag = pageOf("live", "cam").headers.ETag;
  assertMatch(tag, /^"[\w-]{22}"$/);
  assertEquals(pageOf("live", "cam").headers.ETag, tag);
  assert(pageOf("live", "cam2").headers.ETag !== tag);
});
