/**
 * A node that could not start for a reason that its operator can put right.
 *
 * @module
 */

/**
 * Thrown before a node is up. The message is the one clear line to print: the flag, its value, what
 * was found and what to do, for example
 * `--rtmp-port 1935: the port is taken; stop the other program or choose another port`.
 * The process ends with {@link START_ERROR_EXIT_CODE}.
 */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Exit code of a process whose flags or start were refused. */
export const START_ERROR_EXIT_CODE = 2;
