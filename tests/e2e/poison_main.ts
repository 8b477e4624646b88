/**
 * The command line with nodes whose code fails for some streams, for `poison_test.ts`.
 *
 * @module
 */
import { runCommandLine } from "../../cluster/command_line.ts";

Deno.exit(await runCommandLine(Deno.args, new URL("./poison_worker.ts", import.meta.url)));
