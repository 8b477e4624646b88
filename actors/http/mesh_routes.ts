/**
 * API routes about what the mesh carries: streams, nodes and sessions.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { type Access, READ_SECURITY, WRITE_SECURITY } from "./access.ts";
import { listOf, pageAnswer, pageQuery, pageRequest } from "./listing.ts";
import type { NodeView } from "./node_view.ts";
import { problem, problemResponses } from "./problem.ts";
import { nodeInfo, sessionInfo, streamInfo } from "./schemas.ts";

/** What these routes need. */
export interface MeshRoutesOptions {
  readonly view: NodeView;
  readonly access: Access;
}

const streamPath = z.object({
  app: z.string().min(1),
  name: z.string().min(1).openapi({
    description: "Percent-encoded as one path segment: slashes as %2F",
    example: "studio%2Fcam1",
  }),
});

/** Describes a list route, which all look alike. */
function listRoute<T extends z.ZodType>(path: string, summary: string, schema: T, access: Access) {
  return createRoute({
    method: "get",
    path,
    summary,
    security: READ_SECURITY,
    middleware: [access.read] as const,
    request: { query: pageQuery },
    responses: {
      200: { description: "One page", content: { "application/json": { schema } } },
      ...problemResponses(400, 401, 500),
    },
  });
}

/** Adds the routes about streams. */
export function addStreamRoutes(app: OpenAPIHono, { view, access }: MeshRoutesOptions): void {
  const list = listOf(streamInfo, "StreamList");
  app.openapi(
    listRoute("/api/v1/streams", "All streams, by app and name", list, access),
    async (context) => {
      const page = await view.streams(pageRequest(context.req.valid("query")));
      return context.json(pageAnswer(page), 200);
    },
  );

  const oneStream = createRoute({
    method: "get",
    path: "/api/v1/streams/{app}/{name}",
    summary: "One stream",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    request: { params: streamPath },
    responses: {
      200: { description: "The stream", content: { "application/json": { schema: streamInfo } } },
      ...problemResponses(400, 401, 404, 500),
    },
  });
  app.openapi(oneStream, async (context) => {
    const { app, name } = context.req.valid("param");
    const stream = await view.stream(app, name);
    if (stream === undefined) return problem(context, 404, noStream(app, name));
    return context.json(stream, 200);
  });

  const deleteStream = createRoute({
    method: "delete",
    path: "/api/v1/streams/{app}/{name}",
    summary: "Ends a stream: disconnects its publisher, ends its viewers",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: { params: streamPath },
    responses: {
      204: { description: "The stream has ended" },
      ...problemResponses(400, 401, 404, 413, 500),
    },
  });
  app.openapi(deleteStream, async (context) => {
    const { app, name } = context.req.valid("param");
    if (!await view.deleteStream(app, name)) return problem(context, 404, noStream(app, name));
    return context.body(null, 204);
  });
}

/** Adds the route about nodes. */
export function addNodeRoutes(app: OpenAPIHono, { view, access }: MeshRoutesOptions): void {
  const list = listOf(nodeInfo, "NodeList");
  app.openapi(
    listRoute("/api/v1/nodes", "All nodes, by name", list, access),
    async (context) => {
      const page = await view.nodes(pageRequest(context.req.valid("query")));
      return context.json(pageAnswer(page), 200);
    },
  );
}

/** Adds the routes about publishers and viewers. */
export function addSessionRoutes(app: OpenAPIHono, { view, access }: MeshRoutesOptions): void {
  const list = listOf(sessionInfo, "SessionList");
  app.openapi(
    listRoute("/api/v1/sessions", "All publishers and viewers, by id", list, access),
    async (context) => {
      const page = await view.sessions(pageRequest(context.req.valid("query")));
      return context.json(pageAnswer(page), 200);
    },
  );

  const deleteSession = createRoute({
    method: "delete",
    path: "/api/v1/sessions/{id}",
    summary: "Disconnects a publisher or viewer",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: { params: z.object({ id: z.string().min(1) }) },
    responses: {
      204: { description: "The session has ended" },
      ...problemResponses(400, 401, 404, 413, 500),
    },
  });
  app.openapi(deleteSession, async (context) => {
    const { id } = context.req.valid("param");
    if (await view.deleteSession(id)) return context.body(null, 204);
    return problem(context, 404, `Cannot end session ${JSON.stringify(id)}: there is none`);
  });
}

function noStream(app: string, name: string): string {
  return `Cannot find stream ${JSON.stringify(`${app}/${name}`)}: there is none`;
}
