/**
 * Publishers of the tests' own for streams that no single file holds.
 *
 * @module
 */
import { flvTags } from "./flv_frames.ts";
import { delay } from "./processes.ts";
import { Publisher } from "./wire/publisher.ts";

export interface SendOptions {
  /** How much later than the one before each file begins, in milliseconds; 6040 unless given. */
  readonly fileMs?: number;
  /** Leave without a word instead of ending the stream. */
  readonly drop?: boolean;
  /** Times faster than real time; 1 unless given. */
  readonly speed?: number;
}

/**
 * Publishes FLV files one behind the other, each tag when it is due; the second file's headers
 * come in midstream as an encoder's do that changes its settings.
 *
 * @throws {Error} The publish was refused.
 */
export async function sendFiles(
  address: string,
  path: string,
  files: readonly string[],
  { fileMs = 6_040, drop = false, speed = 1 }: SendOptions = {},
): Promise<void> {
  await using publisher = await Publisher.open(address, path);
  if (publisher.code !== "NetStream.Publish.Start") {
    throw new Error(`Cannot publish ${path}: ${publisher.code}`);
  }
  const startMs = performance.now();
  for (const [index, file] of files.entries()) {
    for (const { typeId, timestampMs, body } of flvTags(await Deno.readFile(file))) {
      const dueMs = timestampMs + index * fileMs;
      const waitMs = startMs + dueMs / speed - performance.now();
      if (waitMs > 0) await delay(waitMs);
      await publisher.send(typeId, dueMs, body);
    }
  }
  if (!drop) await publisher.end();
}
