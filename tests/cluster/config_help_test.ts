// Goal: the help and the README say what the schema says.
import { assert, assertEquals } from "../support/assert.ts";
import { environmentName } from "../../cluster/config_option.ts";
import { OPTIONS } from "../../cluster/config_schema.ts";
import { parseConfig } from "../../cluster/parse_config.ts";
import { VERSION } from "../../cluster/version.ts";
import { readmeWithFlags, readReadme } from "./readme_flags.ts";

function textOf(argument: string): string {
  const parsed = parseConfig(["--rtmp-port", "x", argument], {}, () => "");
  assert(parsed.kind === "help" || parsed.kind === "version");
  return parsed.text;
}

Deno.test("--help lists every flag with its default, even beside a wrong flag's value", () => {
  const lines = textOf("--help").split("\n");
  assertEquals(textOf("-h"), textOf("--help"));
  for (const { flag, initial, help, switch: isSwitch } of Object.values(OPTIONS)) {
    const line = lines.find((text) => text.startsWith(`  --${flag} `));
    assert(line !== undefined && line.includes(help), `--${flag} is missing`);
    if (initial !== undefined && isSwitch !== true) assert(line.endsWith(` (${initial})`));
  }
  for (const flag of ["--config FILE", "--help", "--version"]) {
    assert(lines.some((text) => text.startsWith(`  ${flag} `)), `${flag} is missing`);
  }
});

Deno.test("--version names the program and its version", () => {
  assertEquals(textOf("--version"), `headwater ${VERSION}`);
});

Deno.test("README.md has the table of flags that the schema gives", () => {
  const readme = readReadme();
  for (const { flag } of Object.values(OPTIONS)) {
    assert(readme.includes(`| \`${environmentName(flag)}\` |`), `--${flag} is missing`);
  }
  assertEquals(
    readme,
    readmeWithFlags(readme),
    "the table differs; to rewrite it: " +
      "deno run --allow-read --allow-write=README.md tests/cluster/readme_flags.ts",
  );
});
