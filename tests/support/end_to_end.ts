/**
 * Declares an end-to-end test: real processes and sockets, a deadline, and a loud skip when a
 * program it needs is not installed.
 *
 * @module
 */
import { missingTool, type ToolName } from "./tools.ts";

/** Longest an end-to-end test may take unless it says so, in milliseconds. */
const TIMEOUT_MS = 120_000;

export interface E2eOptions {
  /** Programs without which the test cannot run. */
  readonly needs?: readonly ToolName[];
  /** Deadline in milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * What to give to `Deno.test`, which is called where the test stands so that a report names the
 * right file. A test that cannot run is ignored and its name says why.
 */
export function endToEnd(
  name: string,
  options: E2eOptions,
  body: () => Promise<void>,
): Deno.TestDefinition {
  const missing = (options.needs ?? []).map(missingTool).filter((text) => text !== undefined);
  const ignore = missing.length > 0;
  return {
    name: ignore ? `${name} (skipped: ${missing.join("; ")})` : name,
    ignore,
    // The node under test and its pipes live longer than one test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => withDeadline(body(), options.timeoutMs ?? TIMEOUT_MS),
  };
}

/** Fails when `work` takes longer than `timeoutMs`. */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Still running after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
