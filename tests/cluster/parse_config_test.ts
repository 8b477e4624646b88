// Goal: every option means the same on the command line, in the environment and in the file, and
// each refusal is one line that names the flag, the value and what is allowed.
// Method: one table with a good and a bad text per option, run through all three sources.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import type { GivenConfig } from "../../cluster/config.ts";
import { DEFAULTS } from "./config_defaults.ts";
import { PORT, type Row, ROWS, variableOf } from "./config_rows.ts";
import { OPTIONS } from "../../cluster/config_schema.ts";
import { parseConfig, type ParsedConfig } from "../../cluster/parse_config.ts";

function noFile(): string {
  throw new Deno.errors.NotFound("no such file");
}

function parseFile(content: string): ParsedConfig {
  return parseConfig(
    ["--config", "hw.yaml"],
    {},
    (path) => path === "hw.yaml" ? content : noFile(),
  );
}

function configOf(parsed: ParsedConfig): GivenConfig {
  assert(parsed.kind === "config", `${JSON.stringify(parsed)} is no configuration`);
  return parsed.config;
}

function refusalOf(parsed: ParsedConfig): string {
  assert(parsed.kind === "refused", `${JSON.stringify(parsed)} is no refusal`);
  assertMatch(parsed.message, /^[^\n\r]+$/); // One line.
  return parsed.message;
}

Deno.test("parseConfig() without anything gives the defaults", () => {
  assertEquals(configOf(parseConfig([], {}, noFile)), DEFAULTS);
});

Deno.test("the table below covers every option", () => {
  assertEquals(
    ROWS.map((row) => row.name).sort(),
    Object.keys(OPTIONS).sort() as Row["name"][],
  );
});

for (const row of ROWS) {
  const { name, flag, text, value, bad, allowed } = row;
  const variable = variableOf(row);
  const expected = { ...DEFAULTS, [name]: value };
  const key = flag.slice(2);
  const shownBad = OPTIONS[name].secret === true ? "(value not shown)" : bad;

  Deno.test(`parseConfig() reads ${flag} from the command line, both ways to write it`, () => {
    assertEquals(configOf(parseConfig([`${flag}=${text}`], {}, noFile)), expected);
    const args = typeof value === "boolean" ? [flag] : [flag, text];
    assertEquals(configOf(parseConfig(args, {}, noFile)), expected);
  });

  Deno.test(`parseConfig() reads ${variable} from the environment`, () => {
    assertEquals(configOf(parseConfig([], { [variable]: text }, noFile)), expected);
    assertEquals(configOf(parseConfig([], { [variable]: "" }, noFile)), DEFAULTS);
  });

  Deno.test(`parseConfig() reads ${key} from a file, YAML and JSON`, () => {
    assertEquals(configOf(parseFile(`# comment\n${key}: ${text}\n`)), expected);
    const plain = /^(true|[0-9]+)$/.test(text) && name !== "apiToken" ? text : JSON.stringify(text);
    assertEquals(configOf(parseFile(`{"${key}": ${plain}}`)), expected);
  });

  Deno.test(`parseConfig() refuses a bad ${flag}, wherever it stands`, () => {
    assertEquals(
      refusalOf(parseConfig([`${flag}=${bad}`], {}, noFile)),
      `${flag} ${shownBad}: must be ${allowed}`,
    );
    assertEquals(
      refusalOf(parseConfig([], { [variable]: bad }, noFile)),
      `${flag} ${shownBad} (from ${variable}): must be ${allowed}`,
    );
    assertEquals(
      refusalOf(parseFile(`\n${key}: "${bad}"`)),
      `${flag} ${shownBad} (from hw.yaml, line 2): must be ${allowed}`,
    );
  });
}

Deno.test("parseConfig() lets flags win over the environment over the file over the default", () => {
  const file = () => "rtmp-port: 3\nhttp-port: 3\nmax-connections: 3\n";
  const environment = {
    HEADWATER_CONFIG: "any",
    HEADWATER_RTMP_PORT: "2",
    HEADWATER_HTTP_PORT: "2",
  };
  const config = configOf(parseConfig(["--rtmp-port", "1"], environment, file));
  assertEquals(
    [config.rtmpPort, config.httpPort, config.maxConnections, config.flushMs],
    [1, 2, 3, "auto"],
  );
});

