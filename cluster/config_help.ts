/**
 * The options as people read them: `--help` and the table of the README.
 *
 * @module
 */
import { environmentName, type Option } from "./config_option.ts";
import { CONFIG_FLAG, OPTIONS } from "./config_schema.ts";
import { VERSION } from "./version.ts";

/** One line of the help and of the README's table. */
interface HelpRow {
  /** "--flag VALUE". */
  readonly usage: string;
  /** Environment variable; empty when there is none. */
  readonly variable: string;
  /** The default, or what happens without one; empty when neither says anything. */
  readonly initial: string;
  readonly help: string;
  /** Completes "must be ..."; empty when there is no value. */
  readonly allowed: string;
}

/** What `--help` prints. */
export function helpText(): string {
  const rows = helpRows();
  const width = Math.max(...rows.map((row) => row.usage.length)) + 2;
  const lines = rows.map(({ usage, help, initial }) => {
    return `  ${usage.padEnd(width)}${help}${initial === "" ? "" : ` (${initial})`}`;
  });
  return [
    `headwater ${VERSION}: a live-video mesh`,
    "",
    "Usage: deno task node [flags]",
    "",
    ...lines,
    "",
    "Flags are written --flag VALUE or --flag=VALUE; the last one of a kind counts.",
    "Each has a twin in the environment (--rtmp-port: HEADWATER_RTMP_PORT) and a key in the",
    "configuration file (rtmp-port: 1935). Flags win over the environment, the environment",
    "over the file, the file over the defaults (in parentheses above).",
    "",
    "SIGTERM or SIGINT lets the clients leave, then ends with exit code 0; a second signal ends",
    "at once with 130 (SIGINT) or 143 (SIGTERM). Exit code 2: a flag or the start was refused.",
  ].join("\n");
}

/** The table between the README's markers `flags:begin` and `flags:end`, in Markdown. */
export function flagsTable(): string {
  const rows = helpRows().map(({ usage, variable, initial, allowed, help }) => {
    const cells = [
      `\`${usage}\``,
      variable === "" ? "" : `\`${variable}\``,
      initial,
      allowed,
      help,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  const head = "| flag | environment | default | allowed | meaning |";
  return [head, "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function helpRows(): HelpRow[] {
  return [
    ...Object.values<Option<unknown>>(OPTIONS).map(optionRow),
    {
      usage: `--${CONFIG_FLAG} FILE`,
      variable: environmentName(CONFIG_FLAG),
      initial: "",
      help: "configuration file, JSON or YAML: a key is a flag without its dashes",
      allowed: "",
    },
    { usage: "--help", variable: "", initial: "", help: "print this list", allowed: "" },
    { usage: "--version", variable: "", initial: "", help: "print the version", allowed: "" },
  ];
}

function optionRow(option: Option<unknown>): HelpRow {
  return {
    usage: `--${option.flag}${option.placeholder === "" ? "" : ` ${option.placeholder}`}`,
    variable: environmentName(option.flag),
    initial: option.switch === true ? "" : option.initial ?? option.initialNote ?? "",
    help: option.help,
    allowed: option.switch === true ? "" : option.allowed,
  };
}
