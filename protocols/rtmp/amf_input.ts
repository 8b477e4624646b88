/**
 * A cursor over AMF input that both versions read through, with the limits of one message.
 *
 * Source: Adobe AMF 0 (1.3) and AMF 3 (1.3). The message is whole when it gets here, so that input
 * which ends too early is the peer's fault. References are weighed: what they stand for counts
 * again each time, so that a small message cannot unfold into a huge one.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  AMF_DEPTH_MAX,
  AMF_NAME_BYTES_MAX,
  AMF_TEXT_BYTES_MAX,
  AMF_VALUES_MAX,
  type AmfValue,
} from "./amf_value.ts";

/** Text that is no UTF-8 is read with replacement characters: old encoders send Latin-1. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A finished object or array that references may stand for, and what it holds inside. */
export interface Shared {
  readonly value: AmfValue;
  readonly values: number;
  readonly textBytes: number;
  /** Levels of nesting, its own included. */
  readonly height: number;
}

/** What {@link AmfInput.open} hands to {@link AmfInput.close}. */
export interface Opened {
  readonly values: number;
  readonly textBytes: number;
  readonly deepest: number;
}

/** The cursor. Methods that read throw `ProtocolError` when the input ends before. */
export class AmfInput {
  readonly bytes: Uint8Array;
  /** Offset of the next byte to read. */
  at: number;
  /** Which version is being read; for errors. */
  protocol: "AMF0" | "AMF3" = "AMF0";

  readonly #view: DataView;
  #values = 0;
  #textBytes = 0;
  #depth = 0;
  #deepest = 0;

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes;
    this.at = offset;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get remainingBytes(): number {
    return this.bytes.length - this.at;
  }

  uint8(section: string): number {
    this.#need(1, section);
    return this.bytes[this.at++];
  }

  uint16(section: string): number {
    this.#need(2, section);
    this.at += 2;
    return this.#view.getUint16(this.at - 2);
  }

  uint32(section: string): number {
    this.#need(4, section);
    this.at += 4;
    return this.#view.getUint32(this.at - 4);
  }

  double(section: string): number {
    this.#need(8, section);
    this.at += 8;
    return this.#view.getFloat64(this.at - 8);
  }

  /** The next `size` bytes, as a view. Counts against the limit on text. */
  view(size: number, section: string): Uint8Array {
    this.#need(size, section);
    this.spendText(size, section);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  text(size: number, section: string): string {
    return size === 0 ? "" : UTF8.decode(this.view(size, section));
  }

  /** A property or class name. */
  name(size: number, section: string): string {
    this.checkName(size, section);
    return this.text(size, section);
  }

  /** Refuses a name of `size` bytes if that is too long. */
  checkName(size: number, section: string): void {
    if (size > AMF_NAME_BYTES_MAX) {
      throw this.malformed(
        `Cannot read name: ${size} bytes long, at most ${AMF_NAME_BYTES_MAX} are allowed`,
        section,
      );
    }
  }

  /** Refuses a count of elements, of `bytesEach` at least, that the rest of the input cannot hold. */
  checkCount(count: number, bytesEach: number, section: string): void {
    if (count * bytesEach > this.remainingBytes) {
      throw this.malformed(
        `Cannot read elements: ${count} announced, only ${this.remainingBytes} bytes follow`,
        section,
      );
    }
  }

  /** Counts values against {@link AMF_VALUES_MAX}. */
  spendValues(count: number, section: string): void {
    this.#values += count;
    if (this.#values > AMF_VALUES_MAX) {
      throw this.malformed(
        `Cannot read values: more than the ${AMF_VALUES_MAX} allowed in a message`,
        section,
      );
    }
  }

  /** Counts bytes against {@link AMF_TEXT_BYTES_MAX}. */
  spendText(bytes: number, section: string): void {
    this.#textBytes += bytes;
    if (this.#textBytes > AMF_TEXT_BYTES_MAX) {
      throw this.malformed(
        `Cannot read text: more than the ${AMF_TEXT_BYTES_MAX} bytes allowed in a message`,
        section,
      );
    }
  }

  /** Enters an object or array. */
  open(section: string): Opened {
    if (this.#depth === AMF_DEPTH_MAX) throw this.#tooDeep(section);
    this.#depth += 1;
    const opened = { values: this.#values, textBytes: this.#textBytes, deepest: this.#deepest };
    this.#deepest = this.#depth;
    return opened;
  }

  /** Leaves it again, whole. */
  close(value: AmfValue, opened: Opened): Shared {
    const height = this.#deepest - this.#depth + 1;
    this.#depth -= 1;
    this.#deepest = Math.max(opened.deepest, this.#deepest);
    const values = this.#values - opened.values;
    return { value, values, textBytes: this.#textBytes - opened.textBytes, height };
  }

  /**
   * The object or array that a reference stands for. One that is not finished is refused: it would
   * contain itself, and whoever walks the values would never end.
   */
  reuse(shared: Shared | undefined, index: number, section: string): AmfValue {
    if (shared === undefined) {
      throw this.malformed(`Cannot follow reference ${index}: no finished value has it`, section);
    }
    const deepest = this.#depth + shared.height;
    if (deepest > AMF_DEPTH_MAX) throw this.#tooDeep(section);
    this.#deepest = Math.max(this.#deepest, deepest);
    this.spendValues(shared.values, section);
    this.spendText(shared.textBytes, section);
    return shared.value;
  }

  /** An error at the cursor. */
  malformed(message: string, section: string): ProtocolError {
    return new ProtocolError(message, { protocol: this.protocol, section, offset: this.at });
  }

  #tooDeep(section: string): ProtocolError {
    return this.malformed(
      `Cannot read value: nested deeper than the ${AMF_DEPTH_MAX} levels allowed`,
      section,
    );
  }

  #need(size: number, section: string): void {
    if (size > this.remainingBytes) {
      throw this.malformed(
        `Cannot read value: ${size} bytes needed, ${this.remainingBytes} follow`,
        section,
      );
    }
  }
}
