/**
 * The HTTP API as one hono app: requests in, responses out. It never sees media; the HTTP listener
 * hands it what is not a media route, with bodies and heads already bounded in time.
 *
 * @module
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Log, Timers } from "../runtime/ports.ts";
import { createAccess } from "./access.ts";
import { limitBody } from "./body_limit.ts";
import { addConfigRoutes, type ReloadAnswer } from "./config_routes.ts";
import { addLinkRoutes, addMoveRoutes } from "./link_routes.ts";
import { addNodeRoutes, addSessionRoutes, addStreamRoutes } from "./mesh_routes.ts";
import { answerOtherMethods, commonHeaders } from "./methods.ts";
import type { NodeView } from "./node_view.ts";
import { isProblemStatus, problem } from "./problem.ts";
import { addDescription, addHealthRoutes, addPages, type MetricsText } from "./service_routes.ts";

/** What the API is made of. */
export interface ApiOptions {
  readonly view: NodeView;
  readonly metrics: () => Promise<MetricsText>;
  readonly log: Log;
  readonly timers: Timers;
  /** The bearer token that writes need: visible ASCII without spaces. */
  readonly token: string;
  /** Reads need no token from anywhere; default is from this machine only. */
  readonly openReads?: boolean;
  /** Reads the configuration again and applies it. */
  readonly reloadConfig: () => Promise<ReloadAnswer>;
  /** The peer's IP address as its socket tells it; "" when unknown. */
  readonly remoteAddress: (context: Context) => string;
  /** Version of this program. */
  readonly version: string;
}

/** Largest request body, in bytes; our requests are small JSON objects. */
export const API_BODY_BYTES_MAX = 64 * 1024;

/**
 * Makes the app. Whoever serves it may add routes before its first request; those inherit the
 * headers and the problems.
 *
 * @throws {TypeError} The token cannot be one.
 */
export function createApi(options: ApiOptions): OpenAPIHono {
  const { view, metrics, log, version } = options;
  const app = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return;
      const faults = result.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
      return problem(context, 400, `Cannot read ${result.target}: ${faults.join(", ")}`);
    },
  });
  app.onError((error, context) => answerError(error, context, log));
  app.notFound((context) =>
    problem(context, 404, `Cannot find ${context.req.path}: there is no such route`)
  );
  app.use(commonHeaders, onlyErrors, wellFormedPath);
  app.on(["POST", "PUT", "PATCH", "DELETE"], "*", limitBody(API_BODY_BYTES_MAX));

  const access = createAccess({
    token: options.token,
    openReads: options.openReads ?? false,
    remoteAddress: options.remoteAddress,
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
  });
  addStreamRoutes(app, { view, access });
  addNodeRoutes(app, { view, access });
  addSessionRoutes(app, { view, access });
  addMoveRoutes(app, { view, access });
  addLinkRoutes(app, { view, access, events: { timers: options.timers, readers: { count: 0 } } });
  addConfigRoutes(app, { access, reloadConfig: options.reloadConfig });
  const service = { view, access, metrics, version };
  addHealthRoutes(app, service);
  addPages(app, service);
  addDescription(app, service);
  answerOtherMethods(app);
  return app;
}

/** hono hands only Error objects to the error handler and rejects with anything else. */
const onlyErrors: MiddlewareHandler = async (_context, next) => {
  try {
    await next();
  } catch (error) {
    throw error instanceof Error ? error : new Error("Thrown value", { cause: error });
  }
};

/** hono keeps broken percent-encoding as text, which would name a stream nobody meant. */
const wellFormedPath: MiddlewareHandler = async (context, next) => {
  try {
    decodeURIComponent(new URL(context.req.url).pathname);
  } catch {
    return problem(context, 400, "Cannot read path: its percent-encoding is not UTF-8");
  }
  return await next();
};

function answerError(error: Error, context: Context, log: Log): Response {
  if (error instanceof HTTPException && isProblemStatus(error.status)) {
    return problem(context, error.status, error.message);
  }
  const { method, path } = context.req;
  log.error("api request failed", { method, path, error });
  return problem(context, 500, "Cannot answer: an internal error was logged");
}
