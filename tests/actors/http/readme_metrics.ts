/**
 * The README's table of metrics, kept equal to what a scrape tells. Run as main it rewrites it:
 * `deno run --allow-read --allow-write=README.md tests/actors/http/readme_metrics.ts`.
 *
 * @module
 */
import {
  type Described,
  LABELLED,
  PROCESS,
  SINGLE,
} from "../../../actors/http/metrics_families.ts";

const README = new URL("../../../README.md", import.meta.url);
const BEGIN = "<!-- metrics:begin -->\n";
const END = "<!-- metrics:end -->";

/** The README with the table that the families of metrics give. */
export function readmeWithMetrics(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md: no markers metrics:begin, metrics:end");
  // Ignored by the formatter, which would pad the cells.
  const table =
    `<!-- deno-fmt-ignore-start -->\n\n${metricsTable()}\n\n<!-- deno-fmt-ignore-end -->`;
  return `${readme.slice(0, begin + BEGIN.length)}${table}\n${readme.slice(end)}`;
}

function metricsTable(): string {
  const rows = [
    ...LABELLED.map((family) => row(family, family.label)),
    ...[...SINGLE, ...PROCESS].map((family) => row(family)),
  ];
  return ["| metric | by | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

function row({ name, help }: Described, label = ""): string {
  return `| \`${name}\` | ${label} | ${help.replaceAll("|", "\\|")} |`;
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, readmeWithMetrics(Deno.readTextFileSync(README)));
}
