/**
 * Finds the configuration: flags win over the environment, the environment over the file that
 * `--config` names, the file over the defaults.
 *
 * Pure but for the `readFile` it is given; the options themselves are in `config_schema.ts`.
 *
 * @module
 */
import type { GivenConfig } from "./config.ts";
import { readConfigFile } from "./config_file.ts";
import { helpText } from "./config_help.ts";
import { describeValue, environmentName, type Option } from "./config_option.ts";
import { CONFIG_FLAG, type OptionName, OPTIONS } from "./config_schema.ts";
import { VERSION } from "./version.ts";

/** What a command line asked for. */
export type ParsedConfig =
  | { readonly kind: "config"; readonly config: GivenConfig }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version"; readonly text: string }
  /** One line: the flag, the value, what is allowed. */
  | { readonly kind: "refused"; readonly message: string };

/** Where an option's text came from. */
interface Given {
  readonly text: string;
  /** Words that lead a person to the text; empty for the command line itself. */
  readonly from: string;
}

type GivenTexts = ReadonlyMap<string, Given>;

/** Texts by flag, or the one line that says why not. */
type Collected = { readonly texts: GivenTexts } | { readonly refused: string };

/**
 * Reads the command line, the environment and the file that either of them names.
 *
 * `environment` needs to hold no more than the variables of the options; an empty variable counts
 * as absent. `readFile` returns a file's text and throws when there is none.
 */
export function parseConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): ParsedConfig {
  const flags = collectFlags(args);
  if ("kind" in flags) return flags;
  const variables = collectEnvironment(environment);
  const path = flags.texts.get(CONFIG_FLAG) ?? variables.get(CONFIG_FLAG);
  const file = path === undefined ? { texts: new Map() } : collectFile(path, readFile);
  if ("refused" in file) return { kind: "refused", message: file.refused };
  return buildConfig(new Map([...file.texts, ...variables, ...flags.texts]));
}

/** The names of the environment variables that {@link parseConfig} looks at. */
export function configVariables(): string[] {
  return [CONFIG_FLAG, ...Object.values(OPTIONS).map((option) => option.flag)].map(environmentName);
}

function collectFlags(args: readonly string[]): ParsedConfig | { readonly texts: GivenTexts } {
  const texts = new Map<string, Given>();
  for (let index = 0; index < args.length; index++) {
    const argument = args[index];
    if (argument === "--help" || argument === "-h") return { kind: "help", text: helpText() };
    if (argument === "--version") return { kind: "version", text: `headwater ${VERSION}` };
    const equals = argument.indexOf("=");
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    const option = flag.startsWith("--") ? optionOf(flag.slice(2)) : undefined;
    if (option === undefined) return refused(unknownFlag(flag));
    if (equals >= 0) texts.set(option.flag, { text: argument.slice(equals + 1), from: "" });
    else if (option.switch === true) texts.set(option.flag, { text: "true", from: "" });
    else if (index + 1 < args.length) texts.set(option.flag, { text: args[++index], from: "" });
    else return refused(`${flag}: no value given; must be ${option.allowed}`);
  }
  return { texts };
}

function collectEnvironment(environment: Readonly<Record<string, string | undefined>>): GivenTexts {
  const texts = new Map<string, Given>();
  for (const flag of [CONFIG_FLAG, ...Object.values(OPTIONS).map((option) => option.flag)]) {
    const name = environmentName(flag);
    const text = environment[name];
    if (text !== undefined && text !== "") texts.set(flag, { text, from: ` (from ${name})` });
  }
  return texts;
}

function collectFile(path: Given, readFile: (path: string) => string): Collected {
  const source = `--${CONFIG_FLAG} ${describeValue(path.text)}`;
  let content: string;
  try {
    content = readFile(path.text);
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown error";
    return { refused: `${source}${path.from}: must be a file that can be read, not ${reason}` };
  }
  const file = readConfigFile(content);
  if (!file.ok) return { refused: `${source}, line ${file.line}: ${file.reason}` };
  const texts = new Map<string, Given>();
  for (const { key, text, line } of file.entries) {
    if (key === CONFIG_FLAG || optionOf(key) === undefined) {
      return { refused: `${source}, line ${line}: ${unknownKey(key)}` };
    }
    texts.set(key, { text, from: ` (from ${describeValue(path.text)}, line ${line})` });
  }
  return { texts };
}

function buildConfig(texts: GivenTexts): ParsedConfig {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, option] of Object.entries(OPTIONS) as [OptionName, Option<unknown>][]) {
    const given = texts.get(option.flag);
    const text = given?.text ?? option.initial;
    const value = text === undefined ? undefined : option.read(text);
    if (given !== undefined && value === undefined) {
      const shown = option.secret === true ? "(value not shown)" : describeValue(given.text);
      return refused(`--${option.flag} ${shown}${given.from}: must be ${option.allowed}`);
    }
    values[name] = value;
  }
  // OPTIONS is typed property by property after GivenConfig, so each value has its type.
  return checkTogether(values as unknown as GivenConfig);
}

/** Refuses what is wrong only in combination. */
function checkTogether(config: GivenConfig): ParsedConfig {
  if (config.rtmpPort !== 0 && config.rtmpPort === config.httpPort) {
    return refused(
      `--${OPTIONS.httpPort.flag} ${config.httpPort}: must differ from --${OPTIONS.rtmpPort.flag}`,
    );
  }
  return { kind: "config", config };
}

function optionOf(flag: string): Pick<Option<unknown>, "flag" | "switch" | "allowed"> | undefined {
  if (flag === CONFIG_FLAG) return { flag: CONFIG_FLAG, allowed: "the path of a file" };
  return Object.values<Option<unknown>>(OPTIONS).find((option) => option.flag === flag);
}

function unknownFlag(flag: string): string {
  return `${describeValue(flag)}: not a flag of this program; --help lists them all`;
}

function unknownKey(key: string): string {
  return `${describeValue(key)}: not a key of the configuration; the keys are the names of the ` +
    `flags without "--", see --help`;
}

function refused(message: string): ParsedConfig {
  return { kind: "refused", message };
}
