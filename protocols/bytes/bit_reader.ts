/**
 * Reads fields of any width from bytes, most significant bit first, as the parameter sets of
 * H.264, H.265, AV1 and AAC are written.
 *
 * Sources: ISO/IEC 14496-3 (bslbf, uimsbf); ITU-T H.264, section 9.1 (Exp-Golomb codes).
 * Does not remove emulation prevention bytes; `media/nal.ts` does.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** The bits ended inside a field, or held no Exp-Golomb code that fits 32 bits. */
export class BitsError extends RangeError {
  override readonly name = "BitsError";
  /** Where the field starts, in bits from the start of the array. */
  readonly bitOffset: number;

  constructor(message: string, bitOffset: number) {
    super(message);
    this.bitOffset = bitOffset;
  }
}

/** A position in an array of bytes, moving forward bit by bit. Borrows the array. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #endBits: number;
  #position: number;

  /** Starts at byte `offset`. */
  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#endBits = bytes.length * 8;
    this.#position = offset * 8;
  }

  /** Another reader at the same position. */
  copy(): BitReader {
    const copy = new BitReader(this.#bytes);
    copy.#position = this.#position;
    return copy;
  }

  /** Bits from the start of the array to the next one to be read. */
  get bitOffset(): number {
    return this.#position;
  }

  /** Bits left to read. */
  get remainingBits(): number {
    return this.#endBits - this.#position;
  }

  /**
   * Reads an unsigned integer of `count` bits, 0 to 32; no bits read as 0.
   *
   * @throws {BitsError} Fewer bits remain.
   */
  bits(count: number): number {
    this.#require(count);
    let value = 0;
    let left = count;
    while (left > 0) {
      const available = 8 - (this.#position & 7);
      const taken = Math.min(left, available);
      const byte = this.#bytes[this.#position >>> 3];
      const chunk = (byte >>> (available - taken)) & ((1 << taken) - 1);
      value = value * (1 << taken) + chunk; // Not <<: the 32nd bit would be the sign.
      this.#position += taken;
      left -= taken;
    }
    return value;
  }

  /**
   * Reads one bit.
   *
   * @throws {BitsError} No bit remains.
   */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /**
   * Passes over `count` bits.
   *
   * @throws {BitsError} Fewer bits remain.
   */
  skip(count: number): void {
    this.#require(count);
    this.#position += count;
  }

  /** Moves to the next byte boundary; stays when there already. */
  align(): void {
    this.#position = (this.#position + 7) & ~7;
  }

  /**
   * Reads an unsigned Exp-Golomb code, 0 to 2^32 - 2 (H.264, 9.1).
   *
   * @throws {BitsError} The bits end inside the code, or it is longer than any valid one.
   */
  ue(): number {
    const start = this.#position;
    let zeros = 0;
    while (!this.flag()) {
      zeros++;
      // 31 leading zeros reach 2^32 - 2, the largest value that 9.1 allows.
      if (zeros > 31) throw new BitsError("Cannot read Exp-Golomb code: over 31 zeros", start);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /**
   * Reads a signed Exp-Golomb code, -2^31 + 1 to 2^31 - 1 (H.264, 9.1.1).
   *
   * @throws {BitsError} As {@link ue}.
   */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -(code / 2) + 0; // + 0 turns -0 into 0.
  }

  #require(count: number): void {
    if (count <= this.remainingBits) return;
    throw new BitsError(
      `Cannot read ${count} bits: only ${this.remainingBits} remain`,
      this.#position,
    );
  }
}

/**
 * Runs `read` on the bits of `bytes`; when they end too early that is the peer's fault.
 *
 * @throws {ProtocolError} For a {@link BitsError}, at the byte where the field starts.
 */
export function readBits<T>(
  bytes: Uint8Array,
  where: { readonly protocol: string; readonly section: string },
  read: (reader: BitReader) => T,
): T {
  try {
    return read(new BitReader(bytes));
  } catch (error) {
    if (!(error instanceof BitsError)) throw error;
    throw new ProtocolError(error.message, { ...where, offset: error.bitOffset >>> 3 });
  }
}
