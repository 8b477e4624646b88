/**
 * Reads a request's body within a limit, before any route sees it.
 *
 * hono's own limit makes a new `Request` out of the one it was given, which the runtime refuses
 * when that came from `node:http`; this one leaves the request alone and fills hono's body cache.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { problem } from "./problem.ts";

/** Refuses a body of more than `bytesMax` with 413, whether its length was announced or not. */
export function limitBody(bytesMax: number): MiddlewareHandler {
  return async (context, next) => {
    const announced = Number(context.req.header("content-length") ?? 0);
    const body = announced > bytesMax ? undefined : await readBody(context.req.raw.body, bytesMax);
    if (body === undefined) {
      return problem(context, 413, `Cannot read body: over ${bytesMax} bytes`);
    }
    // hono keeps promises here, although its types promise the values themselves.
    Object.assign(context.req.bodyCache, { arrayBuffer: Promise.resolve(body.buffer) });
    return await next();
  };
}

/** The whole body in a buffer of its own; `undefined` when it is longer than `bytesMax`. */
async function readBody(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > bytesMax) return undefined;
    parts.push(part);
  }
  return concatBytes(...parts);
}
