// Goal: hold the house to the rules a program can check.
// Method: read every source file; each rule is also fed a sample that it must complain about.
import { assertEquals } from "./support/assert.ts";
import { REPOSITORY } from "./support/paths.ts";
import { codeOnly, functionsOf, importedBy } from "./support/source_code.ts";
import {
  badNames,
  bannedWords,
  FILE_LINES_MAX,
  FUNCTION_LINES_MAX,
  importCircles,
  loosenesses,
  missingHeads,
  type Source,
  tooLong,
  topLevelFaults,
  wrongArrows,
} from "./support/source_rules.ts";

/** Folders that hold no sources of ours. */
const NOT_OURS = [".git", "node_modules", "data", "coverage", "vectors"];

const sources = readSources("");

/** One rule, and for each of its ways to be broken a sample. */
interface Rule {
  readonly name: string;
  readonly check: (sources: readonly Source[]) => string[];
  readonly broken: Readonly<Record<string, readonly Source[]>>;
}

const RULES: readonly Rule[] = [
  {
    name: "imports go one way",
    check: wrongArrows,
    broken: {
      "bytes know an actor": [sample("protocols/a.ts", 'import "../actors/b.ts";')],
      "bytes use a package": [sample("protocols/a.ts", 'import { x } from "hono";')],
      "bytes use another folder's package": [
        sample("protocols/rtmp/a.ts", 'import { x } from "@msgpack/msgpack";'),
      ],
      "an actor knows the cluster": [sample("actors/a/b.ts", 'import "../../cluster/b.ts";')],
      "the node knows a test": [sample("cluster/a.ts", 'export * from "../tests/b.ts";')],
      "types count": [sample("protocols/a.ts", 'import type { B } from "../mod.ts";')],
      "late imports count": [sample("actors/a.ts", 'const b = import("../cluster/b.ts");')],
    },
  },
  {
    name: "no file imports itself through others",
    check: importCircles,
    broken: {
      "two files": [
        sample("protocols/a.ts", 'import "./b.ts";'),
        sample("protocols/b.ts", 'import "./a.ts";'),
      ],
      "three files": [
        sample("actors/a/a.ts", 'import "../b/b.ts";'),
        sample("actors/b/b.ts", 'import "./c.ts";'),
        sample("actors/b/c.ts", 'import type { A } from "../a/a.ts";'),
      ],
    },
  },
  {
    name: "bytes, runtime and stream know no clock, chance or outside",
    check: bannedWords,
    broken: {
      "the clock": [sample("protocols/a.ts", "const now = Date.now();")],
      "a timer": [sample("actors/runtime/a.ts", "setTimeout(f, 1);")],
      "chance": [sample("actors/stream/a.ts", "const x = Math.random();")],
      "the outside": [sample("protocols/a.ts", "Deno.readFile(path);")],
      "waiting": [sample("protocols/a.ts", "await x;")],
    },
  },
  {
    name: "every file says what it is",
    check: missingHeads,
    broken: {
      "no docstring": [{ path: "actors/a.ts", text: "export {};" }],
      "no module tag": [{ path: "actors/a.ts", text: "/** A. */\nexport {};" }],
      "a test without a goal": [{ path: "tests/a_test.ts", text: "// Hm\nexport {};" }],
    },
  },
  {
    name: "files and functions can be read at once",
    check: tooLong,
    broken: {
      "a file": [sample("mod.ts", "\n".repeat(FILE_LINES_MAX) + "f();")],
      "a function": [sample("mod.ts", `function f() {${"\n".repeat(FUNCTION_LINES_MAX)}}`)],
      "a method": [sample("mod.ts", `#f(): void {${"\n".repeat(FUNCTION_LINES_MAX)}}`)],
      "an arrow": [sample("mod.ts", `f(() => {${"\n".repeat(FUNCTION_LINES_MAX)}})`)],
    },
  },
  {
    name: "no notes to self, no any, no enum",
    check: loosenesses,
    broken: {
      "a note": [sample("mod.ts", `// ${"TO" + "DO"}: later`)],
      "an annotation": [sample("mod.ts", "const a: any = 1;")],
      "a cast": [sample("mod.ts", "f(a as any);")],
      "an argument": [sample("mod.ts", "const a = new Map<string, any>();")],
      "an enum": [sample("mod.ts", "export enum A { B }")],
    },
  },
  {
    name: "names are snake_case and say something",
    check: (all) => badNames(all.map(({ path }) => path)),
    broken: {
      "camel case": [sample("actors/someThing.ts", "")],
      "nothing said": [sample("actors/utils.ts", "")],
    },
  },
];

for (const { name, check, broken } of RULES) {
  Deno.test(`tidy: ${name}`, () => assertEquals(check(sources), []));

  for (const [what, sample] of Object.entries(broken)) {
    Deno.test(`tidy: "${name}" sees ${what}`, () => assertEquals(check(sample).length, 1));
  }
}

Deno.test("tidy: the top level is the fixed one", () => {
  const ignored = [".git", "node_modules", "data", "coverage"];
  const entries = [...Deno.readDirSync(REPOSITORY)].map(({ name }) => name);
  assertEquals(topLevelFaults(entries.filter((name) => !ignored.includes(name))), []);
});

Deno.test("topLevelFaults() sees what is too much and what is missing", () => {
  const faults = topLevelFaults(
    [...Deno.readDirSync(REPOSITORY)].map(({ name }) => name)
      .filter((name) => name !== "LICENSE").concat("notes.txt"),
  );
  assertEquals(faults.includes("notes.txt: unexpected"), true);
  assertEquals(faults.includes("LICENSE: missing"), true);
});

Deno.test("codeOnly() blanks comments, strings, templates and regular expressions", () => {
  const text = "a = 'b'; // c\nd = `e${f('g')}h`; /* i\nj */ k = /l[/]m/.test(n) / o;";
  const code = "a = ' ';     \nd = ` ${f(' ')} `;     \n     k = /     /.test(n) / o;";
  assertEquals(codeOnly(text), code);
});

Deno.test("importedBy() reads every form and no text that looks like one", () => {
  const text = 'import a from "./a.ts";\nexport { b } from "./b.ts";\nimport "./c.ts";\n' +
    'const d = await import("./d.ts"); // import "./no.ts"\nconst e = \'from "./no.ts"\';';
  assertEquals(importedBy(text), ["./a.ts", "./b.ts", "./c.ts", "./d.ts"]);
});

Deno.test("functionsOf() tells functions from blocks, types and objects", () => {
  const text = [
    "if (a) {\n}", // Not a function.
    "function f(): { a: number } {\n}",
    "const g = (b: { c: number }): void => {\n};",
    "class H {\n  i(j = f()): Promise<void> {\n  }\n}",
    "for await (const k of l) {\n}",
    "interface M {\n  n: string;\n}",
  ].join("\n");
  assertEquals(functionsOf(text).map(({ line }) => line), [3, 5, 8]);
});

/** A file that breaks no other rule. */
function sample(path: string, code: string): Source {
  return { path, text: `/**\n * A sample.\n *\n * @module\n */\n${code}\n` };
}

function readSources(folder: string): Source[] {
  const found: Source[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(`${REPOSITORY}/${folder}`)) {
    const path = `${folder}${name}`;
    if (isDirectory && !NOT_OURS.includes(name)) found.push(...readSources(`${path}/`));
    else if (name.endsWith(".ts")) {
      found.push({ path, text: Deno.readTextFileSync(`${REPOSITORY}/${path}`) });
    }
  }
  return found;
}
