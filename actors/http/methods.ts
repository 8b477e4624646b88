/**
 * What every path of the HTTP API answers beside its own methods: OPTIONS, 405, and the headers
 * that let a page of any origin use it (Fetch standard, CORS protocol).
 *
 * Any origin may call; what it may see is decided in `access.ts`. Cookies are never used.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";

/** How long a browser may keep a preflight's answer, in seconds; browsers cap it near this. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200;

/** Sets the headers that every answer carries. */
export const commonHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set("Access-Control-Allow-Origin", "*");
  headers.set("X-Content-Type-Options", "nosniff");
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
};

/** Adds OPTIONS and 405 for each path that `app` describes; call after its last route. */
export function answerOtherMethods(app: OpenAPIHono): void {
  for (const [path, methods] of describedMethods(app)) {
    const allow = [...methods, "OPTIONS"].join(", ");
    const route = path.replaceAll(/\{(.+?)\}/g, ":$1");
    app.options(route, (context) => {
      context.header("Allow", allow);
      context.header("Access-Control-Allow-Methods", allow);
      context.header("Access-Control-Allow-Headers", "Authorization, Content-Type");
      context.header("Access-Control-Max-Age", String(PREFLIGHT_MAX_AGE_SECONDS));
      return context.body(null, 204);
    });
    app.all(route, (context) => {
      context.header("Allow", allow);
      const method = context.req.method;
      return problem(context, 405, `Cannot ${method} ${context.req.path}: it allows ${allow}`);
    });
  }
}

function describedMethods(app: OpenAPIHono): Map<string, string[]> {
  const byPath = new Map<string, string[]>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { path, method } = definition.route;
    const methods = byPath.get(path) ?? [];
    // RFC 9110, 9.3.2: whoever has GET has HEAD; the router answers it from the GET.
    methods.push(...(method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
    byPath.set(path, methods);
  }
  return byPath;
}
