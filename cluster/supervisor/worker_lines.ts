/**
 * What a worker tells its supervisor over its standard output: a message a line, told from other
 * lines by its first word. Lines without it are for the world and are passed on.
 *
 * @module
 */

/** The worker's words. */
export type WorkerMessage =
  /** Its event loop goes round. */
  | { readonly kind: "beat" }
  /** All of its listeners are up. */
  | {
    readonly kind: "ready";
    /** Name of the host. */
    readonly host: string;
    readonly addresses: Readonly<Record<string, string>>;
  }
  /** Somebody wants the configuration to be read again. */
  | { readonly kind: "reread" }
  /** Somebody wants the workers of the host to be replaced, one after another. */
  | { readonly kind: "restart" }
  /** A call of the directory; {@link DirectoryAnswer} answers it. */
  | DirectoryCall;

/** A call of one method of the directory that the supervisor keeps. */
export interface DirectoryCall {
  readonly kind: "directory";
  /** Chosen by the worker, never used again. */
  readonly id: number;
  readonly method: string;
  /** Values of `pipe_values.ts`. */
  readonly args: readonly unknown[];
}

/** What came of a call. */
export type DirectoryAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  /** `kind` is the class of the error: the caller's fault, or the directory's. */
  | {
    readonly id: number;
    readonly ok: false;
    readonly kind: "type" | "range" | "unavailable";
    readonly reason: string;
  };

/** First word of each message. */
const MESSAGE = "headwater-worker ";

/** First word of an answer of the directory. */
const ANSWER = "answer ";

/** The line that says that the view of the directory may have changed. */
export const HINT_LINE = "hint";

/** The line of a message, without its line feed. */
export function messageLine(message: WorkerMessage): string {
  return MESSAGE + JSON.stringify(message);
}

/** Reads a line of {@link messageLine}; `undefined` when it is another one. */
export function parseMessage(line: string): WorkerMessage | undefined {
  // Both ends are the same version of this file.
  return line.startsWith(MESSAGE)
    ? JSON.parse(line.slice(MESSAGE.length)) as WorkerMessage
    : undefined;
}

/** The line of an answer, without its line feed. */
export function answerLine(answer: DirectoryAnswer): string {
  return ANSWER + JSON.stringify(answer);
}

/** Reads a line of {@link answerLine}; `undefined` when it is another one. */
export function parseAnswer(line: string): DirectoryAnswer | undefined {
  return line.startsWith(ANSWER)
    ? JSON.parse(line.slice(ANSWER.length)) as DirectoryAnswer
    : undefined;
}
