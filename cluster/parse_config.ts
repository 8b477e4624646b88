/**
 * Finds the configuration: flags win over the environment, the environment over the file that
 * `--config` names, the file over the defaults.
 *
 * Pure but for the `readFile` it is given; the options themselves are in `config_schema.ts`.
 *
 * @module
 */
import { applicationDefaults } from "./application_table.ts";
import {
  APPLICATIONS_KEY,
  checkApplications,
  type ReadApplication,
  readApplications,
} from "./application_schema.ts";
import type { GivenConfig, GivenOptions } from "./config.ts";
import { readConfigFile } from "./config_file.ts";
import { ConfigFault } from "./config_tree.ts";
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

/** What the file says. */
interface GivenFile {
  /** By flag. */
  readonly texts: GivenTexts;
  readonly applications: readonly ReadApplication[];
  /** The file as a refusal names it. */
  readonly name: string;
}

const NO_FILE: GivenFile = { texts: new Map(), applications: [], name: "" };

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
  const file = path === undefined ? NO_FILE : collectFile(path, readFile);
  if ("kind" in file) return file;
  return buildConfig(new Map([...file.texts, ...variables, ...flags.texts]), file);
}

/** The names of the environment variables that {@link parseConfig} looks at. */
export function configVariables(): string[] {
  const options = Object.values(OPTIONS);
  const own = [CONFIG_FLAG, ...options.map((option) => option.flag)].map(environmentName);
  return [...own, ...options.flatMap(({ variables = [] }) => variables)];
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
  const options: readonly Pick<Option<unknown>, "flag" | "variables">[] = Object.values(OPTIONS);
  for (const { flag, variables = [] } of [{ flag: CONFIG_FLAG }, ...options]) {
    for (const name of [environmentName(flag), ...variables]) {
      const text = environment[name];
      if (text === undefined || text === "" || texts.has(flag)) continue;
      texts.set(flag, { text, from: ` (from ${name})` });
    }
  }
  return texts;
}

function collectFile(path: Given, readFile: (path: string) => string): GivenFile | ParsedConfig {
  const source = `--${CONFIG_FLAG} ${describeValue(path.text)}`;
  let content: string;
  try {
    content = readFile(path.text);
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown error";
    return refused(`${source}${path.from}: must be a file that can be read, not ${reason}`);
  }
  const name = describeValue(path.text);
  const file = readConfigFile(content);
  if (!file.ok) return refused(`${source}, line ${file.line}: ${file.reason}`);
  const texts = new Map<string, Given>();
  let applications: readonly ReadApplication[] = [];
  for (const { key, value, line } of file.entries) {
    const at = `${source}, line ${line}`;
    if (key === APPLICATIONS_KEY) {
      const read = withFaults(name, () => readApplications({ node: value, path: key }));
      if ("kind" in read) return read;
      applications = read;
      continue;
    }
    if (key === CONFIG_FLAG || optionOf(key) === undefined) {
      return refused(`${at}: ${unknownKey(key)}`);
    }
    if (value.kind !== "text") return refused(`${at}: ${key}: must have one plain value`);
    texts.set(key, { text: value.text, from: ` (from ${name}, line ${line})` });
  }
  return { texts, applications, name };
}

/** What `read` gives, or its fault as "FILE:LINE: PATH: ...". */
function withFaults<Value>(file: string, read: () => Value): Value | ParsedConfig {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error;
    return refused(`${file}:${error.line}: ${error.message}`);
  }
}

function buildConfig(texts: GivenTexts, file: GivenFile): ParsedConfig {
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
  // OPTIONS is typed property by property after GivenOptions, so each value has its type.
  return checkTogether(values as unknown as GivenOptions, file);
}

/** The flags of client ports, in their order; those in TLS are opened with a certificate. */
const PLAIN_PORTS = ["rtmpPort", "rtspPort", "httpPort"] as const;
const TLS_PORTS = ["rtmpsPort", "rtspsPort", "httpsPort"] as const;

/** Two listeners cannot have one port, unless the system chooses. */
function sharedPort(config: GivenOptions): string | undefined {
  const names = config.tlsCert === undefined ? PLAIN_PORTS : [...PLAIN_PORTS, ...TLS_PORTS];
  for (const [index, name] of names.entries()) {
    const other = names.slice(0, index).find((former) => config[former] === config[name]);
    if (other === undefined || config[name] === 0) continue;
    return `--${OPTIONS[name].flag} ${config[name]}: must differ from --${OPTIONS[other].flag}`;
  }
  return undefined;
}

/** Refuses what is wrong only in combination. */
function checkTogether(config: GivenOptions, file: GivenFile): ParsedConfig {
  const clash = sharedPort(config);
  if (clash !== undefined) return refused(clash);
  if (config.hlsPartMs > config.hlsSegmentMs) {
    const text = `--${OPTIONS.hlsPartMs.flag} ${config.hlsPartMs}ms: must be at most`;
    return refused(`${text} --${OPTIONS.hlsSegmentMs.flag}, ${config.hlsSegmentMs}ms`);
  }
  const fault = withFaults(file.name, () => {
    checkApplications(file.applications, applicationDefaults(config));
  });
  if (fault !== undefined) return fault;
  const applications = file.applications.map(({ name, settings }) => [name, settings] as const);
  return { kind: "config", config: { ...config, applications } };
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
