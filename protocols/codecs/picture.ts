/**
 * What the parameter sets of H.264 and H.265 share: sample aspect ratio, and the sanity of sizes
 * and rates.
 *
 * Source: ITU-T H.264, table E-1; ITU-T H.265 has the same table as E.1.
 *
 * @module
 */
import type { BitReader } from "../bytes/bit_reader.ts";
import { ProtocolError, type ProtocolErrorOptions } from "../errors.ts";

/** Largest picture side in pixels: MP4 and FLV metadata count sides in 16 bits. */
export const PICTURE_SIDE_MAX = 65_535;

/** Fastest frame rate believed, per second; cameras write nonsense such as a million. */
export const FRAME_RATE_MAX = 1_000;

/** A proportion of two integers, both at least 1. */
export interface Ratio {
  readonly width: number;
  readonly height: number;
}

/** Samples as wide as they are high. */
export const SQUARE_SAMPLES: Ratio = { width: 1, height: 1 };

/** aspect_ratio_idc that is followed by the ratio itself. */
const EXTENDED_SAR = 255;

/** Sample aspect ratios by aspect_ratio_idc (table E-1); 0 is "unspecified". */
const SAMPLE_ASPECT_RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];

/**
 * Reads aspect_ratio_idc and what follows it; reserved and zero values count as 1:1.
 *
 * @throws {BitsError} The bits end.
 */
export function readSampleAspectRatio(reader: BitReader): Ratio {
  const idc = reader.bits(8);
  const [width, height] = idc === EXTENDED_SAR
    ? [reader.bits(16), reader.bits(16)]
    : SAMPLE_ASPECT_RATIOS[idc] ?? [1, 1];
  return width === 0 || height === 0 ? SQUARE_SAMPLES : { width, height };
}

/**
 * Refuses a picture that is empty or larger than {@link PICTURE_SIDE_MAX} on a side.
 *
 * @throws {ProtocolError} As said, at `where`.
 */
export function checkedPictureSize(
  width: number,
  height: number,
  where: ProtocolErrorOptions,
): void {
  const valid = width >= 1 && height >= 1 && width <= PICTURE_SIDE_MAX &&
    height <= PICTURE_SIDE_MAX;
  if (valid) return;
  throw new ProtocolError(
    `Cannot use picture of ${width}x${height}: sides of 1 to ${PICTURE_SIDE_MAX} are valid`,
    where,
  );
}

/** Frames per second of a time scale; 0 when either is 0 or the rate is past belief. */
export function sanitisedFrameRate(timeScale: number, unitsPerFrame: number): number {
  if (timeScale === 0 || unitsPerFrame === 0) return 0;
  const rate = timeScale / unitsPerFrame;
  return rate <= FRAME_RATE_MAX ? rate : 0;
}
