/**
 * Action Message Format 3: single values within AMF 0 that a Flash player sends in its newer form.
 *
 * Source: Adobe AMF 3 specification, sections 1.3 and 3.1 to 3.16. Each switch from AMF 0 starts
 * with empty reference tables. Externalizable classes are known only where their whole body is one
 * value (the collections of Flex); the format of others is their own secret.
 *
 * @module
 */
import { Amf3Reader } from "./amf3_reader.ts";
import { AmfInput } from "./amf_input.ts";
import { AmfOutput, utf8 } from "./amf_output.ts";
import { type AmfDictionary, AmfEcmaArray, type AmfObject, AmfTypedObject } from "./amf_value.ts";
import type { AmfValue } from "./amf_value.ts";
import { AMF3_MARKER as MARKER } from "./amf3_marker.ts";

/** Integers that 29 bits hold, two's complement (3.6); others are doubles. */
const INTEGER_MIN = -0x1000_0000;
const INTEGER_MAX = 0x0fff_ffff;

/** Largest number that U29 can hold (1.3.1). */
const U29_MAX = 0x1fff_ffff;

/** Reads the value at the cursor, which then stands behind it; for `amf0.ts`. */
export function readAmf3Value(input: AmfInput): AmfValue {
  input.protocol = "AMF3";
  const value = new Amf3Reader(input).read();
  input.protocol = "AMF0";
  return value;
}

/**
 * Reads the one value at `offset`.
 *
 * @returns The value, and the offset behind it; byte arrays are views into `bytes`.
 * @throws {ProtocolError} The bytes end within the value, are malformed, or exceed a limit of
 * `amf_value.ts`.
 */
export function parseAmf3Value(bytes: Uint8Array, offset = 0): { value: AmfValue; end: number } {
  const input = new AmfInput(bytes, offset);
  return { value: readAmf3Value(input), end: input.at };
}

/**
 * Bytes of one value, without references.
 *
 * @throws {RangeError} Nesting exceeds `AMF_DEPTH_MAX`, a length exceeds what U29 can tell, or an
 * associative array has an empty key, which would end it.
 */
export function writeAmf3Value(value: AmfValue): Uint8Array {
  const output = new AmfOutput();
  writeAmf3ValueTo(output, value);
  return output.finish();
}

/** Appends one value to `output`; errors as for {@link writeAmf3Value}. */
export function writeAmf3ValueTo(output: AmfOutput, value: AmfValue): void {
  switch (typeof value) {
    case "number":
      return writeNumber(output, value);
    case "boolean":
      return output.uint8(value ? MARKER.true : MARKER.false);
    case "string":
      output.uint8(MARKER.string);
      return writeText(output, value);
    case "undefined":
      return output.uint8(MARKER.undefined);
  }
  if (value === null) return output.uint8(MARKER.null);
  if (value instanceof Uint8Array) {
    output.uint8(MARKER.byteArray);
    writeInlineU29(output, value.length);
    return output.raw(value);
  }
  if (value instanceof AmfEcmaArray) return writeAssociativeArray(output, value);
  if (value instanceof Map) return writeObject(output, value);
  if (Array.isArray(value)) return writeDenseArray(output, value);
  if (value.kind === "dictionary") return writeDictionary(output, value);
  if (value.kind === "xml") {
    output.uint8(MARKER.xml);
    return writeText(output, value.text);
  }
  output.uint8(MARKER.date);
  writeInlineU29(output, 0);
  output.double(value.epochMs);
}

function writeNumber(output: AmfOutput, value: number): void {
  const fits = Number.isInteger(value) && value >= INTEGER_MIN && value <= INTEGER_MAX;
  if (fits && !Object.is(value, -0)) {
    output.uint8(MARKER.integer);
    return writeU29(output, value & U29_MAX);
  }
  output.uint8(MARKER.double);
  output.double(value);
}

/** 7 bits a byte, the highest first; the fourth byte has 8 (1.3.1). */
function writeU29(output: AmfOutput, value: number): void {
  if (value > U29_MAX) throw new RangeError(`Cannot write U29: ${value} is above ${U29_MAX}`);
  if (value >= 0x20_0000) {
    output.uint8(value >>> 22 | 0x80);
    output.uint8(value >>> 15 | 0x80);
    output.uint8(value >>> 8 | 0x80);
    return output.uint8(value);
  }
  if (value >= 0x4000) output.uint8(value >>> 14 | 0x80);
  if (value >= 0x80) output.uint8(value >>> 7 | 0x80);
  output.uint8(value & 0x7f);
}

/** A length whose lowest bit says that the value itself follows, no reference. */
function writeInlineU29(output: AmfOutput, length: number): void {
  writeU29(output, length * 2 + 1);
}

function writeText(output: AmfOutput, text: string): void {
  const bytes = utf8(text);
  writeInlineU29(output, bytes.length);
  output.raw(bytes);
}

function writeDenseArray(output: AmfOutput, array: readonly AmfValue[]): void {
  output.uint8(MARKER.array);
  writeInlineU29(output, array.length);
  writeText(output, ""); // No associative part.
  output.nested(() => {
    for (const value of array) writeAmf3ValueTo(output, value);
  });
}

function writeAssociativeArray(output: AmfOutput, array: AmfEcmaArray): void {
  if (array.has("")) throw new RangeError("Cannot write array: an empty key would end it");
  output.uint8(MARKER.array);
  writeInlineU29(output, 0); // No dense part.
  output.nested(() => {
    for (const [key, value] of array) {
      writeText(output, key);
      writeAmf3ValueTo(output, value);
    }
  });
  writeText(output, "");
}

/** All properties are sealed members: unlike dynamic ones they may have an empty name. */
function writeObject(output: AmfOutput, object: AmfObject): void {
  output.uint8(MARKER.object);
  writeU29(output, object.size * 16 + 0x03); // Inline object, inline traits, not dynamic.
  writeText(output, object instanceof AmfTypedObject ? object.className : "");
  for (const name of object.keys()) writeText(output, name);
  output.nested(() => {
    for (const value of object.values()) writeAmf3ValueTo(output, value);
  });
}

function writeDictionary(output: AmfOutput, dictionary: AmfDictionary): void {
  output.uint8(MARKER.dictionary);
  writeInlineU29(output, dictionary.entries.length);
  output.uint8(0); // Keys are not weak.
  output.nested(() => {
    for (const [key, value] of dictionary.entries) {
      writeAmf3ValueTo(output, key);
      writeAmf3ValueTo(output, value);
    }
  });
}
