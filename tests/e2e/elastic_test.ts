// Goal: streams keep one owner each while nodes come, drain, die, stand still and are cut off.
// Method: `deno task chaos --elastic` for 40 seconds, always with the same seed.
import { elasticChaos } from "../chaos/elastic.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";

const NEEDS = { needs: ["redis"], timeoutMs: 150_000 } as const;

Deno.test(endToEnd("a mesh in disorder keeps one owner for each stream", NEEDS, async () => {
  const told = (text: string) => console.log(text);
  const { wrong, writes, looks } = await elasticChaos({ forMs: 40_000, seed: 8, told });
  assertEquals(wrong, []);
  assert(writes >= 100 && looks > 10, `${writes} writes, ${looks} looks`);
}));
