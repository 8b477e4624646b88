/**
 * G.726: adaptive differential PCM of 2 to 5 bits a sample, to linear samples.
 *
 * Sources: ITU-T G.726 (12/90), sections 4.2 and 4.3, whose signal names stand in the comments;
 * RFC 3551, section 4.5.4 (both packings). Encoding is not done here, nor the synchronous tandem
 * adjustment, which serves PCM networks.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/**
 * How codes stand in bytes: "rfc3551" puts the first into the lowest bits, as `G726-32` in SDP
 * says; "aal2" into the highest, as `AAL2-G726-32` says (ITU-T I.366.2).
 */
export type G726Packing = "rfc3551" | "aal2";

/** What a decoder must know; the configuration of a track of this codec holds it. */
export interface G726Config {
  readonly codeBits: 2 | 3 | 4 | 5; // 16, 24, 32 and 40 kbit/s at 8 kHz
  readonly packing: G726Packing;
}

/** Size of a configuration, in bytes. */
export const G726_CONFIG_BYTES = 2;

const PACKINGS: readonly G726Packing[] = ["rfc3551", "aal2"];

/** Writes a configuration, a form of our own: bits of a code; 0 for "rfc3551", 1 for "aal2". */
export function writeG726Config({ codeBits, packing }: G726Config): Uint8Array {
  return Uint8Array.of(codeBits, PACKINGS.indexOf(packing));
}

/**
 * Reads a configuration.
 *
 * @throws {ProtocolError} It is not one of {@link writeG726Config}.
 */
export function parseG726Config(config: Uint8Array): G726Config {
  const [codeBits, packing] = config;
  const known = codeBits === 2 || codeBits === 3 || codeBits === 4 || codeBits === 5;
  if (config.length !== G726_CONFIG_BYTES || !known || packing > 1) {
    throw new ProtocolError("Cannot read G.726 configuration: not 2 to 5 bits and a packing", {
      protocol: "G.726",
      section: "RFC 3551 4.5.4",
      offset: 0,
    });
  }
  return { codeBits, packing: PACKINGS[packing] };
}

/** Samples in `bytes` bytes; what is left over at their end is no code. */
export function g726Samples(codeBits: number, bytes: number): number {
  return Math.floor(bytes * 8 / codeBits);
}

/** What the quantiser's levels mean, by magnitude of the code (tables 7 to 10 and 12). */
interface Levels {
  readonly dqln: readonly number[]; // normalised difference, log 2, 7 bits of fraction
  readonly w: readonly number[]; // scale factor multiplier
  readonly f: readonly number[]; // rate of change
}

const LEVELS: Readonly<Record<G726Config["codeBits"], Levels>> = {
  2: { dqln: [116, 365], w: [-22, 439], f: [0, 7] },
  3: { dqln: [-2048, 135, 273, 373], w: [-4, 30, 137, 582], f: [0, 1, 2, 7] },
  4: {
    dqln: [-2048, 4, 135, 213, 273, 323, 373, 425],
    w: [-12, 18, 41, 64, 112, 198, 355, 1122],
    f: [0, 0, 0, 1, 1, 1, 3, 7],
  },
  5: {
    dqln: [-2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566],
    w: [14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696],
    f: [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6],
  },
};

/** Taps of the zero predictor. */
const ZEROS = 6;

/** A difference of zero as FLOATA gives it: exponent 0, mantissa 32. */
const FLOAT_ZERO = 32;

/** Decodes one track; what it has seen shapes what follows, so its packets go in order. */
export class G726Decoder {
  readonly #codeBits: G726Config["codeBits"];
  readonly #packing: G726Packing;
  readonly #levels: Levels;
  /** Quantiser scale factor, fast and slow (YU, YL). */
  #fast = 544;
  #slow = 34_816;
  /** Short and long term average of the rate of change, speed control (DMS, DML, AP). */
  #shortMean = 0;
  #longMean = 0;
  #speed = 0;
  /** Predictor coefficients and what they apply to, newest first (A, B, SR, DQ). */
  readonly #poles = new Int32Array(2);
  readonly #zeros = new Int32Array(ZEROS);
  readonly #signals = new Int32Array(2).fill(FLOAT_ZERO);
  readonly #differences = new Int32Array(ZEROS).fill(FLOAT_ZERO);
  /** Signs of the newest partial signals (PK1, PK2). */
  readonly #signs = new Int32Array(2);
  /** A tone of a modem is there (TD). */
  #tone = false;

