// Goal: the OpenAPI document describes every route there is, and holds together.
// Method: the document is walked by rules of OpenAPI 3.1.0; the routes are taken from the router.
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { fakeApi } from "./fake_view.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"];

async function openApi() {
  const { api } = fakeApi();
  const response = await api.request("/api/v1/openapi.json");
  assertEquals(response.status, 200);
  return { api, document: await response.json() };
}

interface Operation {
  readonly summary?: string;
  readonly security?: Record<string, string[]>[];
  readonly parameters?: { name: string; in: string; required?: boolean; schema: JsonObject }[];
  readonly responses: Record<string, { description: string; content?: Record<string, JsonObject> }>;
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

/** Every operation with its path and method. */
function operations({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation }))
  );
}

/** Every object in the document. */
function* objects(value: Json): Generator<JsonObject> {
  const open: Json[] = [value];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one === null || typeof one !== "object") continue;
    if (!Array.isArray(one)) yield one;
    open.push(...Object.values(one));
  }
}

Deno.test("openapi.json describes every route of the router, and no other", async () => {
  const { api, document } = await openApi();
  const described = operations(document).map(({ path, method }) => `${method} ${path}`);
  const routed = api.routes
    .filter(({ method, path }) => !["ALL", "OPTIONS"].includes(method) && !path.endsWith("*"))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:([a-z]+)/g, "{$1}")}`);
  assertEquals(new Set(described), new Set(routed));
  assertEquals(described.length, 19);
});

Deno.test("openapi.json has the head that OpenAPI 3.1 wants", async () => {
  const { document } = await openApi();
  assertMatch(document.openapi, /^3\.1\.\d+$/);
  assertEquals([document.info.title, document.info.version], ["Headwater", "1.2.3"]);
});

Deno.test("openapi.json describes each operation in full", async () => {
  const { document } = await openApi();
  const schemes = Object.keys(document.components.securitySchemes);
  for (const { path, method, operation } of operations(document)) {
    assert(METHODS.includes(method), method);
    assert(operation.summary, path);
    const inTemplate = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
    const parameters = operation.parameters ?? [];
    const inPath = parameters.filter((parameter) => parameter.in === "path");
    assertEquals(inPath.map(({ name }) => name), inTemplate);
    assert(inPath.every(({ required }) => required === true), path);
    assert(parameters.every(({ schema }) => schema !== undefined), path);
    for (const requirement of operation.security ?? []) {
      assert(Object.keys(requirement).every((name) => schemes.includes(name)), path);
    }
    const statuses = Object.keys(operation.responses);
    assert(statuses.some((status) => /^2\d\d$/.test(status)), path);
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      assert(description, `${path} ${status}`);
      if (Number(status) < 400) continue;
      assertEquals(Object.keys(content ?? {}), ["application/problem+json"]);
    }
  }
});

Deno.test("openapi.json asks a token of each write, and offers it to each read", async () => {
  const { document } = await openApi();
  for (const { path, method, operation } of operations(document)) {
    const open = path === "/healthz" || path === "/readyz";
    const read: Operation["security"] = open ? [] : [{}, { bearer: [] }];
    assertEquals(operation.security, method === "get" ? read : [{ bearer: [] }]);
    assertEquals("401" in operation.responses, !open);
  }
});

Deno.test("openapi.json refers only to what it holds, and to types that exist", async () => {
  const { document } = await openApi();
  let references = 0;
  for (const object of objects(document)) {
    if (typeof object.$ref === "string") {
      references++;
      const steps = object.$ref.split("/");
      assertEquals(steps.shift(), "#");
      const found = steps.reduce<Json>((at, step) => (at as JsonObject)?.[step], document);
      assert(found !== undefined, object.$ref);
    }
    // "type" is also a property's name in Problem: then its value is a schema.
    for (const type of [object.type].flat()) {
      if (typeof type === "string") assert(TYPES.includes(type) || type === "http", type);
    }
    assert(!("nullable" in object), "nullable is OpenAPI 3.0");
  }
  assert(references > 20);
});

Deno.test("openapi.json tells the bounds of a list's query", async () => {
  const { document } = await openApi();
  for (const list of ["streams", "nodes", "sessions"]) {
    const [limit, cursor] = document.paths[`/api/v1/${list}`].get.parameters;
    assertEquals([limit.name, limit.in, limit.required], ["limit", "query", false]);
    const { type, minimum, maximum } = limit.schema;
    assertEquals([type, minimum, maximum, limit.schema.default], ["integer", 1, 1_000, 100]);
    assertEquals([cursor.name, cursor.schema.type], ["cursor", "string"]);
  }
});
