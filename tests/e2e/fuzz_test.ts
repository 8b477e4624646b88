// Goal: hostile inputs to parsers and whole sessions do no harm: no crash, no hang, no
// allocation past its limit.
// Method: the campaign of tests/fuzz in child processes, one a core; before it, targets broken on
// purpose that it must find.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { REPOSITORY } from "../support/paths.ts";
import { runChild } from "../support/processes.ts";

/**
 * A quarter of a minute on two cores; a campaign by hand takes a million and more, with other seeds:
 * `deno run -A tests/fuzz/main.ts --inputs 1000000 --seed 1`.
 */
const INPUTS = 250_000;

/** Fixed, so that a gate that was green yesterday is green today; campaigns by hand vary it. */
const SEED = 1;

/** Failures are printed with their inputs, up to 128 KiB each. */
const OUTPUT_MAX = 4 * 1024 * 1024;

/** Longest the whole campaign may take on two cores, in milliseconds. */
const CAMPAIGN_MS_MAX = 180_000;

function fuzz(args: readonly string[], timeoutMs: number) {
  const flags = ["run", "--no-prompt", "--quiet", "--allow-all", "tests/fuzz/main.ts"];
  return runChild(Deno.execPath(), [...flags, ...args], {
    timeoutMs,
    cwd: REPOSITORY,
    outputMax: OUTPUT_MAX,
  });
}

for (
  const [name, reason] of [
    ["throws", "thrown on purpose"],
    ["allocates", "an array of 268435456 bytes"],
    ["is slow", "it ran for \\d+ ms, at most 1000"],
    ["hangs", "it never came back: killed after 1000 ms"],
  ]
) {
  Deno.test(endToEnd(`the campaign finds a target that ${name} and runs it again`, {}, async () => {
    const targets = ["--targets", "tests/support/broken_fuzz_targets.ts", "--only", name];
    const { code, stdout } = await fuzz(
      [
        ...targets,
        "--inputs",
        name === "is slow" ? "10" : "500",
        "--hang-ms",
        name === "hangs" ? "1000" : "20000",
      ],
      30_000,
    );
    assertEquals(code, 1, stdout);
    assertMatch(stdout, new RegExp(`FAILURE of "${name}": .*${reason}`));
    const hex = /--hex ([0-9a-f]+)$/m.exec(stdout)?.[1] ?? "";
    assert(hex.startsWith("ff"), stdout);
    if (name === "hangs" || name === "is slow") return; // A run again has no bound on time.
    const again = await fuzz([...targets, "--hex", hex], 30_000);
    assertEquals(again.code, 1);
    assert(again.stdout.includes(reason), again.stdout);
  }));
}

Deno.test(endToEnd("the campaign does not blame a target for a wait", {}, async () => {
  const targets = ["--targets", "tests/support/broken_fuzz_targets.ts", "--only", "waits"];
  const { code, stdout } = await fuzz([...targets, "--inputs", "2"], 30_000);
  assertEquals(code, 0, stdout);
}));

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