  constructor({ codeBits, packing }: G726Config) {
    this.#codeBits = codeBits;
    this.#packing = packing;
    this.#levels = LEVELS[codeBits];
  }

  /**
   * Decodes all whole codes of `bytes` into `target` from `offset`, as 16-bit samples.
   *
   * @returns Samples written, as {@link g726Samples} tells before.
   * @throws {RangeError} `target` is too small.
   */
  decode(bytes: Uint8Array, target: Int16Array, offset = 0): number {
    const samples = g726Samples(this.#codeBits, bytes.length);
    if (target.length - offset < samples) {
      throw new RangeError(
        `Cannot decode G.726: ${samples} samples, room for ${target.length - offset}`,
      );
    }
    for (let index = 0; index < samples; index++) {
      target[offset + index] = this.#sample(this.#code(bytes, index));
    }
    return samples;
  }

  #code(bytes: Uint8Array, index: number): number {
    const bits = this.#codeBits;
    const at = index * bits;
    const low = bytes[at >>> 3];
    const high = bytes[(at >>> 3) + 1] ?? 0; // A code may lie across two bytes.
    const shift = at & 7;
    const pair = this.#packing === "rfc3551"
      ? (high << 8 | low) >>> shift
      : (low << 8 | high) >>> (16 - bits - shift);
    return pair & ((1 << bits) - 1);
  }

