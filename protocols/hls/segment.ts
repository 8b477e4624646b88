/**
 * One segment: its frames, its parts, and its bytes once somebody asks for them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { sameTrack } from "../codecs/track_config.ts";
import { concatBytes } from "../bytes/concat.ts";
import type { Frame } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import type { HlsContainers } from "./containers.ts";
import { type HlsPart, PartCutter } from "./part_cutter.ts";
import type { HlsContainer } from "./uri.ts";

/**
 * Distance of the movie fragment numbers of two segments: more parts than the longest segment has
 * of the shortest. Numbers wrap at 32 bits, as the field does.
 */
const FRAGMENTS_PER_SEGMENT = 4_096;

/** Hexadecimal digits of an initialization segment's name: 64 bits never collide by chance. */
const HASH_DIGITS = 16;

/** What a frame costs besides its payload: the object that describes it. */
const FRAME_OVERHEAD_BYTES = 256;

/** Numbers of movie fragments start at 1 (ISO/IEC 14496-12, section 8.8.5). */
function fragmentNumber(segment: number, part: number): number {
  return (segment * FRAGMENTS_PER_SEGMENT + part) % 0xffff_ffff + 1;
}

/** An initialization segment, shared by all segments with the same tracks. */
export class HlsInit {
  readonly tracks: readonly Track[];
  readonly #containers: HlsContainers;
  #bytes: Uint8Array | undefined;
  #hash: string | undefined;

  constructor(tracks: readonly Track[], containers: HlsContainers) {
    this.tracks = tracks;
    this.#containers = containers;
  }

  /** Made at first use. */
  get bytes(): Uint8Array {
    return this.#bytes ??= this.#containers.fmp4.initSegment(this.tracks);
  }

  /** Digest of the bytes: its name. */
  get hash(): string {
    this.#hash ??= createHash("sha256").update(this.bytes).digest("hex").slice(0, HASH_DIGITS);
    return this.#hash;
  }
}

/** What is known of a segment as it opens. */
export interface SegmentOpening {
  readonly number: number;
  readonly generation: number;
  readonly startUs: number;
  /** Wall clock at `startUs`, in microseconds since 1970. */
  readonly wallUs: number;
  readonly discontinuity: boolean;
  readonly discontinuities: number;
  readonly init: HlsInit;
}

/** What everybody may know of a segment. */
export interface HlsSegmentView extends SegmentOpening {
  /** Decode time of its media, in microseconds; 0 until it is complete. */
  readonly durationUs: number;
  /** It starts with a key frame. */
  readonly independent: boolean;
  /** Complete parts. */
  readonly parts: readonly HlsPart[];
  readonly frames: readonly Frame[];
  readonly complete: boolean;
  /** Bytes of the complete segment, `undefined` before. Never write to them. */
  bytes(container: HlsContainer): Uint8Array | undefined;
  /** Bytes of a complete part, `undefined` when there is no such part yet. Never write to them. */
  partBytes(index: number): Uint8Array | undefined;
}

/** A segment as the segmenter fills it. */
export class HlsSegment implements HlsSegmentView {
  readonly number: number;
  readonly generation: number;
  readonly startUs: number;
  readonly wallUs: number;
  readonly discontinuity: boolean;
  readonly discontinuities: number;
  readonly init: HlsInit;
  readonly #cutter: PartCutter;
  readonly #containers: HlsContainers;
  readonly #partBytes: (Uint8Array | undefined)[] = [];
  #fmp4: Uint8Array | undefined;
  #ts: Uint8Array | undefined;
  #nextUs: number | undefined;
  /** Track objects seen and found to be of this segment. */
  readonly #known = new Set<Track>();
  durationUs = 0;
  complete = false;
  /** Payload of its frames and what describes them. */
  frameBytes = 0;
  /** Bytes made of them. */
  madeBytes = 0;

  constructor(
    opening: SegmentOpening,
    options: { partTargetUs: number; containers: HlsContainers },
  ) {
    this.number = opening.number;
    this.generation = opening.generation;
    this.startUs = opening.startUs;
    this.wallUs = opening.wallUs;
    this.discontinuity = opening.discontinuity;
    this.discontinuities = opening.discontinuities;
    this.init = opening.init;
    this.#cutter = new PartCutter(options.partTargetUs);
    this.#containers = options.containers;
  }

  get parts(): readonly HlsPart[] {
    return this.#cutter.parts;
  }

  get frames(): readonly Frame[] {
    return this.#cutter.frames;
  }

  get independent(): boolean {
    return this.#cutter.frames.length > 0 && this.#cutter.frames[0].keyframe;
  }

  /**
   * Adds a frame; one of a track or configuration that the segment was not opened with is left
   * out, as its initialization segment does not describe it.
   *
   * @returns Whether a part is complete now.
   */
  push(frame: Frame): boolean {
    if (!this.#known.has(frame.track) && !this.#learn(frame.track)) return false;
    this.frameBytes += frame.data.length + FRAME_OVERHEAD_BYTES;
    return this.#cutter.push(frame);
  }

  /**
   * The segment is over; `nextUs` tells where its media goes on, when it does.
   *
   * @returns False when it has no frames and must be forgotten.
   */
  finish(nextUs: number | undefined): boolean {
    const endUs = this.#cutter.finish(nextUs);
    if (endUs === undefined) return false;
    this.#nextUs = endUs === nextUs ? nextUs : undefined;
    this.durationUs = endUs - this.startUs;
    this.complete = true;
    return true;
  }

  partBytes(index: number): Uint8Array | undefined {
    const part = this.#cutter.parts[index];
    if (part === undefined) return undefined;
    const known = this.#partBytes[index];
    if (known !== undefined) return known;
    const bytes = this.#containers.fmp4.fragment({
      sequenceNumber: fragmentNumber(this.number, index),
      frames: this.#cutter.frames.slice(part.first, part.end),
      endUs: (track) => this.#endUs(part, track),
    });
    this.#partBytes[index] = bytes;
    this.madeBytes += bytes.length;
    return bytes;
  }

  bytes(container: HlsContainer): Uint8Array | undefined {
    if (!this.complete) return undefined;
    if (container === "fmp4") return this.#fmp4 ??= this.#joinParts();
    if (this.#ts === undefined) {
      const head = { tracks: this.init.tracks, data: [] };
      this.#ts = this.#containers.ts.segment(head, this.#cutter.frames);
      this.madeBytes += this.#ts.length;
    }
    return this.#ts;
  }

  /** The parts one after the other; from now on they are views of the whole. */
  #joinParts(): Uint8Array {
    const whole = concatBytes(...this.parts.map(({ index }) => this.partBytes(index)!));
    let at = 0;
    for (let index = 0; index < this.parts.length; index++) {
      const { length } = this.#partBytes[index]!;
      this.#partBytes[index] = whole.subarray(at, at + length);
      at += length;
    }
    return whole;
  }

  /**
   * Only the leading track's next frame is told: whether one of another track is known already
   * would depend on when the bytes are made.
   */
  #endUs(part: HlsPart, track: Track): number | undefined {
    if (trackId(track) !== this.#cutter.leadId) return undefined;
    const last = this.complete && part.index === this.parts.length - 1;
    return last ? this.#nextUs : part.startUs + part.durationUs;
  }

  #learn(track: Track): boolean {
    const own = this.init.tracks.find((other) => trackId(other) === trackId(track));
    if (own === undefined || !sameTrack(own, track)) return false;
    this.#known.add(track);
    return true;
  }
}
