/**
 * Pictures of key frames through an installed ffmpeg, which the operator names (`--ffmpeg`).
 *
 * One process a picture, few at a time, each with a time limit: what a camera sends may be anything.
 *
 * @module
 */
import type { PictureDecoder, PictureResult } from "../actors/edge/picture_decoder.ts";
import type { Timers } from "../actors/runtime/ports.ts";
import { concatBytes } from "../protocols/bytes/concat.ts";
import type { Frame } from "../protocols/media/record.ts";
import { writeFragment } from "../protocols/mp4/fragment.ts";
import { writeInitSegment } from "../protocols/mp4/init_segment.ts";
import { mp4Supports } from "../protocols/mp4/mp4_support.ts";

/** Decoders at a time: pictures must not take the processor from the streams. */
const RUNNING_MAX = 2;

/** Time for one picture; a 4K key frame takes a tenth of it. */
const DECODE_MS_MAX = 5_000;

/** JPEG quality of ffmpeg's scale from 2 (best) to 31. */
const QUALITY = "4";

export class FfmpegPictures implements PictureDecoder {
  readonly #path: string;
  readonly #timers: Timers;
  #running = 0;

  /** @param path Of the program; this process must be allowed to run it. */
  constructor(path: string, timers: Timers) {
    this.#path = path;
    this.#timers = timers;
  }

  async decode(frame: Frame): Promise<PictureResult> {
    const support = mp4Supports([frame.track]);
    if (!support.ok) return { ok: false, why: "failed", reason: support.reason };
    if (this.#running >= RUNNING_MAX) {
      const reason = `Cannot make a picture now: ${RUNNING_MAX} others are being made`;
      return { ok: false, why: "busy", reason };
    }
    this.#running++;
    try {
      return await this.#run(mp4Of(frame));
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      return { ok: false, why: "failed", reason: `Cannot make a picture: ${found}` };
    } finally {
      this.#running--;
    }
  }

  async #run(input: Uint8Array): Promise<PictureResult> {
    const child = new Deno.Command(this.#path, {
      args: [
        ...["-nostdin", "-v", "quiet", "-f", "mp4", "-i", "pipe:0", "-frames:v", "1"],
        ...["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", QUALITY, "pipe:1"],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      clearEnv: true,
    }).spawn();
    const timer = this.#timers.after(DECODE_MS_MAX, () => child.kill("SIGKILL"));
    const writer = child.stdin.getWriter();
    // A decoder that has seen enough closes its end first.
    const written = writer.write(input).then(() => writer.close()).catch(() => {});
    const { success, stdout } = await child.output();
    timer.cancel();
    await written;
    if (success && stdout.length > 0) return { ok: true, jpeg: stdout };
    return { ok: false, why: "failed", reason: "Cannot make a picture: the decoder could not" };
  }
}

/** The frame as a file of its own. */
function mp4Of(frame: Frame): Uint8Array {
  const fragment = writeFragment({ sequenceNumber: 1, frames: [frame], endUs: () => undefined });
  return concatBytes(writeInitSegment([frame.track]), fragment);
}
