/**
 * The house rules that a program can check, each a pure function from sources to complaints.
 *
 * @module
 */
import { codeOnly, functionsOf, importedBy } from "./source_code.ts";

/** One source file; `path` is relative to the repository, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Longest file and longest function, in lines: what one reads at once. */
export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;

/** Each room and the rooms it may import from. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "protocols": ["protocols"],
  "actors": ["protocols", "actors"],
  "cluster": ["protocols", "actors", "cluster", "deno.json"],
  "mod.ts": ["protocols", "actors", "cluster", "mod.ts", "deno.json"],
  "tests": ["protocols", "actors", "cluster", "mod.ts", "deno.json", "tests"],
};

/** Outside packages that bytes-to-values code may use: digests of a handshake, nothing else. */
const PROTOCOL_PACKAGES = ["node:crypto", "node:buffer"];

/** A folder's own package: MessagePack turns bytes into values and does nothing else. */
const FOLDER_PACKAGES: Readonly<Record<string, string>> = {
  "@msgpack/msgpack": "protocols/mrtmp/",
};

/** What the top level of the repository may hold. */
const TOP_LEVEL = [
  ...["mod.ts", "protocols", "actors", "cluster", "tests", "deno.json", "README.md"],
  ...[".ci", "LICENSE", "CHANGELOG.md", "deno.lock", ".gitignore"],
];

const CLOCK = /\b(?:Date\.now|new Date\b|performance\.now|setTimeout|setInterval|setImmediate)/;
const CHANCE = /\b(?:Math\.random|crypto\.(?:getRandomValues|randomUUID)|randomBytes)\b/;
const OUTSIDE = /\b(?:Deno\s*\.|fetch\s*\(|new WebSocket\b|process\.)/;
const ASYNC = /\b(?:async|await|Promise)\b/;

/** Words that a folder's code may not use, and why. */
const BANNED: readonly { folder: string; pattern: RegExp; reason: string }[] = [
  { folder: "protocols/", pattern: CLOCK, reason: "protocols has no clock and no timers" },
  { folder: "protocols/", pattern: CHANCE, reason: "protocols has no randomness" },
  { folder: "protocols/", pattern: OUTSIDE, reason: "protocols touches nothing outside" },
  { folder: "protocols/", pattern: ASYNC, reason: "protocols is synchronous" },
  { folder: "actors/runtime/", pattern: CLOCK, reason: "time comes through the ports" },
  { folder: "actors/runtime/", pattern: CHANCE, reason: "chance comes through the ports" },
  { folder: "actors/runtime/", pattern: OUTSIDE, reason: "the runtime touches nothing outside" },
  { folder: "actors/stream/", pattern: CLOCK, reason: "time comes through the ports" },
  { folder: "actors/stream/", pattern: CHANCE, reason: "chance comes through the ports" },
  { folder: "actors/stream/", pattern: OUTSIDE, reason: "the stream touches nothing outside" },
];

/** Imports that point the wrong way, at the tests, or at a package the room may not use. */
export function wrongArrows(sources: readonly Source[]): string[] {
  const complaints: string[] = [];
  for (const { path, text } of sources) {
    const room = path.split("/")[0];
    for (const specifier of importedBy(text)) {
      if (!specifier.startsWith(".")) {
        if (room !== "protocols" || PROTOCOL_PACKAGES.includes(specifier)) continue;
        if (path.startsWith(FOLDER_PACKAGES[specifier] ?? "\0")) continue;
        complaints.push(`${path}: protocols may not import ${specifier}`);
      } else if (!(ARROWS[room] ?? []).includes(resolveImport(path, specifier).split("/")[0])) {
        complaints.push(`${path}: ${room} may not import ${specifier}`);
      }
    }
  }
  return complaints;
}

/** Files that import each other in a circle, directly or through others. */
export function importCircles(sources: readonly Source[]): string[] {
  const imports = new Map(sources.map(({ path, text }) => {
    const local = importedBy(text).filter((specifier) => specifier.startsWith("."));
    return [path, local.map((specifier) => resolveImport(path, specifier))] as const;
  }));
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const next of imports.get(path) ?? []) walk(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const { path } of sources) walk(path, []);
  return circles;
}

/** Uses of the clock, of chance or of the outside where a room forbids them. */
export function bannedWords(sources: readonly Source[]): string[] {
  return eachCodeLine(
    sources,
    (path, line) =>
      BANNED.filter(({ folder, pattern }) => path.startsWith(folder) && pattern.test(line))
        .map(({ reason }) => reason),
  );
}

/** Files without the sentence that says what they are. */
export function missingHeads(sources: readonly Source[]): string[] {
  return sources.filter(({ path, text }) => {
    // A test may open with its goal instead; nobody imports it.
    if (path.endsWith("_test.ts") && /^\/\/ Goal: /.test(text)) return false;
    const head = /^\/\*\*[\s\S]*?\*\//.exec(text);
    return head === null || !head[0].includes("@module");
  }).map(({ path }) => `${path}: does not start with a docstring with @module`);
}

/** Files and functions that are too long to read at once. */
export function tooLong(sources: readonly Source[]): string[] {
  const complaints: string[] = [];
  for (const { path, text } of sources) {
    const lines = text.trimEnd().split("\n").length;
    if (lines > FILE_LINES_MAX) complaints.push(`${path}: ${lines} lines`);
    for (const span of functionsOf(text)) {
      if (span.lines <= FUNCTION_LINES_MAX) continue;
      complaints.push(`${path}:${span.line}: a function of ${span.lines} lines`);
    }
  }
  return complaints;
}

/** Notes to self, and the type that switches checking off (unless a lint comment says why). */
export function loosenesses(sources: readonly Source[]): string[] {
  const complaints: string[] = [];
  for (const { path, text } of sources) {
    const original = text.split("\n");
    codeOnly(text).split("\n").forEach((line, index) => {
      const at = `${path}:${index + 1}`;
      if (/\b(?:TO[D]O|FIXM[E]|XX[X])\b/.test(original[index])) {
        complaints.push(`${at}: a note to self`);
      }
      const excused = /deno-lint-ignore no-explicit-any -- ./.test(original[index - 1] ?? "");
      if (/[:<,|&]\s*any\b|\bas any\b/.test(line) && !excused) complaints.push(`${at}: any`);
      if (/^\s*(?:export\s+)?(?:const\s+)?enum\b/.test(line)) complaints.push(`${at}: enum`);
    });
  }
  return complaints;
}

/** File and folder names that are not snake_case, or say nothing. */
export function badNames(paths: readonly string[]): string[] {
  const bad = (name: string) =>
    !/^[a-z0-9_]+$/.test(name) || /^(?:utils?|misc|managers?|helpers?)$/.test(name);
  return paths.filter((path) => path.replace(/\.ts$/, "").split("/").some(bad))
    .map((path) => `${path}: not a snake_case name that says what it is`);
}

/** What stands at the top of the repository and has no place there, or is missing. */
export function topLevelFaults(entries: readonly string[]): string[] {
  return [
    ...entries.filter((name) => !TOP_LEVEL.includes(name)).map((name) => `${name}: unexpected`),
    ...TOP_LEVEL.filter((name) => !entries.includes(name)).map((name) => `${name}: missing`),
  ];
}

function eachCodeLine(
  sources: readonly Source[],
  complain: (path: string, line: string) => string[],
): string[] {
  return sources.flatMap(({ path, text }) =>
    codeOnly(text).split("\n").flatMap((line, index) =>
      complain(path, line).map((reason) => `${path}:${index + 1}: ${reason}`)
    )
  );
}

function resolveImport(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}
