/**
 * A strict reader of the Prometheus text format, version 0.0.4, for tests: it refuses what a
 * scraper might merely forgive.
 *
 * Source: "Exposition formats", text-based format, in the Prometheus documentation.
 *
 * @module
 */

/** One metric with all its samples. */
export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly labels: Record<string, string>; readonly value: number }[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/;

/** Reads a scrape of counters and gauges. Throws on anything the format does not allow. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end");
  const families = new Map<string, Family>();
  let open: { name: string; help: string } | undefined;
  let current: { name: string; family: Family } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const meta = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (meta?.[1] === "HELP") {
      if (families.has(meta[2])) throw new Error(`Two metrics of one name: ${line}`);
      open = { name: meta[2], help: meta[3] };
    } else if (meta?.[1] === "TYPE") {
      if (open?.name !== meta[2]) throw new Error(`TYPE without its HELP: ${line}`);
      if (!["counter", "gauge"].includes(meta[3])) throw new Error(`Unknown type: ${line}`);
      current = { name: open.name, family: { type: meta[3], help: open.help, samples: [] } };
      families.set(current.name, current.family);
    } else {
      if (current === undefined) throw new Error(`Sample before any TYPE: ${line}`);
      current.family.samples.push(parseSample(line, current));
    }
  }
  return families;
}

function parseSample(line: string, current: { name: string; family: Family }) {
  const match = SAMPLE.exec(line);
  if (match === null || match[1] !== current.name) throw new Error(`Stray line: ${line}`);
  const labels = parseLabels(match[2] ?? "");
  if (!/^([+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf)|NaN)$/.test(match[3])) throw new Error(line);
  const same = JSON.stringify(labels);
  if (current.family.samples.some((sample) => JSON.stringify(sample.labels) === same)) {
    throw new Error(`Two samples of one series: ${line}`);
  }
  return { labels, value: Number(match[3].replace("Inf", "Infinity")) };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== "";) {
    const match = LABEL.exec(rest);
    if (match === null) throw new Error(`Broken labels: ${text}`);
    const value = match[2].replace(/\\(.)/g, (_all, char) => char === "n" ? "\n" : char);
    if (Object.hasOwn(labels, match[1])) throw new Error(`Label twice: ${text}`);
    labels[match[1]] = value;
    rest = rest.slice(match[0].length);
  }
  return labels;
}
