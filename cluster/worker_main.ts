/**
 * Entry point of the worker process; started by `launcher.ts`, with what it needs on its standard
 * input.
 *
 * @module
 */
import { startNode } from "./node.ts";
import { runWorker } from "./worker.ts";

Deno.exit(await runWorker(startNode));