Deno.test("parseConfig() takes the file of --config rather than the environment's", () => {
  const read = (path: string) => path === "flag.json" ? `{"name": "from-flag"}` : noFile();
  const environment = { HEADWATER_CONFIG: "environment.json" };
  assertEquals(configOf(parseConfig(["--config=flag.json"], environment, read)).name, "from-flag");
});

Deno.test("parseConfig() lets the last of a repeated flag count", () => {
  const config = configOf(parseConfig(["--name", "a", "--name=b"], {}, noFile));
  assertEquals(config.name, "b");
  const off = configOf(parseConfig(["--api-open-reads", "--api-open-reads=false"], {}, noFile));
  assertEquals(off.apiOpenReads, false);
});

Deno.test("parseConfig() reads IPv6 addresses with and without brackets", () => {
  for (const text of ["::1", "[::1]", "2001:db8::7", "::ffff:1.2.3.4"]) {
    const config = configOf(parseConfig(["--host", text], {}, noFile));
    assertEquals(config.host, text.replace(/[[\]]/g, ""));
  }
});

Deno.test("parseConfig() refuses what is no flag", () => {
  const other = "not a flag of this program; --help lists them all";
  const rows: [string[], string][] = [
    [["--srt-port", "1"], `--srt-port: ${other}`],
    [["--password=hidden"], `--password: ${other}`],
    [["--api-open-reads", "true"], `true: ${other}`],
    [["serve"], `serve: ${other}`],
    [["--constructor=1"], `--constructor: ${other}`],
    [["-p"], `-p: ${other}`],
    [["--rtmpPort=1"], `--rtmpPort: ${other}`],
    [["--"], `--: ${other}`],
    [[""], `"": ${other}`],
    [["a\nb"], `"a\\nb": ${other}`],
  ];
  for (const [args, message] of rows) {
    assertEquals(refusalOf(parseConfig(args, {}, noFile)), message);
  }
});

Deno.test("parseConfig() refuses a flag without its value", () => {
  assertEquals(
    refusalOf(parseConfig(["--rtmp-port"], {}, noFile)),
    `--rtmp-port: no value given; must be ${PORT}`,
  );
  assertEquals(
    refusalOf(parseConfig(["--config"], {}, noFile)),
    "--config: no value given; must be the path of a file",
  );
});

Deno.test("parseConfig() refuses odd texts of every kind", () => {
  const rows: [string, string[]][] = [
    ["--rtmp-port", ["", " 1", "1.0", "0x10", "1e3", "99999999999", "１"]],
    ["--max-connections", ["1000001", "1_000", "NaN"]],
    ["--play-wait", ["", "s", "10 s", "10sec", "-1s", "1h1m", "61m", "Infinitys", "1d", "1S"]],
    ["--media-memory", ["0", "15MiB", "1TiB", "1gib", "1GB", "16777215B"]],
    ["--flush", ["", "-1", "20ms", "Auto", "1.5"]],
    ["--host", ["", "a", "1.2.3", "1.2.3.256", "01.2.3.4", "::1::", "[::1", "1.2.3.4:5"]],
    ["--advertise", ["", "a b", "::1::", "[a", "1.2.3.256", ".a", "a..b", "-a", "a".repeat(254)]],
    ["--name", ["", ".a", "-a", "a b", "ä", "a".repeat(65), "a\0"]],
    ["--data", ["", "a\0b", "a".repeat(4097)]],
    ["--api-token", ["", "a".repeat(15), "a".repeat(257), "with a space in it", "ä".repeat(16)]],
  ];
  for (const [flag, texts] of rows) {
    for (const text of texts) {
      assertMatch(refusalOf(parseConfig([`${flag}=${text}`], {}, noFile)), /: must be /);
    }
  }
});

