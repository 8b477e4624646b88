/**
 * Takes an unpacked body apart and believes nothing of it.
 *
 * Unknown fields are passed over: a later version may have more of them.
 *
 * @module
 */
import { malformed } from "./frame.ts";

/** One unpacked map. */
export class Fields {
  readonly #map: Readonly<Record<string, unknown>>;
  readonly #section: string;

  /** @throws {ProtocolError} `value` is no map. */
  constructor(value: unknown, section: string) {
    if (
      typeof value !== "object" || value === null || Array.isArray(value) ||
      value instanceof Uint8Array
    ) {
      throw malformed("Cannot read body: it is no map", section);
    }
    this.#map = value as Record<string, unknown>;
    this.#section = section;
  }

  /** The field as it came; `undefined` when it is not there. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#map, name) ? this.#map[name] : undefined;
  }

  /** A text of at most `charactersMax` UTF-16 code units. */
  text(name: string, charactersMax: number): string {
    const value = this.raw(name);
    if (typeof value === "string" && value.length <= charactersMax) return value;
    throw this.#wrong(name, `a text of at most ${charactersMax} characters`);
  }

  /** One of a few words. */
  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.raw(name);
    const word = words.find((known) => known === value);
    if (word !== undefined) return word;
    throw this.#wrong(name, `one of ${words.join(", ")}`);
  }

  /** A whole number from 0 to 2^53 - 1. */
  integer(name: string): number {
    const value = this.raw(name);
    if (typeof value === "number" && value >= 0 && Number.isSafeInteger(value)) return value;
    throw this.#wrong(name, "a whole number from 0 on");
  }

  /** A number that is not infinite, from 0 on. */
  number(name: string): number {
    const value = this.raw(name);
    if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
    throw this.#wrong(name, "a number from 0 on");
  }

  boolean(name: string): boolean {
    const value = this.raw(name);
    if (typeof value === "boolean") return value;
    throw this.#wrong(name, "a truth value");
  }

  /** Exactly `count` bytes; a view of the body. */
  bytes(name: string, count: number): Uint8Array {
    const value = this.raw(name);
    if (value instanceof Uint8Array && value.length === count) return value;
    throw this.#wrong(name, `${count} bytes`);
  }

  /** A list of at most `countMax` texts. */
  texts(name: string, countMax: number, charactersMax: number): string[] {
    const value = this.raw(name);
    const fits = Array.isArray(value) && value.length <= countMax &&
      value.every((text) => typeof text === "string" && text.length <= charactersMax);
    if (fits) return value;
    throw this.#wrong(name, `a list of at most ${countMax} texts`);
  }

  /** What `read` makes of the field, or `undefined` when it is not there. */
  optional<T>(name: string, read: (name: string) => T): T | undefined {
    return this.raw(name) === undefined ? undefined : read(name);
  }

  #wrong(name: string, expected: string): Error {
    return malformed(`Cannot read body: ${name} is not ${expected}`, this.#section);
  }
}
