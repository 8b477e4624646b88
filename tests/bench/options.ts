/**
 * What `deno task bench` may be told.
 *
 * @module
 */

/** The parts of the benchmark, in the order in which they run. */
export const SECTIONS = [
  ...[
    "gate",
    "peers",
    "publishers",
    "hls",
    "latency",
    "memory",
    "mesh",
    "fetch",
    "workers",
    "rtsp",
    "rtsp-udp",
    "actors",
  ] as const,
] as const;
export type Section = typeof SECTIONS[number];

export interface BenchOptions {
  readonly sections: readonly Section[];
  /** Viewers of one stream in gate, peers and latency. */
  readonly viewers: number;
  /** Publishers at a time. */
  readonly publishers: number;
  /** Length of each measured window, in seconds. */
  readonly seconds: number;
  /** How often each pair of the gate is measured; the median is printed. */
  readonly repeats: number;
  /** Most viewers of the growth table. */
  readonly growthViewers: number;
}

const FULL = { viewers: 1_000, publishers: 200, seconds: 12, repeats: 3, growthViewers: 5_000 };
/** As many viewers as ever: of fewer the publisher, who costs the same, would be a larger share. */
const QUICK = { viewers: 1_000, publishers: 50, seconds: 6, repeats: 1, growthViewers: 2_000 };

export const USAGE = `deno task bench [--only ${SECTIONS.join(",")}] [--quick] [--viewers N] ` +
  `[--seconds S] [--repeats N]`;

/** @throws {TypeError} A flag or its value is not known; the text names it. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const rest = [...args];
  const numbers: Partial<Record<"viewers" | "seconds" | "repeats", number>> = {};
  let sections: readonly Section[] = SECTIONS;
  let quick = false;
  while (rest.length > 0) {
    const flag = rest.shift()!;
    if (flag === "--quick") quick = true;
    else if (flag === "--only") sections = sectionsOf(rest.shift() ?? "");
    else if (flag === "--viewers" || flag === "--seconds" || flag === "--repeats") {
      numbers[flag.slice(2) as keyof typeof numbers] = numberOf(flag, rest.shift() ?? "");
    } else throw new TypeError(`Cannot take ${flag}: ${USAGE}`);
  }
  return { ...(quick ? QUICK : FULL), ...numbers, sections };
}

function sectionsOf(value: string): Section[] {
  const names = value.split(",");
  const unknown = names.find((name) => !SECTIONS.includes(name as Section));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot run "${unknown}": --only takes ${SECTIONS.join(",")}`);
  }
  return SECTIONS.filter((section) => names.includes(section));
}

function numberOf(flag: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TypeError(`Cannot take ${flag} ${value}: a whole number above 0 would fit`);
}
