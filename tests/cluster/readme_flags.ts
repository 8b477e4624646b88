/**
 * The README's table of flags, kept equal to the schema. Run as main it rewrites the table:
 * `deno run --allow-read --allow-write=README.md tests/cluster/readme_flags.ts`.
 *
 * @module
 */
import { flagsTable } from "../../cluster/config_help.ts";

const README = new URL("../../README.md", import.meta.url);
const BEGIN = "<!-- flags:begin -->\n";
const END = "<!-- flags:end -->";

/** The README with the table that the schema gives. */
export function readmeWithFlags(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md: no markers flags:begin, flags:end");
  // Ignored by the formatter, which would pad the cells.
  const table = `<!-- deno-fmt-ignore-start -->\n\n${flagsTable()}\n\n<!-- deno-fmt-ignore-end -->`;
  return `${readme.slice(0, begin + BEGIN.length)}${table}\n${readme.slice(end)}`;
}

/** The README as it is. */
export function readReadme(): string {
  return Deno.readTextFileSync(README);
}

if (import.meta.main) Deno.writeTextFileSync(README, readmeWithFlags(readReadme()));
