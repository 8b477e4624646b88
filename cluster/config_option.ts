/**
 * Option kinds: how the text of a flag, an environment variable or a key becomes a value.
 *
 * @module
 */

import type { PortRange } from "../actors/edge/udp_ports.ts";

/** One option: a flag, its environment twin and its key in the configuration file. */
export interface Option<Value> {
  /** The flag without its dashes; also the key in the configuration file. */
  readonly flag: string;
  /** Environment variables of other programs that say the same, asked after our own. */
  readonly variables?: readonly string[];
  /** What stands for the value in the help; empty for a switch. */
  readonly placeholder: string;
  /** The default as one would write it; `undefined` = none. */
  readonly initial: string | undefined;
  /** What happens when there is no default and nothing is given. */
  readonly initialNote?: string;
  /** Completes "must be ...". */
  readonly allowed: string;
  /** One sentence for the help and the README, without a full stop. */
  readonly help: string;
  /** The flag needs no value: alone it means "true". */
  readonly switch?: boolean;
  /** The value is never shown. */
  readonly secret?: boolean;
  /** The value, or `undefined` when the text is not allowed. */
  read(text: string): Exclude<Value, undefined> | undefined;
}

/** What every kind of option has to be told. */
export interface OptionText {
  readonly flag: string;
  readonly help: string;
}

/** Longest path, in characters: PATH_MAX of Linux. */
const PATH_CHARACTERS_MAX = 4096;

/** Most characters of a refused value that are shown. */
const SHOWN_CHARACTERS_MAX = 80;

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const SIZE_UNITS_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

const BIT_RATE_UNITS = { bps: 1, kbps: 1000, Mbps: 1_000_000, Gbps: 1_000_000_000 } as const;

/** A TCP port; 0 lets the system choose. */
export function portOption(text: OptionText & { initial: number }): Option<number> {
  return {
    ...text,
    placeholder: "PORT",
    initial: String(text.initial),
    allowed: "a port number from 0 to 65535 (0 = any free port)",
    read: (value) => readInteger(value, 0, 65_535),
  };
}

/** A whole number. */
export function integerOption(
  text: OptionText & { initial: number; min: number; max: number },
): Option<number> {
  return {
    ...text,
    placeholder: "N",
    initial: String(text.initial),
    allowed: `a whole number from ${text.min} to ${text.max}`,
    read: (value) => readInteger(value, text.min, text.max),
  };
}

/** A span of time; the value is in milliseconds, the bounds are written like the value. */
export function durationOption(
  text: OptionText & { initial: string; min: string; max: string },
): Option<number> {
  const minMs = readQuantity(text.min, DURATION_UNITS_MS) ?? NaN;
  const maxMs = readQuantity(text.max, DURATION_UNITS_MS) ?? NaN;
  return {
    ...text,
    placeholder: "TIME",
    allowed: `a time from ${text.min} to ${text.max}, such as 10s, 500ms or 2m`,
    read: (value) => within(readQuantity(value, DURATION_UNITS_MS), minMs, maxMs),
  };
}

/** A size; the value is in bytes, the bounds are written like the value. */
export function bytesOption(
  text: OptionText & { initial: string; min: string; max: string },
): Option<number> {
  const minBytes = readQuantity(text.min, SIZE_UNITS_BYTES) ?? NaN;
  const maxBytes = readQuantity(text.max, SIZE_UNITS_BYTES) ?? NaN;
  return {
    ...text,
    placeholder: "SIZE",
    allowed: `a size from ${text.min} to ${text.max}, such as 512MiB or 1GiB`,
    read: (value) => within(readQuantity(value, SIZE_UNITS_BYTES), minBytes, maxBytes),
  };
}

/** A rate; the value is in bits per second, the bounds are written like the value. */
export function bitRateOption(
  text: OptionText & { initial?: string; min: string; max: string },
): Option<number> {
  const min = readQuantity(text.min, BIT_RATE_UNITS) ?? NaN;
  const max = readQuantity(text.max, BIT_RATE_UNITS) ?? NaN;
  return {
    ...text,
    placeholder: "RATE",
    initial: text.initial,
    allowed: `a bit rate from ${text.min} to ${text.max}, such as 500kbps or 20Mbps`,
    read: (value) => within(readQuantity(value, BIT_RATE_UNITS), min, max),
  };
}

