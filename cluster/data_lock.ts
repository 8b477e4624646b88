/**
 * One node at a time in a data directory: an advisory lock on a file in it.
 *
 * The kernel drops the lock with the process, however that ends, so no stale lock can stay.
 *
 * @module
 */
import { join } from "node:path";
import { OPTIONS } from "./config_schema.ts";
import { StartError } from "./start_error.ts";

/** The locked file; it holds the process id of its owner, for people. */
export const LOCK_FILE = "lock";

/** A data directory that is ours until it is released. */
export interface DataLock {
  release(): void;
}

/**
 * Makes the directory if it is missing, and takes it.
 *
 * @throws {StartError} It cannot be made or written, or another node has it.
 */
export function lockData(dataDir: string): DataLock {
  const file = openLockFile(dataDir);
  if (!file.tryLockSync(true)) {
    file.close();
    throw refusal(dataDir, `another node uses it; stop that one or choose another directory`);
  }
  file.truncateSync();
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  return { release: () => file.close() };
}

function openLockFile(dataDir: string): Deno.FsFile {
  try {
    // Recordings and tokens are nobody else's business.
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return Deno.openSync(join(dataDir, LOCK_FILE), { create: true, write: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown error";
    throw refusal(dataDir, `must be a directory that this user can write, not ${reason}`);
  }
}

function refusal(dataDir: string, reason: string): StartError {
  return new StartError(`--${OPTIONS.dataDir.flag} ${dataDir}: ${reason}`);
}
