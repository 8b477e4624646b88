/**
 * What every directory does, in memory or in Redis: one suite for all.
 *
 * @module
 */
import { CLAIM_CASES } from "./contract_claims.ts";
import { MEMBER_CASES } from "./contract_members.ts";
import type { World } from "./world.ts";

/** A test for each sentence, to be given to `Deno.test`; `open` makes an empty world. */
export function contractTests(
  implementation: string,
  open: () => World | Promise<World>,
): { name: string; body: () => Promise<void> }[] {
  return [...MEMBER_CASES, ...CLAIM_CASES].map(({ name, run }) => ({
    name: `${implementation}: ${name}`,
    async body() {
      const world = await open();
      try {
        await run(world);
      } finally {
        await world.close();
      }
    },
  }));
}
