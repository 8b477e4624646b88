/**
 * What the edge asks of whoever can decode a picture.
 *
 * @module
 */
import type { Frame } from "../../protocols/media/record.ts";

export type PictureResult =
  | { readonly ok: true; readonly jpeg: Uint8Array }
  /** `busy`: ask again; `failed`: the decoder could not. `reason` is one sentence. */
  | { readonly ok: false; readonly why: "busy" | "failed"; readonly reason: string };

/** Makes a JPEG of one key frame. */
export interface PictureDecoder {
  decode(frame: Frame): Promise<PictureResult>;
}
