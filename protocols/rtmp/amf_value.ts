/**
 * The values of Action Message Format, as both its versions carry them, and their common limits.
 *
 * Source: Adobe AMF 0 and AMF 3 specifications. `amf0.ts` and `amf3.ts` turn them into bytes and
 * back. Objects are maps, so that no key a peer may choose ("__proto__") means anything to us.
 *
 * @module
 */

/** Deepest nesting of objects and arrays; real messages stay below 6. Bounds our recursion. */
export const AMF_DEPTH_MAX = 32;

/**
 * Most values in one message, those behind references counted each time: an onMetaData with the
 * key frame index of a long recording has some thousands.
 */
export const AMF_VALUES_MAX = 16_384;

/**
 * Most bytes of text and byte arrays in one message, those behind references counted each time:
 * sixteen times the largest script data we keep. Bounds what writing the values again can take.
 */
export const AMF_TEXT_BYTES_MAX = 1024 * 1024;

/**
 * Longest property or class name, in bytes. Should each byte be no UTF-8 and turn into a replacement
 * character of three, the name still fits AMF 0's 16-bit length.
 */
export const AMF_NAME_BYTES_MAX = 16_384;

/** Properties of an anonymous object, in their order on the wire. */
export type AmfObject = Map<string, AmfValue>;

/** An associative array (AMF 0, 2.10; AMF 3, 3.11), which onMetaData usually is. */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** An object of a named class (AMF 0, 2.18; AMF 3, 3.12). */
export class AmfTypedObject extends Map<string, AmfValue> {
  readonly className: string;

  constructor(className: string, entries: Iterable<readonly [string, AmfValue]> = []) {
    super(entries);
    this.className = className;
  }
}

/** A point in time (AMF 0, 2.13; AMF 3, 3.10). */
export interface AmfDate {
  readonly kind: "date";
  /** Milliseconds since 1970, UTC. */
  readonly epochMs: number;
}

/** An XML document as its text (AMF 0, 2.17; AMF 3, 3.9 and 3.13). */
export interface AmfXml {
  readonly kind: "xml";
  readonly text: string;
}

/** A dictionary whose keys are any values (AMF 3, 3.16). */
export interface AmfDictionary {
  readonly kind: "dictionary";
  readonly entries: readonly (readonly [key: AmfValue, value: AmfValue])[];
}

/**
 * Any value. A `Uint8Array` is an AMF 3 byte array; one that was read is a view into the input.
 * Values that the wire shares by reference are one object here too, so treat them as read-only.
 */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | AmfDate
  | AmfXml
  | AmfDictionary
  | AmfObject
  | AmfEcmaArray
  | AmfTypedObject
  | AmfValue[]
  | Uint8Array;
