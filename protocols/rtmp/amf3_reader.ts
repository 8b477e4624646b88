/**
 * Reads one Action Message Format 3 value, with its three reference tables.
 *
 * Source: Adobe AMF 3 specification, sections 1.3, 2.2 and 3.1 to 3.16; `amf3.ts` is the door.
 *
 * @module
 */
import { AMF3_MARKER as MARKER } from "./amf3_marker.ts";
import type { AmfInput, Shared } from "./amf_input.ts";
import { AmfEcmaArray, type AmfObject, AmfTypedObject, type AmfValue } from "./amf_value.ts";

/** Class of an object (3.12). */
interface Traits {
  readonly className: string;
  readonly names: readonly string[];
  /** Bytes of all names and the class's own; spent for each object of the class. */
  readonly textBytes: number;
  readonly dynamic: boolean;
  readonly externalizable: boolean;
}

interface SharedText {
  readonly text: string;
  readonly bytes: number;
}

/** Flex classes that write themselves as the one value they wrap. */
const WRAPPER_CLASSES: readonly string[] = [
  "flex.messaging.io.ArrayCollection",
  "flex.messaging.io.ArrayList",
  "flex.messaging.io.ObjectProxy",
];

/** Reader of one value and all it holds. */
export class Amf3Reader {
  readonly #input: AmfInput;
  readonly #texts: SharedText[] = [];
  readonly #shared: (Shared | undefined)[] = [];
  readonly #traits: Traits[] = [];

  constructor(input: AmfInput) {
    this.#input = input;
  }

  /**
   * Reads the value at the cursor.
   *
   * @throws {ProtocolError} The bytes end within it, are malformed, or exceed a limit.
   */
  read(): AmfValue {
    const input = this.#input;
    input.spendValues(1, "3.1");
    const marker = input.uint8("3.1");
    switch (marker) {
      case MARKER.undefined:
        return undefined;
      case MARKER.null:
        return null;
      case MARKER.false:
        return false;
      case MARKER.true:
        return true;
      case MARKER.integer:
        return this.#u29("3.6") << 3 >> 3; // 29 bits, two's complement.
      case MARKER.double:
        return input.double("3.7");
      case MARKER.string:
        return this.#readText("3.8").text;
      default:
        return this.#readComplex(marker);
    }
  }

