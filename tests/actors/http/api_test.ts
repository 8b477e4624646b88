// Goal: every route answers what its schema says, and every refusal is a problem.
// Method: the app is driven in memory over a fake node.
import { HTTPException } from "hono/http-exception";
import { API_BODY_BYTES_MAX } from "../../../actors/http/api.ts";
import { listOf } from "../../../actors/http/listing.ts";
import { nodeInfo, sessionInfo, streamInfo } from "../../../actors/http/schemas.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { BEARER, fakeApi, fakeStream } from "./fake_view.ts";
import { assertProblem } from "./problem_check.ts";

const LISTS = [
  { path: "/api/v1/streams", schema: listOf(streamInfo.strict(), "TestStreams"), items: 1 },
  { path: "/api/v1/nodes", schema: listOf(nodeInfo.strict(), "TestNodes"), items: 1 },
  { path: "/api/v1/sessions", schema: listOf(sessionInfo.strict(), "TestSessions"), items: 2 },
];

for (const { path, schema, items } of LISTS) {
  Deno.test(`createApi() lists ${path} as its schema says`, async () => {
    const response = await fakeApi().api.request(path);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("Content-Type"), "application/json");
    const list = schema.strict().parse(await response.json());
    assertEquals([list.items.length, list.next], [items, null]);
  });

  Deno.test(`createApi() answers HEAD of ${path} without a body`, async () => {
    const response = await fakeApi().api.request(path, { method: "HEAD" });
    assertEquals([response.status, await response.text()], [200, ""]);
  });
}

const HOSTILE_NAMES = [
  "a/b",
  "a/b/../c",
  "50%",
  "%2F",
  "%25",
  "two words",
  "плёнка/摄像头/🎥",
  "a+b&c=d?e#f;g",
  "back\\slash",
  '"><script>alert(1)</script>',
  "tab\tline\nnul\0",
  "__proto__",
  ":name",
  "*",
  "{name}",
];

