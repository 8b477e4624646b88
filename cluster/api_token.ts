/**
 * The API's bearer token: the one that was given, or one that is made once and kept.
 *
 * @module
 */
import { join } from "node:path";
import type { Log } from "../actors/runtime/ports.ts";
import { isApiToken, OPTIONS } from "./config_schema.ts";
import { StartError } from "./start_error.ts";

/** The file in the data directory that keeps a token that was made. */
export const TOKEN_FILE = "api-token";

/** Strength of a token that is made, in bytes: nobody guesses 256 bits. */
const TOKEN_BYTES = 32;

/** Only the owner reads and writes. */
const PRIVATE_MODE = 0o600;

/**
 * Reads the token kept in `dataDir`, or makes one and keeps it. The caller holds the directory's
 * lock. Logs where the token is, never what it is.
 *
 * @throws {StartError} The file cannot be read or written, or holds no token.
 */
export function keptApiToken(dataDir: string, log: Log): string {
  const path = join(dataDir, TOKEN_FILE);
  try {
    const kept = readKept(path, log);
    if (kept !== undefined) {
      log.info("api token kept in file", { path });
      return kept;
    }
    const made = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))
      .toBase64({ alphabet: "base64url", omitPadding: true });
    writePrivate(path, made);
    log.info("api token made, see file", { path });
    return made;
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? error.name : "unknown error";
    throw refusal(path, `must be a file that this user can read and write, not ${reason}`);
  }
}

function readKept(path: string, log: Log): string | undefined {
  let token: string;
  try {
    token = Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!isApiToken(token)) {
    throw refusal(path, `must hold ${OPTIONS.apiToken.allowed}; delete it to have one made`);
  }
  const mode = Deno.statSync(path).mode;
  if (mode !== null && (mode & 0o077) !== 0) {
    Deno.chmodSync(path, PRIVATE_MODE);
    log.warn("api token was open to others, now private", { path });
  }
  return token;
}

/** Writes beside the file and renames, so that a crash never leaves half a token. */
function writePrivate(path: string, token: string): void {
  const draft = `${path}.new`;
  Deno.writeTextFileSync(draft, `${token}\n`, { mode: PRIVATE_MODE });
  Deno.chmodSync(draft, PRIVATE_MODE); // A draft left by a crash kept the mode that it had.
  Deno.renameSync(draft, path);
}

function refusal(path: string, reason: string): StartError {
  return new StartError(`${path}: ${reason}`);
}
