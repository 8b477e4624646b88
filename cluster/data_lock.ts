/**
 * One host at a time in a data directory: an advisory lock on a file in it.
 *
 * A host's first worker finds that nobody has the lock; then all of its workers share it, and know
 * each other by what the file says. The kernel drops a lock with its process, however that ends,
 * so no stale lock can stay.
 *
 * @module
 */
import { join } from "node:path";
import { OPTIONS } from "./config_schema.ts";
import { StartError } from "./start_error.ts";
import { ALONE, type WorkerPlace } from "./supervisor/worker_place.ts";

/** The locked file; it holds the process id of its owner for people, or the host for its workers. */
export const LOCK_FILE = "lock";

/** A data directory that is ours until it is released. */
export interface DataLock {
  release(): void;
}

/**
 * Makes the directory if it is missing, and takes it.
 *
 * @throws {StartError} It cannot be made or written, or another host has it.
 */
export function lockData(dataDir: string, { count, host }: WorkerPlace = ALONE): DataLock {
  const file = openLockFile(dataDir);
  const free = file.tryLockSync(true);
  if (free) {
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(`${count > 1 ? host : Deno.pid}\n`));
  }
  const ours = free ? count === 1 || file.tryLockSync(false) : count > 1 && sharedBy(file, host);
  if (ours) return { release: () => file.close() };
  file.close();
  throw refusal(dataDir, `another node uses it; stop that one or choose another directory`);
}

/** Shares the lock with the other workers of the host. */
function sharedBy(file: Deno.FsFile, host: string): boolean {
  if (!file.tryLockSync(false)) return false;
  const found = new Uint8Array(host.length + 1);
  file.readSync(found);
  return new TextDecoder().decode(found) === `${host}\n`;
}

function openLockFile(dataDir: string): Deno.FsFile {
  try {
    // Recordings and tokens are nobody else's business.
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return Deno.openSync(join(dataDir, LOCK_FILE), {
      ...{ create: true, write: true, read: true },
      mode: 0o600,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown error";
    throw refusal(dataDir, `must be a directory that this user can write, not ${reason}`);
  }
}

function refusal(dataDir: string, reason: string): StartError {
  return new StartError(`--${OPTIONS.dataDir.flag} ${dataDir}: ${reason}`);
}
