/**
 * Action Message Format 0: the values of RTMP commands and script data.
 *
 * Source: Adobe AMF 0 specification, sections 2.2 to 2.18 and 3.1. Depth, number and size of the
 * values are bounded by `amf_value.ts`. A single value may switch to AMF 3 (`amf3.ts`).
 *
 * @module
 */
import { readAmf3Value, writeAmf3ValueTo } from "./amf3.ts";
import { AmfInput, type Shared } from "./amf_input.ts";
import { AmfOutput, utf8 } from "./amf_output.ts";
import {
  type AmfDate,
  AmfEcmaArray,
  type AmfObject,
  AmfTypedObject,
  type AmfValue,
  type AmfXml,
} from "./amf_value.ts";

export { AmfEcmaArray, AmfTypedObject };
export type { AmfDate, AmfObject, AmfValue, AmfXml };

/** Type markers (2.1). */
const MARKER = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  movieClip: 0x04,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  recordSet: 0x0e,
  xmlDocument: 0x0f,
  typedObject: 0x10,
  avmPlus: 0x11,
} as const;

/** Strings above this length, in bytes, are long strings. */
const SHORT_STRING_BYTES_MAX = 0xffff;

/** 16 bits of name length and the end marker. */
const OBJECT_END_BYTES = 3;

/**
 * Reads all values from `offset` to the end of `bytes`.
 *
 * @returns The values; text is copied, AMF 3 byte arrays are views into `bytes`.
 * @throws {ProtocolError} The bytes end within a value, are malformed, or exceed a limit.
 */
export function parseAmf0Values(bytes: Uint8Array, offset = 0): AmfValue[] {
  const reader = new Amf0Reader(bytes, offset);
  const values: AmfValue[] = [];
  while (!reader.done) values.push(reader.read());
  return values;
}

/**
 * Reads the one value at `offset`.
 *
 * @returns The value, and the offset behind it.
 * @throws {ProtocolError} As for {@link parseAmf0Values}.
 */
export function parseAmf0Value(bytes: Uint8Array, offset = 0): { value: AmfValue; end: number } {
  const reader = new Amf0Reader(bytes, offset);
  return { value: reader.read(), end: reader.offset };
}

/**
 * Writes values, one behind the other, without references.
 *
 * Maps become objects, ECMA arrays or typed objects by their class; what only AMF 3 can carry
 * (byte arrays, dictionaries) is written in it.
 *
 * @throws {RangeError} Nesting exceeds `AMF_DEPTH_MAX`, or a name exceeds 65,535 bytes.
 */
export function writeAmf0Values(values: readonly AmfValue[]): Uint8Array {
  const output = new AmfOutput();
  for (const value of values) writeValue(output, value);
  return output.finish();
}

/** Reads the values of one message, whose references they share (2.9). */
export class Amf0Reader {
  readonly #input: AmfInput;
  readonly #shared: (Shared | undefined)[] = [];

  constructor(bytes: Uint8Array, offset = 0) {
    this.#input = new AmfInput(bytes, offset);
  }

  /** Offset of the next value. */
  get offset(): number {
    return this.#input.at;
  }

  /** No byte is left. */
  get done(): boolean {
    return this.#input.remainingBytes <= 0;
  }

  /**
   * Reads the next value.
   *
   * @throws {ProtocolError} As for {@link parseAmf0Values}.
   */
  read(): AmfValue {
    const input = this.#input;
    input.spendValues(1, "2.1");
    const marker = input.uint8("2.1");
    switch (marker) {
      case MARKER.number:
        return input.double("2.2");
      case MARKER.boolean:
        return input.uint8("2.3") !== 0;
      case MARKER.string:
        return input.text(input.uint16("2.4"), "2.4");
      case MARKER.null:
        return null;
      case MARKER.undefined:
      case MARKER.unsupported: // Something the sender could not express (2.15).
        return undefined;
      case MARKER.longString:
        return input.text(input.uint32("2.14"), "2.14");
      case MARKER.date:
        return this.#readDate();
      case MARKER.xmlDocument:
        return { kind: "xml", text: input.text(input.uint32("2.17"), "2.17") };
      case MARKER.reference:
        return this.#readReference();
      case MARKER.avmPlus:
        return readAmf3Value(input);
      default:
        return this.#readComplex(marker);
    }
  }