/** On or off; off by default. */
export function switchOption(text: OptionText): Option<boolean> {
  return {
    ...text,
    placeholder: "",
    initial: "false",
    switch: true,
    allowed: "true or false",
    read: (value) => value === "true" ? true : value === "false" ? false : undefined,
  };
}

/** One of a few words. */
export function choiceOption<Choice extends string>(
  text: OptionText & { initial: Choice; choices: readonly Choice[] },
): Option<Choice> {
  return {
    ...text,
    placeholder: text.choices.join("|"),
    allowed: `one of ${text.choices.join(", ")}`,
    read: (value) => text.choices.find((choice) => choice === value),
  };
}

// Deno's lists of permitted paths are split at commas and know no escape for them.
const PATH_ALLOWED = `a path of 1 to ${PATH_CHARACTERS_MAX} characters without a comma`;

/** The path of a directory. */
export function directoryOption(text: OptionText & { initial: string }): Option<string> {
  return { ...text, placeholder: "DIR", allowed: PATH_ALLOWED, read: readPath };
}

/** The path of a file; none unless given. */
export function fileOption(
  text: OptionText & { initialNote: string },
): Option<string | undefined> {
  return {
    ...text,
    placeholder: "FILE",
    initial: undefined,
    allowed: PATH_ALLOWED,
    read: readPath,
  };
}

function readPath(text: string): string | undefined {
  if (text.length < 1 || text.length > PATH_CHARACTERS_MAX) return undefined;
  return /[\0,]/.test(text) ? undefined : text;
}

/** Reads "auto" or milliseconds from 0 to `maxMs`. */
export function readAutoOrMs(text: string, maxMs: number): number | "auto" | undefined {
  return text === "auto" ? "auto" : readInteger(text, 0, maxMs);
}

/** Reads an IPv4 or IPv6 address; the brackets that URLs put around IPv6 are taken off. */
export function readIpAddress(text: string): string | undefined {
  const bare = /^\[[^\]]*\]$/.test(text) ? text.slice(1, -1) : text;
  const isAddress = bare.includes(":")
    ? URL.canParse(`http://[${bare}]/`)
    : /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(bare);
  return isAddress ? bare : undefined;
}

/** Reads an IP address or a host name (RFC 1123, and underscores, which are in use). */
export function readHost(text: string): string | undefined {
  if (/^[\d.]+$/.test(text) || /[:[]/.test(text)) return readIpAddress(text);
  const label = "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?";
  return new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*$`, "i").test(text) ? text : undefined;
}

/** The environment variable that says the same as a flag. */
export function environmentName(flag: string): string {
  return `HEADWATER_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** A value as a refusal shows it: cut when long, quoted when it would not read as one word. */
export function describeValue(text: string): string {
  const shown = text.length > SHOWN_CHARACTERS_MAX
    ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...`
    : text;
  return /^[\x21\x23-\x7e]+$/.test(shown) ? shown : JSON.stringify(shown);
}

function readInteger(text: string, min: number, max: number): number | undefined {
  return /^[0-9]{1,10}$/.test(text) ? within(Number(text), min, max) : undefined;
}

/** Reads a number with a unit, "0" also without one, as a whole number of the smallest unit. */
function readQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  if (text === "0") return 0;
  const match = /^([0-9]{1,10}(?:\.[0-9]{1,3})?)([a-zA-Z]{1,4})$/.exec(text);
  if (match === null || !Object.hasOwn(units, match[2])) return undefined;
  return Math.round(Number(match[1]) * units[match[2]]);
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** Two ports with a dash between them, or "off". */
export function readPortRange(text: string): PortRange | "off" | undefined {
  if (text === "off") return "off";
  const match = /^(\d{4,5})-(\d{4,5})$/.exec(text);
  if (match === null) return undefined;
  const [from, to] = [Number(match[1]), Number(match[2])];
  const pairs = (to + 1 - (from + (from & 1))) >> 1;
  return from >= 1024 && to <= 65_535 && pairs >= 1 ? { from, to } : undefined;
}
