/**
 * Assertions for the tests, on the runtime's own `node:assert`.
 *
 * @module
 */
import assertStrict from "node:assert/strict";

/** Fails unless `condition` holds; narrows its type. */
export function assert(condition: unknown, message?: string): asserts condition {
  assertStrict.ok(condition, message);
}

/** Fails unless both are deeply and strictly equal; byte arrays compare by content. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    // Compared as text: the failure then shows both, and the kind of view does not matter.
    return assertStrict.equal(actual.toHex(), expected.toHex(), message);
  }
  assertStrict.deepStrictEqual(actual, expected, message);
}

/** Fails if both are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assertStrict.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless `actual` contains a match of `pattern`. */
export function assertMatch(actual: string, pattern: RegExp, message?: string): void {
  assertStrict.match(actual, pattern, message);
}

// deno-lint-ignore no-explicit-any -- a constructor's parameters do not matter here.
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/** Runs `action`, fails unless it throws an instance of `errorClass`, and returns the error. */
export function assertThrows<E extends Error = Error>(
  action: () => unknown,
  errorClass: ErrorClass<E> = Error as unknown as ErrorClass<E>,
): E {
  try {
    action();
  } catch (error) {
    return expectError(error, errorClass);
  }
  return assertStrict.fail(`Expected ${errorClass.name}, but nothing was thrown`);
}

/** Awaits `action`, fails unless it rejects with an instance of `errorClass`; returns the error. */
export async function assertRejects<E extends Error = Error>(
  action: () => Promise<unknown>,
  errorClass: ErrorClass<E> = Error as unknown as ErrorClass<E>,
): Promise<E> {
  try {
    await action();
  } catch (error) {
    return expectError(error, errorClass);
  }
  return assertStrict.fail(`Expected ${errorClass.name}, but the promise was fulfilled`);
}

function expectError<E extends Error>(error: unknown, errorClass: ErrorClass<E>): E {
  if (error instanceof errorClass) return error;
  return assertStrict.fail(`Expected ${errorClass.name}, got ${error}`);
}
