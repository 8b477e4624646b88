// Goal: a million hostile inputs to parsers and whole sessions do no harm: no crash, no hang, no
// allocation past its limit.
// Method: the campaign of tests/fuzz in child processes, one a core; before it, targets broken on
// purpose that it must find.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { REPOSITORY } from "../support/paths.ts";
import { runChild } from "../support/processes.ts";

const INPUTS = 1_000_000;

/** Fixed, so that a gate that was green yesterday is green today; campaigns by hand vary it. */
const SEED = 1;

/** Longest the whole campaign may take on two cores, in milliseconds. */
const CAMPAIGN_MS_MAX = 180_000;

function fuzz(args: readonly string[], timeoutMs: number) {
  const flags = ["run", "--no-prompt", "--quiet", "--allow-all", "tests/fuzz/main.ts"];
  return runChild(Deno.execPath(), [...flags, ...args], { timeoutMs, cwd: REPOSITORY });
}

for (
  const [name, reason] of [
    ["throws", "thrown on purpose"],
    ["allocates", "an array of 268435456 bytes"],
    ["hangs", "it never came back: killed after 1000 ms"],
  ]
) {
  Deno.test(endToEnd(`the campaign finds a target that ${name} and runs it again`, {}, async () => {
    const targets = ["--targets", "tests/support/broken_fuzz_targets.ts", "--only", name];
    const { code, stdout } = await fuzz(
      [...targets, "--inputs", "2000", "--hang-ms", "1000"],
      30_000,
    );
    assertEquals(code, 1, stdout);
    assertMatch(stdout, new RegExp(`FAILURE of "${name}": .*${reason}`));
    const hex = /--hex ([0-9a-f]+)$/m.exec(stdout)?.[1] ?? "";
    assert(hex.startsWith("ff"), stdout);
    if (name === "hangs") return; // What never comes back cannot be run again either.
    const again = await fuzz([...targets, "--hex", hex], 30_000);
    assertEquals(again.code, 1);
    assert(again.stdout.includes(reason), again.stdout);
  }));
}

Deno.test(endToEnd(
  `${INPUTS} mutated inputs are read or refused`,
  { timeoutMs: CAMPAIGN_MS_MAX + 5_000 },
  async () => {
    const args = ["--inputs", `${INPUTS}`, "--seed", `${SEED}`];
    const { code, timedOut, stdout, stderr } = await fuzz(args, CAMPAIGN_MS_MAX);
    assert(!timedOut, `still running after ${CAMPAIGN_MS_MAX} ms`);
    console.log(stdout.trimEnd());
    assertEquals(code, 0, stderr);
    assertMatch(stdout, new RegExp(`^${INPUTS} inputs, [\\d.]+ seconds, 0 failures$`, "m"));
  },
));
