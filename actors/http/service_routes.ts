/**
 * Routes about this process: health, metrics, the status page, and the API's own description.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { type Access, READ_SECURITY } from "./access.ts";
import type { NodeView } from "./node_view.ts";
import { problem, problemResponses } from "./problem.ts";
import { statusPage, statusPagePolicy } from "./status_page.ts";

/** A scrape of the metrics. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** What these routes need. */
export interface ServiceRoutesOptions {
  readonly view: NodeView;
  readonly access: Access;
  readonly metrics: () => Promise<MetricsText>;
  /** Version of this program. */
  readonly version: string;
}

/** Rows of each table on the status page: what a person reads; the API has the rest. */
const STATUS_ROWS_MAX = 100;

const health = z.object({ status: z.enum(["ok", "ready"]) }).openapi("Health");
const apiIndex = z.object({
  name: z.literal("headwater"),
  version: z.string(),
  links: z.record(z.string(), z.string()),
}).openapi("ApiIndex");

const jsonOf = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { "application/json": { schema } },
});

/** Adds `/healthz` and `/readyz`, open to all: load balancers carry no tokens. */
export function addHealthRoutes(app: OpenAPIHono, { view }: ServiceRoutesOptions): void {
  const healthz = createRoute({
    method: "get",
    path: "/healthz",
    summary: "Whether this process serves; says nothing about other nodes or Redis",
    security: [],
    responses: { 200: jsonOf("It does", health) },
  });
  app.openapi(healthz, (context) => context.json({ status: "ok" as const }, 200));

  const readyz = createRoute({
    method: "get",
    path: "/readyz",
    summary: "Whether this process takes new work",
    security: [],
    responses: { 200: jsonOf("It does", health), ...problemResponses(500, 503) },
  });
  app.openapi(readyz, (context) => {
    const { ready, reason } = view.ready();
    if (ready) return context.json({ status: "ready" as const }, 200);
    return problem(context, 503, `Cannot take new work: ${reason ?? "not ready"}`);
  });
}

/** Adds `/metrics` and the status page. */
export function addPages(app: OpenAPIHono, options: ServiceRoutesOptions): void {
  const { view, access, metrics, version } = options;
  const scrape = createRoute({
    method: "get",
    path: "/metrics",
    summary: "Metrics of this process in the Prometheus text format",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: {
      200: { description: "The metrics", content: { "text/plain": { schema: z.string() } } },
      ...problemResponses(401, 500),
    },
  });
  app.openapi(scrape, async (context) => {
    const { contentType, body } = await metrics();
    return context.text(body, 200, { "Content-Type": contentType });
  });

  const status = createRoute({
    method: "get",
    path: "/",
    summary: "A page for people: streams and nodes",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: {
      200: { description: "The page", content: { "text/html": { schema: z.string() } } },
      ...problemResponses(401, 500),
    },
  });
  app.openapi(status, async (context) => {
    const [streams, nodes] = await Promise.all([
      view.streams({ limit: STATUS_ROWS_MAX }),
      view.nodes({ limit: STATUS_ROWS_MAX }),
    ]);
    context.header("Content-Security-Policy", statusPagePolicy);
    return context.html(statusPage({ streams, nodes, version }), 200);
  });
}

/** Adds `/api/v1` and `/api/v1/openapi.json`; call after all routes, which they describe. */
export function addDescription(app: OpenAPIHono, { access, version }: ServiceRoutesOptions): void {
  const index = createRoute({
    method: "get",
    path: "/api/v1",
    summary: "Where things are",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: { 200: jsonOf("The index", apiIndex), ...problemResponses(401, 500) },
  });
  const links = Object.fromEntries(
    ["streams", "nodes", "sessions", "openapi.json"].map((name) => [name, `/api/v1/${name}`]),
  );
  app.openapi(
    index,
    (context) => context.json({ name: "headwater" as const, version, links }, 200),
  );

  const description = createRoute({
    method: "get",
    path: "/api/v1/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: {
      200: jsonOf("The document", z.record(z.string(), z.unknown())),
      ...problemResponses(401, 500),
    },
  });
  let document: Record<string, unknown> | undefined; // Made once: routes never change.
  app.openapi(description, (context) => {
    document ??= describe(app, version);
    return context.json(document, 200);
  });
}

function describe(app: OpenAPIHono, version: string): Record<string, unknown> {
  return {
    ...app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Headwater",
        version,
        description: "Lists are pages; errors are RFC 9457 problems; times are UTC.",
        license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
      },
      servers: [{ url: "/" }],
    }),
  };
}
