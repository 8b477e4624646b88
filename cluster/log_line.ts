/**
 * One log event as one line: `key=value` text for people, or a JSON object for machines.
 *
 * Every string is masked and clipped on its way, so that a line is bounded whatever a peer sent.
 *
 * @module
 */
import type { LogFields } from "../actors/runtime/ports.ts";
import type { LogFormat, LogLevel } from "./config.ts";
import { isCredentialField, MASK, maskCredentials } from "./mask.ts";

/** One event. */
export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Longest string within a line, in characters: a stack trace's first dozen frames. */
const STRING_CHARACTERS_MAX = 2048;

/** Most of a string that is searched for credentials, in characters; the rest is never shown. */
const MASKED_CHARACTERS_MAX = 2 * STRING_CHARACTERS_MAX;

/** Most fields of a line, of an object in it, or items of a list. */
const ENTRIES_MAX = 32;

/** Deepest nesting that is shown. */
const DEPTH_MAX = 4;

/** The names that every JSON line has. */
const RESERVED_NAMES: readonly string[] = ["time", "level", "message"];

type Plain = string | number | boolean | null | readonly Plain[] | {
  readonly [key: string]: Plain;
};

/** The line of an event, without its line feed. */
export function logLine(event: LogEvent, format: LogFormat): string {
  const time = new Date(event.wallMs).toISOString();
  const message = plainString(event.message);
  const fields = plainFields(event.fields, 0);
  if (format === "json") {
    const renamed = Object.entries(fields).map(([name, value]) => {
      return [RESERVED_NAMES.includes(name) ? `${name}_` : name, value];
    });
    const object = { time, level: event.level, message, ...Object.fromEntries(renamed) };
    return oneLine(JSON.stringify(object));
  }
  const pairs = Object.entries(fields).map(([name, value]) => ` ${oneLine(name)}=${textOf(value)}`);
  return `${time} ${event.level.toUpperCase().padEnd(5)} ${oneLine(message)}${pairs.join("")}`;
}

function plainFields(fields: object, depth: number): { readonly [key: string]: Plain } {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    shown.slice(0, ENTRIES_MAX).map(([name, value]) => {
      const hidden = isCredentialField(name) && value !== null && value !== "";
      return [name, hidden ? MASK : plainValue(value, depth)];
    }),
  );
}

function plainValue(value: unknown, depth: number): Plain {
  switch (typeof value) {
    case "string":
      return plainString(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : plainObject(value, depth);
    default: // bigint, symbol, function
      return plainString(String(value));
  }
}

function plainObject(value: object, depth: number): Plain {
  if (value instanceof Error) return plainString(errorText(value));
  if (value instanceof URL || value instanceof Date) return plainString(String(value));
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (depth >= DEPTH_MAX) return "...";
  if (Array.isArray(value)) {
    return value.slice(0, ENTRIES_MAX).map((item) => plainValue(item, depth + 1));
  }
  return plainFields(value, depth + 1);
}

/** A refusal says all by its message; a fault of our own (the built-in kinds) needs its stack. */
function errorText(error: Error): string {
  const ours = error instanceof TypeError || error instanceof RangeError ||
    error instanceof ReferenceError || error.constructor === Error;
  return ours && error.stack !== undefined ? error.stack : `${error.name}: ${error.message}`;
}

/** Masks before it clips, so that no half of a credential stays behind. */
function plainString(text: string): string {
  let bounded = text;
  if (text.length > MASKED_CHARACTERS_MAX) {
    // User info is known by the `@` behind it, which may have been cut off.
    bounded = text.slice(0, MASKED_CHARACTERS_MAX).replace(/\/\/[^/\s]*$/, "//");
  }
  const masked = maskCredentials(bounded);
  return masked.length > STRING_CHARACTERS_MAX
    ? `${masked.slice(0, STRING_CHARACTERS_MAX)}...`
    : masked;
}

function textOf(value: Plain): string {
  if (typeof value !== "string") return oneLine(JSON.stringify(value));
  return /^[^\s"=\p{Cc}\p{Zl}\p{Zp}]+$/u.test(value) ? value : oneLine(JSON.stringify(value));
}

/** Keeps a terminal and a line-wise reader safe from what a peer may have put into a name. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`;
  });
}