  #sample(code: number): number {
    const half = 1 << (this.#codeBits - 1);
    const negative = code >= half;
    const level = negative ? 2 * half - 1 - code : code;
    const zeroPart = this.#zeroPart();
    const partial = (zeroPart << 16 >> 16) >> 1; // SEZ
    const estimate = ((zeroPart + this.#polePart()) << 16 >> 16) >> 1; // SE
    const scale = this.#scale(); // Y
    const magnitude = antilog(this.#levels.dqln[level] + (scale >> 2)); // DQMAG
    const difference = negative ? -magnitude : magnitude; // DQ
    const signal = (estimate + difference) << 16 >> 16; // SR

    const transition = this.#isTransition(magnitude); // TR
    this.#adaptScale(this.#levels.w[level], scale);
    this.#adaptPredictor(difference, negative, partial + difference, transition);
    this.#adaptSpeed(this.#levels.f[level], scale, transition);
    shiftIn(this.#signals, floatOf(signal, signal < 0));
    shiftIn(this.#differences, floatOf(difference, negative));
    return Math.max(-0x8000, Math.min(0x7fff, signal << 2)); // From 14 bits to 16.
  }

  #zeroPart(): number {
    let sum = 0;
    for (let tap = 0; tap < ZEROS; tap++) {
      sum += product(this.#zeros[tap], this.#differences[tap]);
    }
    return sum;
  }

  #polePart(): number {
    return product(this.#poles[0], this.#signals[0]) + product(this.#poles[1], this.#signals[1]);
  }

  /** MIX: between the slow and the fast factor, by the speed. */
  #scale(): number {
    const weight = this.#speed >= 256 ? 64 : this.#speed >> 2; // AL
    const slow = this.#slow >> 6;
    return slow + Math.trunc((this.#fast - slow) * weight / 64);
  }

  /** TRANS: a leap while a tone was there, so the predictor must start anew. */
  #isTransition(magnitude: number): boolean {
    if (!this.#tone) return false;
    const integer = this.#slow >> 15;
    const fraction = this.#slow >> 10 & 31;
    const threshold = integer > 9 ? 31 << 10 : (32 + fraction) << integer;
    return magnitude > (threshold + (threshold >> 1)) >> 1;
  }

  /** FILTD, LIMB, FILTE. */
  #adaptScale(w: number, scale: number): void {
    const fast = scale + ((w * 32 - scale) >> 5);
    this.#fast = Math.max(544, Math.min(5120, fast));
    this.#slow += this.#fast + (-this.#slow >> 6);
  }

  /** UPA1, UPA2, UPB with their limits, TONE and TRIGB. `partial` is DQSEZ. */
  #adaptPredictor(
    difference: number,
    negative: boolean,
    partial: number,
    transition: boolean,
  ): void {
    const sign = partial < 0 ? 1 : 0; // PK0
    if (transition) {
      this.#poles.fill(0);
      this.#zeros.fill(0);
      this.#tone = false;
    } else {
      this.#adaptPoles(sign, partial === 0);
      this.#adaptZeros(difference, negative);
      this.#tone = this.#poles[1] < -11_776;
    }
    shiftIn(this.#signs, sign);
  }

  #adaptPoles(sign: number, still: boolean): void {
    const [first, second] = this.#poles;
    const same1 = sign === this.#signs[0];
    const same2 = sign === this.#signs[1];
    let gain2 = 0; // UGA2
    if (!still) {
      const bounded = Math.max(-8191, Math.min(8191, first)) * 4; // FA1
      gain2 = ((same2 ? 16_384 : -16_384) + (same1 ? -bounded : bounded)) >> 7;
    }
    const next2 = second + gain2 - (second >> 7);
    this.#poles[1] = Math.max(-12_288, Math.min(12_288, next2));
    const gain1 = still ? 0 : same1 ? 192 : -192; // UGA1
    const next1 = first + gain1 - (first >> 8);
    const limit = 15_360 - this.#poles[1];
    this.#poles[0] = Math.max(-limit, Math.min(limit, next1));
  }

  #adaptZeros(difference: number, negative: boolean): void {
    const leak = this.#codeBits === 5 ? 9 : 8;
    for (let tap = 0; tap < ZEROS; tap++) {
      const coefficient = this.#zeros[tap];
      const same = negative === (this.#differences[tap] >= 0x400);
      const gain = difference === 0 ? 0 : same ? 128 : -128; // UGB
      this.#zeros[tap] = coefficient + gain - (coefficient >> leak);
    }
  }

  /** FUNCTF, FILTA, FILTB, SUBTC, FILTC, TRIGA. */
  #adaptSpeed(f: number, scale: number, transition: boolean): void {
    this.#shortMean += ((f << 9) - this.#shortMean) >> 5;
    this.#longMean += ((f << 11) - this.#longMean) >> 7;
    const apart = Math.abs((this.#shortMean << 2) - this.#longMean);
    const quick = scale < 1536 || apart >= this.#longMean >> 3 || this.#tone;
    this.#speed = transition ? 256 : this.#speed + (((quick ? 0x200 : 0) - this.#speed) >> 4);
  }
}

/** ANTILOG: the magnitude of which `log` is the logarithm, with 7 bits of fraction. */
function antilog(log: number): number {
  if (log < 0) return 0;
  return ((log & 127) + 128) << 7 >> (14 - (log >> 7 & 15));
}

/** FLOATA, FLOATB: 1 bit of sign, 4 of exponent, 6 of mantissa. */
function floatOf(value: number, negative: boolean): number {
  const magnitude = Math.abs(value);
  const exponent = 32 - Math.clz32(magnitude);
  const mantissa = magnitude === 0 ? 32 : magnitude << 6 >> exponent;
  return (negative ? 0x400 : 0) + (exponent << 6) + mantissa;
}

/** FMULT: a coefficient times a signal in floating point. */
function product(coefficient: number, float: number): number {
  const factor = floatOf(coefficient >> 2, coefficient < 0);
  const exponent = (factor >> 6 & 15) + (float >> 6 & 15);
  const mantissa = ((factor & 63) * (float & 63) + 48) >> 4;
  const magnitude = exponent <= 26
    ? mantissa << 7 >> (26 - exponent)
    : mantissa << 7 << (exponent - 26) & 0x7fff;
  return ((factor ^ float) & 0x400) === 0 ? magnitude : -magnitude;
}

/** Puts `value` first; the last one goes. */
function shiftIn(values: Int32Array, value: number): void {
  values.copyWithin(1, 0);
  values[0] = value;
}
