// Goal: lists come whole and in order through pages of any size, also while items come and go.
import { listOf } from "../../../actors/http/listing.ts";
import { pageOf } from "../../../actors/http/node_view.ts";
import { sessionInfo } from "../../../actors/http/schemas.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { fakeApi, fakeSession } from "./fake_view.ts";
import { assertProblem } from "./problem_check.ts";

const schema = listOf(sessionInfo, "TestPage");

async function page(api: ReturnType<typeof fakeApi>["api"], query: Record<string, string>) {
  const response = await api.request(`/api/v1/sessions?${new URLSearchParams(query)}`);
  assertEquals(response.status, 200);
  const { items, next } = schema.parse(await response.json());
  return { ids: items.map(({ id }) => id), next };
}

async function walk(api: ReturnType<typeof fakeApi>["api"], limit: number) {
  const pages: string[][] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query = { limit: String(limit), ...(cursor === "" ? {} : { cursor }) };
    const { ids, next } = await page(api, query);
    pages.push(ids);
    assert(pages.length < 100, "The cursor goes in circles");
    cursor = next;
  }
  return pages;
}

Deno.test("pageQuery reads 100 items unless told, and up to 1000", async () => {
  const { api, view } = fakeApi();
  view.sessionList = Array.from({ length: 1_001 }, (_, i) => fakeSession(`${i}`));
  assertEquals((await page(api, {})).ids.length, 100);
  assertEquals((await page(api, { limit: "1000" })).ids.length, 1_000);
  assertEquals((await page(api, { limit: "1" })).ids, ["0"]);
});

Deno.test("pageQuery walks a list of odd keys in pages of any size", async () => {
  const { api, view } = fakeApi();
  const ids = ["a", "a/b", "B", "摄像头", "\ufeffmark", "\uffee", "🎥", "50%", "x y", "\u0000"];
  view.sessionList = ids.map(fakeSession);
  const sorted = [...ids].sort();
  for (let limit = 1; limit <= ids.length + 1; limit++) {
    const pages = await walk(api, limit);
    assertEquals(pages.flat(), sorted);
    assertEquals(pages.length, Math.ceil(ids.length / limit));
  }
});

Deno.test("pageQuery goes on behind an item that has gone", async () => {
  const { api, view } = fakeApi();
  view.sessionList = ["a", "b", "c", "d"].map(fakeSession);
  const { next } = await page(api, { limit: "2" });
  view.sessionList = ["a", "aa", "c", "d"].map(fakeSession);
  assertEquals((await page(api, { limit: "2", cursor: next ?? "" })).ids, ["c", "d"]);
});

Deno.test("pageQuery refuses a limit that is none", async () => {
  const { api } = fakeApi();
  const bad = ["0", "1001", "-1", "1.5", "", " 5", "0x10", "1e2", "ten", "99999999999999999999"];
  for (const limit of bad) {
    const response = await api.request(`/api/v1/streams?${new URLSearchParams({ limit })}`);
    assertMatch(await assertProblem(response, 400), /^Cannot read query: limit must be /);
  }
  await assertProblem(await api.request("/api/v1/nodes?limit=1&limit=2"), 400);
});

Deno.test("pageQuery refuses a cursor that is not ours", async () => {
  const { api } = fakeApi();
  for (const cursor of ["!", "a", "_w", "YQ=a", "x".repeat(8_193)]) {
    const response = await api.request(`/api/v1/sessions?${new URLSearchParams({ cursor })}`);
    assertMatch(await assertProblem(response, 400), /^Cannot read query: cursor must be /);
  }
});

Deno.test("pageOf() ends without a next page when the items just fit", () => {
  const items = ["c", "a", "b"];
  const keyOf = (item: string) => item;
  assertEquals(pageOf(items, keyOf, { limit: 3 }), { items: ["a", "b", "c"], next: null });
  assertEquals(pageOf(items, keyOf, { limit: 2 }), { items: ["a", "b"], next: "b" });
  assertEquals(pageOf(items, keyOf, { limit: 2, after: "b" }), { items: ["c"], next: null });
  assertEquals(pageOf(items, keyOf, { limit: 2, after: "z" }), { items: [], next: null });
  assertEquals(items, ["c", "a", "b"]);
});
