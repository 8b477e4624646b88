/**
 * API routes about the mesh itself: its links, its events, and work that is moved between nodes.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { READ_SECURITY, WRITE_SECURITY } from "./access.ts";
import { eventStream, type EventStreamOptions } from "./event_stream.ts";
import type { MeshRoutesOptions } from "./mesh_routes.ts";
import type { MoveResult, SwitchResult } from "./node_view.ts";
import { problem, problemResponses } from "./problem.ts";
import { linkInfo } from "./schemas.ts";

/** What these routes need. */
export interface LinkRoutesOptions extends MeshRoutesOptions {
  readonly events: Omit<EventStreamOptions, "view">;
}

const linkList = z.object({
  items: z.array(linkInfo).readonly(),
  next: z.null().openapi({ description: "All links fit into one answer" }),
}).openapi("LinkList");

/** Adds the routes about links and events. */
export function addLinkRoutes(app: OpenAPIHono, options: LinkRoutesOptions): void {
  const { view, access } = options;
  const links = createRoute({
    method: "get",
    path: "/api/v1/links",
    summary: "All links between nodes, as each end sees them",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: {
      200: { description: "The links", content: { "application/json": { schema: linkList } } },
      ...problemResponses(401, 500),
    },
  });
  app.openapi(links, async (context) => {
    return context.json({ items: await view.links(), next: null }, 200);
  });

  const events = createRoute({
    method: "get",
    path: "/api/v1/events",
    summary: "What happens in the mesh from now on, as Server-Sent Events",
    security: READ_SECURITY,
    middleware: [access.read] as const,
    responses: {
      200: {
        description: "Events: their kind as `event`, their fields as JSON in `data`",
        content: { "text/event-stream": { schema: z.string() } },
      },
      ...problemResponses(401, 500),
    },
  });
  app.openapi(events, () => eventStream({ ...options.events, view }) as never);
}

const MOVE_PROBLEMS: Readonly<
  Record<Exclude<MoveResult, "moved" | "there-already">, readonly [404 | 409, string]>
> = {
  "no-such-stream": [404, "there is no such stream, or nobody publishes it"],
  "no-such-node": [404, "there is no such node that takes new work"],
  failed: [409, "the stream's ownership changed meanwhile or could not be written; try again"],
};

/** Adds the routes that move work between nodes. */
export function addMoveRoutes(app: OpenAPIHono, { view, access }: MeshRoutesOptions): void {
  const move = createRoute({
    method: "post",
    path: "/api/v1/streams/{app}/{name}/move",
    summary: "Makes another node the owner of a stream",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: {
      params: z.object({ app: z.string().min(1), name: z.string().min(1) }),
      body: {
        required: true,
        content: { "application/json": { schema: z.object({ to: z.string().min(1).max(128) }) } },
      },
    },
    responses: {
      204: { description: "That node owns the stream" },
      ...problemResponses(400, 401, 404, 409, 413, 500),
    },
  });
  app.openapi(move, async (context) => {
    const { app: application, name } = context.req.valid("param");
    const { to } = context.req.valid("json");
    const result = await view.moveStream(application, name, to);
    if (result === "moved" || result === "there-already") return context.body(null, 204);
    const [status, why] = MOVE_PROBLEMS[result];
    const stream = JSON.stringify(`${application}/${name}`);
    return problem(context, status, `Cannot move ${stream} to ${JSON.stringify(to)}: ${why}`);
  });

  addSwitchRoute(app, { view, access });

  const drain = createRoute({
    method: "post",
    path: "/api/v1/nodes/{name}/drain",
    summary: "Lets a node take no new work",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: { params: z.object({ name: z.string().min(1) }) },
    responses: {
      204: { description: "The node drains" },
      ...problemResponses(400, 401, 404, 413, 500),
    },
  });
  app.openapi(drain, async (context) => {
    const { name } = context.req.valid("param");
    if (await view.drainNode(name)) return context.body(null, 204);
    return problem(context, 404, `Cannot drain node ${JSON.stringify(name)}: there is none`);
  });

  const restart = createRoute({
    method: "post",
    path: "/api/v1/nodes/{name}/restart",
    summary: "Replaces the workers of a host one after another; its name is a node's `host`",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: { params: z.object({ name: z.string().min(1) }) },
    responses: {
      202: { description: "The host has begun" },
      ...problemResponses(400, 401, 404, 413, 500),
    },
  });
  app.openapi(restart, async (context) => {
    const { name } = context.req.valid("param");
    if (await view.restartHost(name)) return context.body(null, 202);
    return problem(context, 404, `Cannot restart host ${JSON.stringify(name)}: there is none`);
  });
}

const SWITCH_PROBLEMS: Readonly<
  Record<Exclude<SwitchResult, "switched">, readonly [404 | 409, string]>
> = {
  "no-such-stream": [404, "there is no such stream, or nobody publishes it"],
  "no-backup": [409, "it has no backup; another encoder would have to publish it, too"],
  "backup-silent": [409, "its backup sends nothing"],
  failed: [409, "its backup sent no key frame in time, or its owner changed; try again"],
};

/** Adds the route that plays a stream's backup. */
function addSwitchRoute(app: OpenAPIHono, { view, access }: MeshRoutesOptions): void {
  const route = createRoute({
    method: "post",
    path: "/api/v1/streams/{app}/{name}/switch",
    summary: "Plays the backup of a stream from its next key frame on",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    request: { params: z.object({ app: z.string().min(1), name: z.string().min(1) }) },
    responses: {
      204: { description: "It is played, and who was played before is the backup" },
      ...problemResponses(400, 401, 404, 409, 413, 500),
    },
  });
  app.openapi(route, async (context) => {
    const { app: application, name } = context.req.valid("param");
    const result = await view.switchStream(application, name);
    if (result === "switched") return context.body(null, 204);
    const [status, why] = SWITCH_PROBLEMS[result];
    const stream = JSON.stringify(`${application}/${name}`);
    return problem(context, status, `Cannot switch ${stream} to its backup: ${why}`);
  });
}
