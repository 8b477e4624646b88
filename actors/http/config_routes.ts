/**
 * The API route that has the configuration read again.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { type Access, WRITE_SECURITY } from "./access.ts";
import { problem, problemResponses } from "./problem.ts";

/** What came of it. `reason` is one line for people. */
export type ReloadAnswer =
  | {
    readonly ok: true;
    /** Flags whose new values hold only after a restart. */
    readonly needRestart: readonly string[];
  }
  /** `invalid`: nothing was changed; `unavailable`: nobody answers. */
  | { readonly ok: false; readonly kind: "invalid" | "unavailable"; readonly reason: string };

/** What the route needs. */
export interface ConfigRoutesOptions {
  readonly access: Access;
  readonly reloadConfig: () => Promise<ReloadAnswer>;
}

const reloaded = z.object({
  needRestart: z.array(z.string()).readonly().openapi({
    description: "Flags whose new values hold only after a restart",
    example: ["rtmp-port"],
  }),
}).openapi("Reloaded");

/** Adds the route. */
export function addConfigRoutes(
  app: OpenAPIHono,
  { access, reloadConfig }: ConfigRoutesOptions,
): void {
  const reload = createRoute({
    method: "post",
    path: "/api/v1/config/reload",
    summary: "Reads the configuration file again; what changed applies to new sessions",
    security: WRITE_SECURITY,
    middleware: [access.write] as const,
    responses: {
      200: {
        description: "The configuration is in force",
        content: { "application/json": { schema: reloaded } },
      },
      ...problemResponses(401, 413, 422, 500, 503),
    },
  });
  app.openapi(reload, async (context) => {
    const answer = await reloadConfig();
    if (answer.ok) return context.json({ needRestart: answer.needRestart }, 200);
    if (answer.kind === "invalid") return problem(context, 422, answer.reason);
    return problem(context, 503, `Cannot reload the configuration: ${answer.reason}`);
  });
}
