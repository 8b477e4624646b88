// Goal: the page shows what the node says, runs nothing, and loads nothing.
import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { fakeApi, fakeStream } from "./fake_view.ts";

async function statusPage(change: (view: ReturnType<typeof fakeApi>["view"]) => void = () => {}) {
  const { api, view } = fakeApi();
  change(view);
  const response = await api.request("/");
  assertEquals(response.status, 200);
  assertMatch(response.headers.get("Content-Type") ?? "", /^text\/html; charset=utf-8$/i);
  return { response, text: await response.text() };
}

Deno.test("statusPage() shows streams and nodes", async () => {
  const { text } = await statusPage();
  for (const shown of ["live/cam1", "h264 1280×720", "aac 48000 Hz", "host1", "1.2.3"]) {
    assert(text.includes(shown), shown);
  }
});

Deno.test("statusPage() says so when there are no streams, or more than it shows", async () => {
  const none = await statusPage((view) => view.streamList = []);
  assert(none.text.includes("No streams."));
  const many = await statusPage((view) => {
    view.streamList = Array.from({ length: 101 }, (_, i) => fakeStream("live", `${i}`));
  });
  assert(many.text.includes("And more"));
});

Deno.test("statusPage() escapes what others have named", async () => {
  const evil = `</td><script>alert("1")</script><img src=x onerror='alert(1)'>&amp;`;
  const { text } = await statusPage((view) => {
    view.streamList = [{ ...fakeStream(evil, evil), owner: evil }];
    view.nodeList = [{ ...view.nodeList[0], name: evil, host: evil }];
  });
  assert(!text.includes("<script"), text);
  assert(!text.includes("<img"), text);
  assert(text.includes("&lt;script&gt;alert(&quot;1&quot;)"), text);
  assert(text.includes("&amp;amp;"), text);
});

Deno.test("statusPage() is allowed its own style and nothing else", async () => {
  const { response, text } = await statusPage();
  const policy = response.headers.get("Content-Security-Policy") ?? "";
  const style = /<style>([^]*)<\/style>/.exec(text)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  assert(policy.includes(`style-src 'sha256-${hash}'`), policy);
  assert(policy.startsWith("default-src 'none'"), policy);
  assert(!/\b(src|style)=|https?:/.test(text), text);
});
