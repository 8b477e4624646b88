/**
 * The command line: reads the configuration, then runs a node in a worker process.
 *
 * @module
 */
import { launch } from "./launcher.ts";
import { configVariables, parseConfig } from "./parse_config.ts";
import { START_ERROR_EXIT_CODE } from "./start_error.ts";

/** Runs what the arguments ask for and returns the process's exit code. */
export async function runCommandLine(
  args: readonly string[],
  workerModule: URL = new URL("./worker_main.ts", import.meta.url),
): Promise<number> {
  // One by one: the permission covers our own variables, not the environment as a whole.
  const environment = Object.fromEntries(
    configVariables().map((name) => [name, Deno.env.get(name)]),
  );
  const parse = () => parseConfig(args, environment, (path) => Deno.readTextFileSync(path));
  const parsed = parse();
  switch (parsed.kind) {
    case "help":
    case "version":
      console.log(parsed.text);
      return 0;
    case "refused":
      console.error(parsed.message);
      return START_ERROR_EXIT_CODE;
    case "config":
      return await launch({ config: parsed.config, parse, workerModule });
  }
}
