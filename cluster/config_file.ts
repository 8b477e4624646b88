/**
 * The configuration file: YAML 1.2, of which JSON is a part, as keys and texts with their lines.
 *
 * What a key means and whether its value is allowed is not decided here.
 *
 * @module
 */
import { isMap, isScalar, LineCounter, type Pair, parseDocument, type Scalar } from "yaml";
import { describeValue } from "./config_option.ts";

/** One `key: value` of the file. */
export interface ConfigEntry {
  readonly key: string;
  /** The value as it was written, without quotes. */
  readonly text: string;
  /** Line of the key, from 1. */
  readonly line: number;
}

/** The entries of a file in their order, or why it is not a configuration file. */
export type ConfigFile =
  | { readonly ok: true; readonly entries: readonly ConfigEntry[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

/** Largest configuration file, in characters; some thousand applications fit. */
export const CONFIG_FILE_CHARACTERS_MAX = 1_048_576;

/** Reads the text of a configuration file; the first fault is the one reported. */
export function readConfigFile(content: string): ConfigFile {
  if (content.length > CONFIG_FILE_CHARACTERS_MAX) {
    return fault(1, `must be at most ${CONFIG_FILE_CHARACTERS_MAX} characters long`);
  }
  const lines = new LineCounter();
  // The library reports what is nested too deep for its stack like any other fault.
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number | undefined) => Math.max(1, lines.linePos(offset ?? 0).line);
  const wrong = document.errors[0];
  if (wrong !== undefined) {
    return fault(lineOf(wrong.pos[0]), `must be JSON or YAML: ${wrong.message}`);
  }
  const root = document.contents;
  if (root === null) return { ok: true, entries: [] }; // Empty, or comments only.
  if (!isMap(root)) return fault(lineOf(root.range?.[0]), `must be lines of "key: value"`);
  const entries: ConfigEntry[] = [];
  for (const { key, value } of root.items as Pair[]) {
    const line = lineOf(isScalar(key) ? key.range?.[0] : root.range?.[0]);
    if (!isScalar(key)) return fault(line, `must have plain words as keys`);
    const name = scalarText(key);
    if (!isScalar(value)) return fault(line, `${describeValue(name)}: must have one plain value`);
    entries.push({ key: name, text: scalarText(value), line });
  }
  return { ok: true, entries };
}

/** A scalar as written: `source` keeps the zeros of "007", which the value would lose. */
function scalarText(scalar: Scalar): string {
  return typeof scalar.value === "string" ? scalar.value : scalar.source ?? String(scalar.value);
}

function fault(line: number, reason: string): ConfigFile {
  return { ok: false, line, reason };
}
