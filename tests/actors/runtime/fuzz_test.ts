/**
 * Goal: the runtime keeps its promises under any mix of use and failure.
 * Method: the fuzz target with a few fixed seeds; a campaign runs it with more.
 *
 * @module
 */
import { fuzzActorRuntime } from "../../fuzz/actor_runtime.ts";

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  Deno.test(`ActorSystem keeps its promises under random use, seed ${seed}`, async () => {
    await fuzzActorRuntime(seed, 400);
  });
}
