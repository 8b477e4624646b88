// Goal: nobody reads or writes who should not, whatever the request pretends.
// Method: a table of callers against a read, a write and an open route.
import { isLoopback } from "../../../actors/http/access.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { fakeApi, TOKEN } from "./fake_view.ts";
import { assertProblem } from "./problem_check.ts";

interface Caller {
  readonly name: string;
  readonly from?: string;
  readonly headers?: Record<string, string>;
  /** Scheme and host that the request was sent to. */
  readonly to?: string;
  readonly openReads?: boolean;
  /** Whether a read and a write are let in. */
  readonly let: readonly [read: boolean, write: boolean];
}

const FAR = "203.0.113.7";
const token = (value: string) => ({ Authorization: value });

const CALLERS: readonly Caller[] = [
  { name: "this machine", let: [true, false] },
  { name: "this machine over IPv6", from: "::1", to: "http://[::1]:8080", let: [true, false] },
  { name: "this machine, mapped", from: "::ffff:127.0.0.1", let: [true, false] },
  { name: "this machine with the token", headers: token(`Bearer ${TOKEN}`), let: [true, true] },
  { name: "this machine with a wrong token", headers: token("Bearer nope"), let: [false, false] },
  { name: "this machine with another scheme", headers: token("Basic YTpi"), let: [true, false] },
  { name: "another machine", from: FAR, let: [false, false] },
  { name: "an unknown address", from: "", let: [false, false] },
  {
    name: "another with the token",
    from: FAR,
    headers: token(`Bearer ${TOKEN}`),
    let: [true, true],
  },
  {
    name: "a scheme in small letters",
    from: FAR,
    headers: token(`bearer ${TOKEN}`),
    let: [true, true],
  },
  {
    name: "the start of the token",
    from: FAR,
    headers: token("Bearer correct"),
    let: [false, false],
  },
  {
    name: "more than the token",
    from: FAR,
    headers: token(`Bearer ${TOKEN}x`),
    let: [false, false],
  },
  { name: "no token after Bearer", from: FAR, headers: token("Bearer "), let: [false, false] },
  { name: "a bare token", from: FAR, headers: token(TOKEN), let: [false, false] },
  { name: "another when reads are open", from: FAR, openReads: true, let: [true, false] },
  {
    name: "a wrong token when reads are open",
    from: FAR,
    headers: token("Bearer nope"),
    openReads: true,
    let: [false, false],
  },
  { name: "a proxy: X-Forwarded-For", headers: { "X-Forwarded-For": FAR }, let: [false, false] },
  { name: "a proxy: Forwarded", headers: { Forwarded: `for=${FAR}` }, let: [false, false] },
  { name: "a proxy: Via", headers: { Via: "1.1 proxy" }, let: [false, false] },
  { name: "a proxy: X-Real-IP", headers: { "X-Real-IP": "127.0.0.1" }, let: [false, false] },
  {
    name: "a proxy with the token",
    headers: { "X-Forwarded-For": FAR, Authorization: `Bearer ${TOKEN}` },
    let: [true, true],
  },
  { name: "a foreign page", headers: { Origin: "https://evil.example" }, let: [false, false] },
  { name: "a page of no origin", headers: { Origin: "null" }, let: [false, false] },
  {
    name: "a page of another port",
    headers: { Origin: "http://localhost:9999" },
    let: [false, false],
  },
  {
    name: "a foreign page with the token",
    headers: { Origin: "https://evil.example", Authorization: `Bearer ${TOKEN}` },
    let: [true, true],
  },
  { name: "our own page", headers: { Origin: "http://localhost:8080" }, let: [true, false] },
  { name: "a name pointed at us", to: "http://evil.example:8080", let: [false, false] },
  {
    name: "a page of a name pointed at us",
    to: "http://evil.example:8080",
    headers: { Origin: "http://evil.example:8080" },
    let: [false, false],
  },
  { name: "the loopback address by number", to: "http://127.0.0.1:8080", let: [true, false] },
];

for (const caller of CALLERS) {
  const { name, from = "127.0.0.1", to = "http://localhost:8080", headers, openReads } = caller;

  Deno.test(`createAccess() lets ${name} ${caller.let[0] ? "" : "not "}read`, async () => {
    const { api } = fakeApi({ remoteAddress: () => from, openReads });
    const paths = ["/", "/metrics", "/api/v1", "/api/v1/openapi.json"];
    paths.push(...["streams", "nodes", "sessions", "streams/live/cam1"].map((p) => `/api/v1/${p}`));
    for (const path of paths) {
      const response = await api.request(to + path, { headers });
      if (caller.let[0]) assertEquals(response.status, 200, path);
      else await assertProblem(response, 401);
    }
  });

  Deno.test(`createAccess() lets ${name} ${caller.let[1] ? "" : "not "}write`, async () => {
    const { api, view } = fakeApi({ remoteAddress: () => from, openReads });
    for (const path of ["/api/v1/streams/live/cam1", "/api/v1/sessions/s1"]) {
      const response = await api.request(to + path, { method: "DELETE", headers });
      if (caller.let[1]) assertEquals(response.status, 204, path);
      else await assertProblem(response, 401);
    }
    const left = [view.streamList.length, view.sessionList.length];
    assertEquals(left, caller.let[1] ? [0, 1] : [1, 2]);
  });

  Deno.test(`createAccess() leaves health open to ${name}`, async () => {
    const { api } = fakeApi({ remoteAddress: () => from, openReads });
    for (const path of ["/healthz", "/readyz"]) {
      assertEquals((await api.request(to + path, { headers })).status, 200);
    }
  });
}

Deno.test("createAccess() asks for the token as RFC 6750 wants", async () => {
  const { api } = fakeApi({ remoteAddress: () => FAR });
  const none = await api.request("/api/v1/streams");
  assertEquals(none.headers.get("WWW-Authenticate"), 'Bearer realm="headwater"');
  const wrong = await api.request("/api/v1/streams", { headers: token("Bearer nope") });
  assertEquals(
    wrong.headers.get("WWW-Authenticate"),
    'Bearer realm="headwater", error="invalid_token"',
  );
  assertEquals((await wrong.text()).includes("nope"), false);
});

Deno.test("createAccess() judges before it looks whether something exists", async () => {
  const { api } = fakeApi({ remoteAddress: () => FAR });
  await assertProblem(await api.request("/api/v1/streams/live/none"), 401);
  await assertProblem(await api.request("/api/v1/streams?limit=0"), 401);
  await assertProblem(await api.request("/api/v1/sessions/none", { method: "DELETE" }), 401);
});

Deno.test("createAccess() refuses a token that a header cannot carry", () => {
  for (const bad of ["", "two words", "naïve", "line\n"]) {
    assertThrows(() => fakeApi({ token: bad }), TypeError);
  }
});

Deno.test("isLoopback() knows this machine and nothing that looks like it", () => {
  const own = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "::FFFF:127.0.0.1"];
  assertEquals(own.map(isLoopback), own.map(() => true));
  const other = ["", "128.0.0.1", "1127.0.0.1", "127.0.0.1.evil.example", "127.0.0", "::2"];
  other.push("::ffff:10.0.0.1", "localhost", "0.0.0.0", "::", "fe80::1", "127.0.0.1, 10.0.0.1");
  assertEquals(other.map(isLoopback), other.map(() => false));
});
