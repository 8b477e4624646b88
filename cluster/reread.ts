/**
 * The launcher reads the configuration again: flags and environment stay as they were, the file
 * may have changed.
 *
 * @module
 */
import { APPLICATION_OPTIONS } from "./application_table.ts";
import type { GivenConfig } from "./config.ts";
import { type OptionName, OPTIONS } from "./config_schema.ts";
import type { Reread } from "./handover.ts";
import type { ParsedConfig } from "./parse_config.ts";

/** What the worker is told; `running` is what it was started with. */
export function reread(running: GivenConfig, parse: () => ParsedConfig): Reread {
  const parsed = parse();
  // Only a file can have changed, and no file asks for the help.
  if (parsed.kind !== "config") return { ok: false, reason: reasonOf(parsed) };
  return { ok: true, config: parsed.config, needRestart: needRestart(running, parsed.config) };
}

function reasonOf(parsed: Exclude<ParsedConfig, { kind: "config" }>): string {
  return parsed.kind === "refused" ? parsed.message : parsed.text;
}

/** Flags with another value that only a restart can bring into force. */
function needRestart(running: GivenConfig, config: GivenConfig): string[] {
  const live: readonly OptionName[] = APPLICATION_OPTIONS;
  // Some values are objects, which each reading makes anew.
  const changed = (name: OptionName) =>
    JSON.stringify(running[name]) !== JSON.stringify(config[name]);
  return (Object.keys(OPTIONS) as OptionName[])
    .filter((name) => !live.includes(name) && changed(name))
    .map((name) => OPTIONS[name].flag);
}
