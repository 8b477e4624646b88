/**
 * What the fuzz campaign runs, and where it finds it: every module of this folder may export lists
 * whose name ends in `_FUZZ_TARGETS`.
 *
 * @module
 */

/** One thing under fuzz. */
export interface FuzzTarget {
  /** Unique among all targets; failures and replays go by it. */
  readonly name: string;
  /** Well-formed inputs that mutations start from. */
  readonly seeds: readonly Uint8Array[];
  /** Throws on a defect, never for what an input is allowed to cause. */
  run(input: Uint8Array): void | Promise<void>;
  /** Of so many inputs one is run; 1 unless given. For targets that take long. */
  readonly costs?: number;
}

const EXPORT_SUFFIX = "_FUZZ_TARGETS";

/**
 * The targets of a module.
 *
 * @throws {TypeError} An export is named like a list of targets and is none.
 */
export async function targetsOf(module: URL): Promise<FuzzTarget[]> {
  const exported = await import(module.href) as Record<string, unknown>;
  const names = Object.keys(exported).filter((name) => name.endsWith(EXPORT_SUFFIX));
  return names.sort().flatMap((name) => {
    const targets = exported[name];
    if (Array.isArray(targets) && targets.every(isTarget)) return targets;
    throw new TypeError(`Cannot fuzz ${name} of ${module.href}: it is not a list of fuzz targets`);
  });
}

/**
 * The targets of all modules in this folder, in the order of their file names.
 *
 * @throws {TypeError} Two have the same name, so that a failure would not tell which it was.
 */
export async function allTargets(): Promise<FuzzTarget[]> {
  const folder = new URL(".", import.meta.url);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const targets: FuzzTarget[] = [];
  for (const name of names) {
    if (!name.endsWith(".ts") || name.endsWith("_test.ts") || NO_TARGETS.has(name)) continue;
    targets.push(...await targetsOf(new URL(name, folder)));
  }
  const seen = new Set<string>();
  for (const { name } of targets) {
    if (seen.has(name)) throw new TypeError(`Cannot fuzz: two targets are named "${name}"`);
    seen.add(name);
  }
  return targets;
}

/** Modules that run when they are imported. */
const NO_TARGETS: ReadonlySet<string> = new Set(["main.ts", "watchdog_worker.ts"]);

function isTarget(value: unknown): value is FuzzTarget {
  const { name, seeds, run } = (value ?? {}) as Partial<FuzzTarget>;
  return typeof name === "string" && typeof run === "function" &&
    Array.isArray(seeds) && seeds.length > 0 &&
    seeds.every((seed) => seed instanceof Uint8Array);
}
