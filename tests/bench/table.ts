/**
 * Plain aligned tables.
 *
 * @module
 */

/** What a measured ratio is held to. */
export interface Target {
  readonly atMost: number;
}

/** Prints rows under a title; the first column is aligned left, the others right. */
export function printTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  const line = (row: readonly string[]) =>
    widths.map((width, i) =>
      i === 0 ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width)
    )
      .join("  ").trimEnd();
  console.log(`\n== ${title}\n`);
  console.log(line(columns));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of rows) console.log(line(row));
}

/** "ok" or "MISSED", with the target; "-" without one. */
export function verdict(value: number, atMost: number | undefined): [string, string] {
  if (atMost === undefined) return ["-", ""];
  return [`<= ${fixed(atMost, 3).replace(/\.?0+$/, "")}`, value <= atMost ? "ok" : "MISSED"];
}

/** As {@link verdict}, of a ratio that should be high. */
export function atLeast(value: number, target: number): [string, string] {
  return [`>= ${fixed(target, 3).replace(/\.?0+$/, "")}`, value >= target ? "ok" : "MISSED"];
}

export function fixed(value: number | undefined, digits = 2): string {
  return value === undefined || !Number.isFinite(value) ? "-" : value.toFixed(digits);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** "1.02 (0.98 to 1.11)", so that a reader sees the noise; one value stands alone. */
export function spread(values: readonly number[], digits = 2): string {
  const middle = fixed(median(values), digits);
  if (values.length < 2) return middle;
  return `${middle} (${fixed(Math.min(...values), digits)} to ${
    fixed(Math.max(...values), digits)
  })`;
}
