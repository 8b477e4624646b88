/**
 * The benchmark: `deno task bench`. Every figure is a ratio against something that is measured in
 * the same run, on the same machine.
 *
 * @module
 */
import { runGate } from "./gate.ts";
import { parseOptions } from "./options.ts";
import { sourceFile } from "./source_file.ts";

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  const file = await sourceFile();
  for (const section of options.sections) {
    if (section === "gate") await runGate(options, file);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