for (const name of HOSTILE_NAMES) {
  Deno.test(`createApi() finds and ends the stream ${JSON.stringify(name)}`, async () => {
    const { api, view } = fakeApi();
    view.streamList = [fakeStream("live", "other"), fakeStream("live", name)];
    const path = `/api/v1/streams/live/${encodeURIComponent(name)}`;

    const found = await api.request(path);
    assertEquals(found.status, 200);
    assertEquals(streamInfo.strict().parse(await found.json()).name, name);

    const ended = await api.request(path, { method: "DELETE", headers: BEARER });
    assertEquals([ended.status, await ended.text()], [204, ""]);
    assertEquals(view.streamList.map((stream) => stream.name), ["other"]);

    const gone = await api.request(path, { method: "DELETE", headers: BEARER });
    assertMatch(await assertProblem(gone, 404), /^Cannot find stream "live\//);
    await assertProblem(await api.request(path), 404);
  });
}

Deno.test("createApi() refuses a name that is not percent-encoded UTF-8", async () => {
  const { api } = fakeApi();
  for (const name of ["%", "%2", "%zz", "%ff", "%c3%28", "%ed%a0%80", "%00%fe"]) {
    await assertProblem(await api.request(`/api/v1/streams/live/${name}`), 400);
  }
});

Deno.test("createApi() takes a slash that is not encoded as another route", async () => {
  const { api, view } = fakeApi();
  view.streamList = [fakeStream("live", "a/b")];
  await assertProblem(await api.request("/api/v1/streams/live/a/b"), 404);
});

Deno.test("createApi() switches a stream to its backup, where there is one", async () => {
  const { api, view } = fakeApi();
  const path = (name: string) => `/api/v1/streams/live/${name}/switch`;
  const ask = (name: string, headers = BEARER as Record<string, string>) =>
    api.request(path(name), { method: "POST", headers });
  await assertProblem(await ask("cam1", {}), 401);
  assertEquals((await ask("cam1")).status, 204);
  assertMatch(await assertProblem(await ask("other"), 404), /^Cannot switch "live\/other"/);
  view.streamList = [{ ...fakeStream("live", "cam1"), backup: null }];
  assertMatch(await assertProblem(await ask("cam1"), 409), /no backup/);
});

Deno.test("createApi() ends a session once", async () => {
  const { api, view } = fakeApi();
  const request = () => api.request("/api/v1/sessions/s1", { method: "DELETE", headers: BEARER });
  assertEquals((await request()).status, 204);
  assertEquals(view.sessionList.map(({ id }) => id), ["s2"]);
  await assertProblem(await request(), 404);
});

Deno.test("createApi() tells health whatever the node's state", async () => {
  const { api, view } = fakeApi({ remoteAddress: () => "203.0.113.7" });
  view.readiness = { ready: false, reason: "draining" };
  view.failure = new Error("the mesh is away");
  const response = await api.request("/healthz");
  assertEquals([response.status, await response.json()], [200, { status: "ok" }]);
});

Deno.test("createApi() tells readiness, and why not", async () => {
  const { api, view } = fakeApi({ remoteAddress: () => "203.0.113.7" });
  const ready = await api.request("/readyz");
  assertEquals([ready.status, await ready.json()], [200, { status: "ready" }]);
  view.readiness = { ready: false, reason: "draining" };
  assertEquals(
    await assertProblem(await api.request("/readyz"), 503),
    "Cannot take new work: draining",
  );
});

Deno.test("createApi() passes the metrics on as they are", async () => {
  const response = await fakeApi().api.request("/metrics");
  assertEquals(response.headers.get("Content-Type"), "text/plain; version=0.0.4");
  assertEquals(await response.text(), "up 1\n");
});

Deno.test("createApi() links from its index to routes that answer", async () => {
  const { api } = fakeApi();
  const index = await (await api.request("/api/v1")).json();
  assertEquals([index.name, index.version], ["headwater", "1.2.3"]);
  const links = Object.values<string>(index.links);
  assertEquals(links.length, 4);
  for (const link of links) assertEquals((await api.request(link)).status, 200);
});

Deno.test("createApi() answers an unknown route with a problem", async () => {
  const { api } = fakeApi();
  for (const path of ["/nope", "/api", "/api/v2/streams", "/api/v1/streams/", "/api/v1/"]) {
    await assertProblem(await api.request(path), 404);
    await assertProblem(await api.request(path, { method: "POST", headers: BEARER }), 404);
  }
});

Deno.test("createApi() answers a wrong method with 405 and what is allowed", async () => {
  const { api } = fakeApi();
  const refused = [
    { method: "POST", path: "/api/v1/streams", allow: "GET, HEAD, OPTIONS" },
    { method: "PUT", path: "/api/v1/streams/live/cam1", allow: "GET, HEAD, DELETE, OPTIONS" },
    { method: "GET", path: "/api/v1/sessions/s1", allow: "DELETE, OPTIONS" },
    { method: "PATCH", path: "/healthz", allow: "GET, HEAD, OPTIONS" },
    { method: "DELETE", path: "/", allow: "GET, HEAD, OPTIONS" },
  ];
  for (const { method, path, allow } of refused) {
    const response = await api.request(path, { method, headers: BEARER });
    await assertProblem(response, 405);
    assertEquals(response.headers.get("Allow"), allow);
  }
  const head = await api.request("/api/v1/sessions/s1", { method: "HEAD" });
  assertEquals(head.status, 405);
});

Deno.test("createApi() answers a preflight from any origin, to be kept", async () => {
  const { api } = fakeApi({ remoteAddress: () => "203.0.113.7" });
  const response = await api.request("/api/v1/streams/live/cam1", {
    method: "OPTIONS",
    headers: {
      Origin: "https://player.example",
      "Access-Control-Request-Method": "DELETE",
      "Access-Control-Request-Headers": "authorization",
    },
  });
  assertEquals(response.status, 204);
  const { headers } = response;
  assertEquals(headers.get("Access-Control-Allow-Origin"), "*");
  assertMatch(headers.get("Access-Control-Allow-Methods") ?? "", /\bDELETE\b/);
  assertMatch(headers.get("Access-Control-Allow-Headers") ?? "", /\bAuthorization\b/);
  assert(Number(headers.get("Access-Control-Max-Age")) >= 600);
  assertEquals(headers.get("Access-Control-Allow-Credentials"), null);
});

Deno.test("createApi() lets pages of any origin read its refusals too", async () => {
  const { api, view } = fakeApi();
  view.failure = new Error("boom");
  for (const path of ["/nope", "/api/v1/streams", "/api/v1/streams/a/%ff", "/healthz"]) {
    const { headers } = await api.request(path, { headers: BEARER });
    assertEquals(headers.get("Access-Control-Allow-Origin"), "*");
    assertEquals(headers.get("X-Content-Type-Options"), "nosniff");
    assertEquals(headers.get("Cache-Control"), "no-store");
  }
});

for (const failure of [new Error("secret detail"), "secret detail", null]) {
  Deno.test(`createApi() hides the failure ${failure} and logs it once`, async () => {
    const { api, view, errors } = fakeApi();
    view.failure = failure;
    const detail = await assertProblem(await api.request("/api/v1/streams?limit=7"), 500);
    assert(!detail.includes("secret"), detail);
    assertEquals(errors.length, 1);
    const { error, ...fields } = errors[0].fields ?? {};
    assertEquals(fields, { method: "GET", path: "/api/v1/streams" });
    assert(error === failure || (error as Error).cause === failure);
  });
}

Deno.test("createApi() turns the library's own refusals into problems", async () => {
  const { api, errors } = fakeApi();
  api.get("/refuses", () => {
    throw new HTTPException(415, { message: "Cannot read body: not JSON" });
  });
  assertEquals(
    await assertProblem(await api.request("/refuses"), 415),
    "Cannot read body: not JSON",
  );
  assertEquals(errors.length, 0);
});

Deno.test("createApi() refuses a body over its limit, announced or not", async () => {
  const { api, view } = fakeApi();
  const send = (bytes: number, chunked: boolean) => {
    const body = new Uint8Array(bytes);
    return api.request("/api/v1/sessions/s1", {
      method: "DELETE",
      headers: { ...BEARER, ...(chunked ? {} : { "Content-Length": String(bytes) }) },
      body: chunked ? ReadableStream.from([body.subarray(0, 9), body.subarray(9)]) : body,
    });
  };
  for (const chunked of [true, false]) {
    await assertProblem(await send(API_BODY_BYTES_MAX + 1, chunked), 413);
  }
  assertEquals(view.sessionList.length, 2);
  assertEquals((await send(API_BODY_BYTES_MAX, true)).status, 204);
});
