/**
 * The command line with a fake node behind it, for `launcher_test.ts`.
 *
 * @module
 */
import { runCommandLine } from "../../cluster/command_line.ts";

Deno.exit(await runCommandLine(Deno.args, new URL("./launcher_worker.ts", import.meta.url)));