  #readComplex(marker: number): AmfValue {
    switch (marker) {
      case MARKER.xmlDocument:
        return this.#readXml("3.9");
      case MARKER.date:
        return this.#readDate();
      case MARKER.array:
        return this.#readShared("3.11", (count) => this.#readArray(count));
      case MARKER.object:
        return this.#readShared("3.12", (flags) => this.#readObject(flags));
      case MARKER.xml:
        return this.#readXml("3.13");
      case MARKER.byteArray:
        return this.#readShared("3.14", (size) => this.#input.view(size, "3.14"));
      case MARKER.vectorInt:
      case MARKER.vectorUint:
      case MARKER.vectorDouble:
        return this.#readShared("3.15", (count) => this.#readNumbers(marker, count));
      case MARKER.vectorObject:
        return this.#readShared("3.15", (count) => this.#readObjectVector(count));
      case MARKER.dictionary:
        return this.#readShared("3.16", (count) => this.#readDictionary(count));
      default:
        throw this.#input.malformed(`Cannot read value: unknown marker ${marker}`, "3.1");
    }
  }

  /**
   * Reads a value that the object table remembers: `body` gets the rest of the U29 whose lowest bit
   * says inline or reference (2.2). Nesting is counted for scalars too, which does no harm.
   */
  #readShared(section: string, body: (rest: number) => AmfValue): AmfValue {
    const header = this.#u29(section);
    if ((header & 1) === 0) {
      const index = header >> 1;
      return this.#input.reuse(this.#shared[index], index, section);
    }
    const opened = this.#input.open(section);
    const index = this.#shared.push(undefined) - 1;
    const value = body(header >> 1);
    this.#shared[index] = this.#input.close(value, opened);
    return value;
  }

  #readXml(section: string): AmfValue {
    return this.#readShared(section, (size) => {
      return { kind: "xml", text: this.#input.text(size, section) };
    });
  }

  #readDate(): AmfValue {
    return this.#readShared("3.10", () => {
      return { kind: "date", epochMs: this.#input.double("3.10") };
    });
  }

  /** An array with named elements becomes associative as a whole, indexes as keys. */
  #readArray(count: number): AmfValue {
    const input = this.#input;
    const named = new AmfEcmaArray();
    this.#readNamed(named, "3.11");
    input.checkCount(count, 1, "3.11");
    if (named.size > 0) {
      for (let index = 0; index < count; index++) named.set(String(index), this.read());
      return named;
    }
    const dense: AmfValue[] = [];
    while (dense.length < count) dense.push(this.read());
    return dense;
  }

  /** Pairs of name and value up to an empty name. */
  #readNamed(target: AmfObject, section: string): void {
    while (true) {
      const { text } = this.#readText(section, true);
      if (text === "") return;
      target.set(text, this.read());
    }
  }

  #readObject(flags: number): AmfValue {
    const traits = this.#readTraits(flags);
    if (traits.externalizable) return this.#readExternalizable(traits.className);
    this.#input.spendText(traits.textBytes, "3.12");
    const object: AmfObject = traits.className === ""
      ? new Map()
      : new AmfTypedObject(traits.className);
    for (const name of traits.names) object.set(name, this.read());
    if (traits.dynamic) this.#readNamed(object, "3.12");
    return object;
  }

  /** `flags`: bit 0 inline traits, bit 1 externalizable, bit 2 dynamic, then the sealed count. */
  #readTraits(flags: number): Traits {
    const input = this.#input;
    if ((flags & 1) === 0) {
      const traits = this.#traits[flags >> 1];
      if (traits !== undefined) return traits;
      throw input.malformed(`Cannot follow traits reference ${flags >> 1}: not known`, "3.12");
    }
    const externalizable = (flags & 2) !== 0;
    const sealedCount = externalizable ? 0 : flags >> 3;
    input.checkCount(sealedCount, 1, "3.12");
    input.spendValues(sealedCount, "3.12");
    const className = this.#readText("3.12", true);
    let textBytes = className.bytes;
    const names: string[] = [];
    while (names.length < sealedCount) {
      const name = this.#readText("3.12", true);
      textBytes += name.bytes;
      names.push(name.text);
    }
    const dynamic = (flags & 4) !== 0;
    const traits = { className: className.text, names, textBytes, dynamic, externalizable };
    this.#traits.push(traits);
    return traits;
  }

  #readExternalizable(className: string): AmfValue {
    if (WRAPPER_CLASSES.includes(className)) return this.read();
    throw this.#input.malformed(
      `Cannot read object: class "${className.slice(0, 64)}" has a format of its own`,
      "3.12",
    );
  }

  #readNumbers(marker: number, count: number): AmfValue[] {
    const input = this.#input;
    input.uint8("3.15"); // Fixed length or not; nothing to us.
    input.checkCount(count, marker === MARKER.vectorDouble ? 8 : 4, "3.15");
    input.spendValues(count, "3.15");
    const numbers: number[] = [];
    while (numbers.length < count) {
      if (marker === MARKER.vectorDouble) numbers.push(input.double("3.15"));
      else if (marker === MARKER.vectorUint) numbers.push(input.uint32("3.15"));
      else numbers.push(input.uint32("3.15") | 0);
    }
    return numbers;
  }

  #readObjectVector(count: number): AmfValue[] {
    this.#input.uint8("3.15"); // Fixed length or not.
    this.#readText("3.15", true); // Class of the elements; they say it themselves.
    this.#input.checkCount(count, 1, "3.15");
    const values: AmfValue[] = [];
    while (values.length < count) values.push(this.read());
    return values;
  }

  #readDictionary(count: number): AmfValue {
    this.#input.uint8("3.16"); // Weak keys or not.
    this.#input.checkCount(count, 2, "3.16");
    const entries: [AmfValue, AmfValue][] = [];
    while (entries.length < count) entries.push([this.read(), this.read()]);
    return { kind: "dictionary", entries };
  }

  /** UTF-8-vr: text, or a reference to one before; the empty text is never referred to (1.3.2). */
  #readText(section: string, isName = false): SharedText {
    const input = this.#input;
    const header = this.#u29(section);
    const rest = header >> 1;
    if ((header & 1) === 0) {
      const shared = this.#texts[rest];
      if (shared === undefined) {
        throw input.malformed(`Cannot follow text reference ${rest}: not known`, section);
      }
      // A long text may come first as a value and then be named.
      if (isName) input.checkName(shared.bytes, section);
      input.spendText(shared.bytes, section);
      return shared;
    }
    const text = isName ? input.name(rest, section) : input.text(rest, section);
    const shared = { text, bytes: rest };
    if (rest > 0) this.#texts.push(shared);
    return shared;
  }

  /** An unsigned integer of 29 bits in 1 to 4 bytes (1.3.1). */
  #u29(section: string): number {
    let value = 0;
    for (let index = 0; index < 3; index++) {
      const byte = this.#input.uint8(section);
      value = value << 7 | byte & 0x7f;
      if (byte < 0x80) return value;
    }
    return value << 8 | this.#input.uint8(section);
  }
}
