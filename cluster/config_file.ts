/**
 * The configuration file: YAML 1.2, of which JSON is a part, as keys and texts with their lines.
 *
 * What a key means and whether its value is allowed is not decided here.
 *
 * @module
 */
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { describeValue } from "./config_option.ts";

/** A value of the file and the line it stands on, from 1. */
export type ConfigNode =
  /** As it was written, without quotes. */
  | { readonly kind: "text"; readonly text: string; readonly line: number }
  | { readonly kind: "list"; readonly items: readonly ConfigNode[]; readonly line: number }
  | { readonly kind: "map"; readonly entries: readonly ConfigEntry[]; readonly line: number };

/** One `key: value` of the file. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: ConfigNode;
  /** Line of the key, from 1. */
  readonly line: number;
}

/** The entries of a file in their order, or why it is not a configuration file. */
export type ConfigFile =
  | { readonly ok: true; readonly entries: readonly ConfigEntry[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

/** Largest configuration file, in characters; some thousand applications fit. */
export const CONFIG_FILE_CHARACTERS_MAX = 1_048_576;

/** Deepest nesting: `applications`, an application, its `users`, one of them, and one to spare. */
const DEPTH_MAX = 6;

/** Thrown within this file only; a reader of trees has no other way out. */
class Fault extends Error {
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

/** Reads the text of a configuration file; the first fault is the one reported. */
export function readConfigFile(content: string): ConfigFile {
  try {
    return { ok: true, entries: readEntries(content) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, line: error.line, reason: error.message };
  }
}

function readEntries(content: string): readonly ConfigEntry[] {
  if (content.length > CONFIG_FILE_CHARACTERS_MAX) {
    throw new Fault(1, `must be at most ${CONFIG_FILE_CHARACTERS_MAX} characters long`);
  }
  const lines = new LineCounter();
  // The library reports what is nested too deep for its stack like any other fault.
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const tree = new Tree(lines);
  const wrong = document.errors[0];
  if (wrong !== undefined) {
    throw new Fault(
      tree.lineOf(wrong.pos[0]),
      `must be JSON or YAML: ${withoutText(wrong.message)}`,
    );
  }
  const root = document.contents;
  if (root === null) return []; // Empty, or comments only.
  if (!isMap(root)) {
    throw new Fault(tree.lineOf(root.range?.[0]), `must be lines of "key: value"`);
  }
  return tree.entries(root, 1);
}

/** Our view of the library's tree. */
class Tree {
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  lineOf(offset: number | undefined): number {
    return Math.max(1, this.#lines.linePos(offset ?? 0).line);
  }

  entries(map: YAMLMap, depth: number): ConfigEntry[] {
    return (map.items as Pair[]).map(({ key, value }) => {
      const line = this.lineOf(isScalar(key) ? key.range?.[0] : map.range?.[0]);
      if (!isScalar(key)) throw new Fault(line, "must have plain words as keys");
      const name = scalarText(key);
      return { key: name, value: this.#node(value, { line, name, depth: depth + 1 }), line };
    });
  }

  #node(value: unknown, at: { line: number; name: string; depth: number }): ConfigNode {
    const { name, depth } = at;
    if (depth > DEPTH_MAX) throw new Fault(at.line, `${describeValue(name)}: nested too deep`);
    if (isScalar(value)) return { kind: "text", text: scalarText(value), line: at.line };
    if (isMap(value)) return { kind: "map", entries: this.entries(value, depth), line: at.line };
    if (!isSeq(value)) {
      throw new Fault(at.line, `${describeValue(name)}: must have one plain value`);
    }
    const items = value.items.map((item) => {
      const { range } = item as Scalar;
      return this.#node(item, { line: this.lineOf(range?.[0]), name, depth: depth + 1 });
    });
    return { kind: "list", items, line: at.line };
  }
}

/** What the library says without what it quotes: that may be part of a password. */
function withoutText(message: string): string {
  return message.split(": ", 1)[0];
}

/** A scalar as written: `source` keeps the zeros of "007", which the value would lose. */
function scalarText(scalar: Scalar): string {
  return typeof scalar.value === "string" ? scalar.value : scalar.source ?? String(scalar.value);
}