  #readComplex(marker: number): AmfValue {
    const input = this.#input;
    switch (marker) {
      case MARKER.object:
        return this.#readObject(new Map(), "2.5");
      case MARKER.ecmaArray:
        return this.#readObject(new AmfEcmaArray(), "2.10", input.uint32("2.10"));
      case MARKER.typedObject: {
        const className = input.name(input.uint16("2.18"), "2.18");
        return this.#readObject(new AmfTypedObject(className), "2.18");
      }
      case MARKER.strictArray:
        return this.#readStrictArray();
      case MARKER.movieClip:
        throw input.malformed("Cannot read value: marker MovieClip is reserved", "2.6");
      case MARKER.objectEnd:
        throw input.malformed("Cannot read value: object end outside an object", "2.11");
      case MARKER.recordSet:
        throw input.malformed("Cannot read value: marker RecordSet is reserved", "2.16");
      default:
        throw input.malformed(`Cannot read value: unknown marker ${marker}`, "2.1");
    }
  }

  /** The time zone is reserved and "should not be filled in" (2.13). */
  #readDate(): AmfDate {
    const epochMs = this.#input.double("2.13");
    this.#input.uint16("2.13");
    return { kind: "date", epochMs };
  }

  #readReference(): AmfValue {
    const index = this.#input.uint16("2.9");
    return this.#input.reuse(this.#shared[index], index, "2.9");
  }

  /** `announced`: the count of an ECMA array, which encoders get wrong; the end marker decides. */
  #readObject<T extends AmfObject>(object: T, section: string, announced?: number): T {
    const input = this.#input;
    const opened = input.open(section);
    const index = this.#shared.push(undefined) - 1;
    for (let count = 0; !this.#atObjectEnd(section, count, announced); count++) {
      const name = input.name(input.uint16(section), section);
      object.set(name, this.read());
    }
    this.#shared[index] = input.close(object, opened);
    return object;
  }

  /** Skips the end of an object (2.11), if it is there. A property of empty name is none. */
  #atObjectEnd(section: string, count: number, announced: number | undefined): boolean {
    const { bytes, at, remainingBytes } = this.#input;
    // Old FLV writers leave out the end of an ECMA array that ends the message.
    if (remainingBytes === 0 && count === announced) return true;
    if (remainingBytes < OBJECT_END_BYTES) {
      throw this.#input.malformed("Cannot read object: it has no end", section);
    }
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== MARKER.objectEnd) return false;
    this.#input.at += OBJECT_END_BYTES;
    return true;
  }

  #readStrictArray(): AmfValue[] {
    const input = this.#input;
    const count = input.uint32("2.12");
    input.checkCount(count, 1, "2.12");
    const opened = input.open("2.12");
    const index = this.#shared.push(undefined) - 1;
    const array: AmfValue[] = [];
    while (array.length < count) array.push(this.read());
    this.#shared[index] = input.close(array, opened);
    return array;
  }
}

function writeValue(output: AmfOutput, value: AmfValue): void {
  switch (typeof value) {
    case "number":
      output.uint8(MARKER.number);
      return output.double(value);
    case "boolean":
      output.uint8(MARKER.boolean);
      return output.uint8(value ? 1 : 0);
    case "string":
      return writeString(output, value);
    case "undefined":
      return output.uint8(MARKER.undefined);
  }
  if (value === null) return output.uint8(MARKER.null);
  if (value instanceof Map) return writeObject(output, value);
  if (Array.isArray(value)) return writeStrictArray(output, value);
  if (value instanceof Uint8Array || value.kind === "dictionary") {
    output.uint8(MARKER.avmPlus);
    return writeAmf3ValueTo(output, value);
  }
  if (value.kind === "xml") {
    output.uint8(MARKER.xmlDocument);
    return writeLongText(output, utf8(value.text));
  }
  output.uint8(MARKER.date);
  output.double(value.epochMs);
  output.uint16(0); // Time zone, reserved.
}

function writeString(output: AmfOutput, text: string): void {
  const bytes = utf8(text);
  if (bytes.length > SHORT_STRING_BYTES_MAX) {
    output.uint8(MARKER.longString);
    return writeLongText(output, bytes);
  }
  output.uint8(MARKER.string);
  output.uint16(bytes.length);
  output.raw(bytes);
}

function writeLongText(output: AmfOutput, bytes: Uint8Array): void {
  output.uint32(bytes.length);
  output.raw(bytes);
}

function writeName(output: AmfOutput, name: string): void {
  const bytes = utf8(name);
  if (bytes.length > SHORT_STRING_BYTES_MAX) {
    throw new RangeError(`Cannot write name: ${bytes.length} bytes, at most 65535 fit`);
  }
  output.uint16(bytes.length);
  output.raw(bytes);
}

function writeObject(output: AmfOutput, object: AmfObject): void {
  if (object instanceof AmfEcmaArray) {
    output.uint8(MARKER.ecmaArray);
    output.uint32(object.size);
  } else if (object instanceof AmfTypedObject) {
    output.uint8(MARKER.typedObject);
    writeName(output, object.className);
  } else {
    output.uint8(MARKER.object);
  }
  output.nested(() => {
    for (const [name, value] of object) {
      writeName(output, name);
      writeValue(output, value);
    }
  });
  output.uint16(0);
  output.uint8(MARKER.objectEnd);
}

function writeStrictArray(output: AmfOutput, array: readonly AmfValue[]): void {
  output.uint8(MARKER.strictArray);
  output.uint32(array.length);
  output.nested(() => {
    for (const value of array) writeValue(output, value);
  });
}