Deno.test("parseConfig() cuts a long value and quotes a strange one in its refusal", () => {
  const long = refusalOf(parseConfig(["--rtmp-port", "9".repeat(5000)], {}, noFile));
  assertEquals(long, `--rtmp-port ${"9".repeat(80)}...: must be ${PORT}`);
  const strange = refusalOf(parseConfig(["--rtmp-port", "\x1b[31m\n"], {}, noFile));
  assertEquals(strange, `--rtmp-port "\\u001b[31m\\n": must be ${PORT}`);
});

Deno.test("parseConfig() refuses the same port twice, but any free port twice is fine", () => {
  assertEquals(
    refusalOf(parseConfig(["--rtmp-port", "8080"], {}, noFile)),
    "--http-port 8080: must differ from --rtmp-port",
  );
  const config = configOf(parseConfig(["--rtmp-port=0", "--http-port=0"], {}, noFile));
  assertEquals([config.rtmpPort, config.httpPort], [0, 0]);
});

Deno.test("parseConfig() refuses a file that cannot be read", () => {
  assertEquals(
    refusalOf(parseConfig(["--config", "no such"], {}, noFile)),
    `--config "no such": must be a file that can be read, not NotFound`,
  );
  assertEquals(
    refusalOf(parseConfig([], { HEADWATER_CONFIG: "/nope" }, noFile)),
    "--config /nope (from HEADWATER_CONFIG): must be a file that can be read, not NotFound",
  );
});

Deno.test("parseConfig() refuses a wrong file and names the line", () => {
  const rows: [string, RegExp][] = [
    ["a: 1", /^--config hw.yaml, line 1: a: not a key of the configuration; /],
    ["name: x\n\nrtmp_port: 1", /^--config hw.yaml, line 3: rtmp_port: not a key /],
    ["config: other.yaml", /line 1: config: not a key /],
    ["help: true", /line 1: help: not a key /],
    ["name: x\nname: y", /line 2: must be JSON or YAML: .*unique/],
    ["name: [x", /line 1: must be JSON or YAML: /],
    ["name:\n  - x", /line 1: name: must have one plain value$/],
    ["name: {a: 1}", /line 1: name: must have one plain value$/],
    ["x: &a b\nname: *a", /line 2: name: must have one plain value$|line 1: x: not a key/],
    ["name:", /^--name "" \(from hw.yaml, line 1\): must be /],
    ["- name", /line 1: must be lines of "key: value"$/],
    ["name", /line 1: must be lines of "key: value"$/],
    ["[x]: 1", /line 1: must have plain words as keys$/],
    ["--- \nname: a\n---\nname: b", /must be JSON or YAML/],
    ["[".repeat(20_000), /line 1: must be JSON or YAML: /],
    [`# ${"x".repeat(1_048_576)}`, /line 1: must be at most 1048576 characters long$/],
  ];
  for (const [content, expected] of rows) assertMatch(refusalOf(parseFile(content)), expected);
});

Deno.test("parseConfig() accepts an empty file and keeps what was written", () => {
  for (const content of ["", "# nothing\n", "{}"]) {
    assertEquals(configOf(parseFile(content)), DEFAULTS);
  }
  // A number to YAML, a text to us: the zeros stay.
  assertEquals(configOf(parseFile("api-token: 0000000000000000")).apiToken, "0".repeat(16));
  assertEquals(configOf(parseFile("name: 007")).name, "007");
});

Deno.test("parseConfig() never shows the API token", () => {
  for (
    const parsed of [
      parseConfig(["--api-token", "hunter2"], {}, noFile),
      parseConfig(["--api-tokem=hunter2"], {}, noFile),
      parseConfig([], { HEADWATER_API_TOKEN: "hunter2" }, noFile),
      parseFile("api-token: hunter2"),
    ]
  ) assert(!refusalOf(parsed).includes("hunter2"));
});

Deno.test("parseConfig() reads REDIS_URL, after our own variable", () => {
  const redis = (environment: Record<string, string>) =>
    configOf(parseConfig([], environment, noFile)).redis;
  assertEquals(redis({ REDIS_URL: "redis://a" }), "redis://a");
  assertEquals(redis({ REDIS_URL: "redis://a", HEADWATER_REDIS: "redis://b" }), "redis://b");
});
