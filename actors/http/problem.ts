/**
 * Refusals of the HTTP API, in the form that RFC 9457 gives them.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";

/** Media type of a problem (RFC 9457, section 3). */
export const PROBLEM_TYPE = "application/problem+json";

/** RFC 9457, section 4.2.1: for the type "about:blank" the title is the status code's phrase. */
const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** Status codes that the API refuses with. */
export type ProblemStatus = keyof typeof TITLES;

/** Whether `status` is one the API refuses with. */
export function isProblemStatus(status: number): status is ProblemStatus {
  return Object.hasOwn(TITLES, status);
}

/** A problem's members (RFC 9457, section 3.1). */
export const problemSchema = z.object({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().openapi({ description: "What was tried, what was found, what would fit" }),
}).openapi("Problem");
export type Problem = z.infer<typeof problemSchema>;

/** Answers with a problem; `detail` is for people and never holds our internals. */
export function problem<S extends ProblemStatus>(context: Context, status: S, detail: string) {
  const body: Problem = { type: "about:blank", title: TITLES[status], status, detail };
  return context.json(body, status, { "Content-Type": PROBLEM_TYPE });
}

/** Declares the problems that a route may answer with, for its OpenAPI description. */
export function problemResponses<S extends ProblemStatus>(...statuses: S[]) {
  const one = (status: S) => ({
    description: TITLES[status] as string,
    content: { [PROBLEM_TYPE]: { schema: problemSchema } },
  });
  const entries = statuses.map((status) => [status, one(status)]);
  return Object.fromEntries(entries) as Record<S, ReturnType<typeof one>>;
}
