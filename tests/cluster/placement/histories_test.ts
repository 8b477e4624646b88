// Goal: whatever happens to nodes, calls and the directory, an epoch has one holder, and a thing
// one owner once the mesh has settled.
// Method: random histories by seed; a failure names its seed.
import { assert, assertEquals } from "../../support/assert.ts";
import { playHistory } from "./histories.ts";

const SEEDS = 100;

/** Short, for it runs before each commit; by hand, thousands of seeds and 15 s each. */
const STORM_MS = 2_500;

Deno.test(`${SEEDS} random histories leave one owner for each stream`, async () => {
  let published = 0;
  let kills = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = await playHistory(seed, STORM_MS);
    assertEquals(history.faults, [], `seed ${seed}`);
    published += history.published;
    kills += history.kills;
  }
  assert(published > 5 * SEEDS && kills > SEEDS, `${published} published, ${kills} kills`);
});
