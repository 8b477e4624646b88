/**
 * `/APP/NAME.html` and the files it needs under `/assets`.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import { streamNameFromPath } from "../../../protocols/media/stream_name.ts";
import { problem } from "../problem.ts";
import { PLAYER_BUILD, playerAsset } from "./player_assets.ts";
import { playerPage, type PlayerProtocol } from "./player_page.ts";

const SUFFIX = ".html";

/** A year, the longest that RFC 9111 lets anybody expect to be kept. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/** What the page offers. */
export interface PlayerRoutesOptions {
  /** Ways to play that this node serves, in the order of preference. */
  readonly protocols: readonly PlayerProtocol[];
}

/** Adds the routes; they are open to all, for they tell nothing but what the request said. */
// deno-lint-ignore no-explicit-any -- what else the app's environment and schema hold is its own.
export function addPlayerRoutes(app: Hono<any, any>, { protocols }: PlayerRoutesOptions): void {
  app.get("/assets/:build/:file", answerAsset);
  app.all("/assets/:build/:file", otherMethod);
  const page = `/:path{.+\\${SUFFIX}}`;
  app.get(page, (context) => answerPage(context, protocols));
  app.all(page, otherMethod);
}

function answerPage(context: Context, protocols: readonly PlayerProtocol[]): Response {
  // The router's own path is decoded; the names decode exactly once.
  const { pathname } = new URL(context.req.url);
  const stream = streamNameFromPath(pathname.slice(0, -SUFFIX.length));
  if (!stream.ok) return problem(context, 400, stream.reason);
  const { body, headers } = playerPage({ app: stream.app, name: stream.name, protocols });
  if (isKnown(context, headers.ETag)) return context.body(null, 304, headers);
  return context.body(body, 200, headers);
}

function answerAsset(context: Context): Response {
  const { build, file } = context.req.param();
  const asset = build === PLAYER_BUILD ? playerAsset(file) : undefined;
  if (asset === undefined) {
    return problem(context, 404, `Cannot find ${context.req.path}: load the page again`);
  }
  const zipped = acceptsGzip(context);
  const headers = {
    "Content-Type": asset.contentType,
    "Cache-Control": IMMUTABLE,
    // RFC 9110, 8.8.3.3: another encoding is another representation, and needs another tag.
    "ETag": `"${build}-${file}${zipped ? "-gzip" : ""}"`,
    "Vary": "Accept-Encoding",
    ...(zipped ? { "Content-Encoding": "gzip" } : {}),
  };
  if (isKnown(context, headers.ETag)) return context.body(null, 304, headers);
  return context.body(zipped ? asset.gzipped() : asset.body, 200, headers);
}

function otherMethod(context: Context): Response {
  context.header("Allow", "GET, HEAD");
  const { method, path } = context.req;
  return problem(context, 405, `Cannot ${method} ${path}: it allows GET and HEAD`);
}

/** Whether the client has this very version (RFC 9110, 13.1.2; tags compare weakly). */
function isKnown(context: Context, tag: string): boolean {
  const known = context.req.header("If-None-Match") ?? "";
  return known.split(",").some((part) => part.trim().replace(/^W\//, "") === tag);
}

/** Whether "gzip" is among the codings and is not refused by a weight of zero. */
function acceptsGzip(context: Context): boolean {
  const codings = (context.req.header("Accept-Encoding") ?? "").toLowerCase().split(",");
  return codings.some((coding) =>
    /^\s*(?:gzip|\*)\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/.test(coding)
  );
}
