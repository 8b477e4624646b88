/**
 * Checks that an answer is a problem as RFC 9457 wants it.
 *
 * @module
 */
import { problemSchema } from "../../../actors/http/problem.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Fails unless `response` is a problem with `status`; returns its detail. */
export async function assertProblem(response: Response, status: number): Promise<string> {
  assertEquals(response.status, status);
  assertEquals(response.headers.get("Content-Type"), "application/problem+json");
  const problem = problemSchema.strict().parse(await response.json());
  assertEquals(problem.status, status);
  assert(problem.detail.length > 0 && !problem.detail.endsWith("."), problem.detail);
  return problem.detail;
}
