/**
 * What every directory does, in memory or in Redis: one suite for all.
 *
 * @module
 */
import { CLAIM_CASES } from "./contract_claims.ts";
import { MEMBER_CASES } from "./contract_members.ts";
import type { World } from "./world.ts";

/** Registers a test for each sentence; `open` makes an empty world. */
export function testContract(implementation: string, open: () => World | Promise<World>): void {
  for (const { name, run } of [...MEMBER_CASES, ...CLAIM_CASES]) {
    Deno.test(`${implementation}: ${name}`, async () => {
      const world = await open();
      try {
        await run(world);
      } finally {
        await world.close();
      }
    });
  }
}
