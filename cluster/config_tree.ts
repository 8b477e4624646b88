/**
 * Reads a tree of the configuration file: each value with its path, so that a refusal says where.
 *
 * @module
 */
import type { ConfigNode } from "./config_file.ts";
import { describeValue } from "./config_option.ts";

/** A value and the way to it. */
export interface Spot {
  readonly node: ConfigNode;
  /** "applications.live.users[0].pass". */
  readonly path: string;
}

/** A value that is not allowed; the message never holds the value. */
export class ConfigFault extends Error {
  override readonly name = "ConfigFault";
  readonly line: number;
  readonly path: string;

  /** @param reason Completes "PATH: ". */
  constructor({ node, path }: Spot, reason: string) {
    super(`${path}: ${reason}`);
    this.line = node.line;
    this.path = path;
  }
}

/** Reads one key into what is being made. */
export type Field<Draft> = (draft: Draft, spot: Spot) => unknown;

/** The entries of a map. @throws {ConfigFault} It is none. */
export function readMap({ node, path }: Spot): { readonly key: string; readonly spot: Spot }[] {
  if (node.kind !== "map") throw new ConfigFault({ node, path }, `must be lines of "key: value"`);
  return node.entries.map(({ key, value }) => {
    return { key, spot: { node: value, path: `${path}.${describeValue(key)}` } };
  });
}

/** Reads a map of known keys into `draft`. @throws {ConfigFault} A key is not known. */
export function readFields<Draft>(
  spot: Spot,
  fields: Readonly<Record<string, Field<Draft>>>,
  draft: Draft,
): Draft {
  for (const { key, spot: inner } of readMap(spot)) {
    if (!Object.hasOwn(fields, key)) {
      throw new ConfigFault(inner, `no such key; ${Object.keys(fields).join(", ")} would fit`);
    }
    fields[key](draft, inner);
  }
  return draft;
}

/** The items of a list. @throws {ConfigFault} It is none, or too long. */
export function readList({ node, path }: Spot, itemsMax: number): Spot[] {
  if (node.kind !== "list") throw new ConfigFault({ node, path }, "must be a list");
  if (node.items.length > itemsMax) {
    throw new ConfigFault({ node, path }, `must be at most ${itemsMax} items`);
  }
  return node.items.map((item, index) => ({ node: item, path: `${path}[${index}]` }));
}

/** A plain value as written. @throws {ConfigFault} It is none. */
export function readText({ node, path }: Spot): string {
  if (node.kind !== "text") throw new ConfigFault({ node, path }, "must be one plain value");
  return node.text;
}
