// Goal: the first end is mended at once, a row of them ever more slowly, a steady life starts anew.
import { assertEquals } from "../../support/assert.ts";
import {
  RESTART_MS_FIRST,
  RESTART_MS_MAX,
  RestartBackoff,
  STEADY_MS,
} from "../../../cluster/supervisor/restart_backoff.ts";

Deno.test("RestartBackoff waits longer with each end in a row, up to its most", () => {
  const backoff = new RestartBackoff();
  const pauses = Array.from({ length: 9 }, () => backoff.next(STEADY_MS - 1));
  const [none, first, second] = pauses;
  assertEquals([none, first, second], [0, RESTART_MS_FIRST, 2 * RESTART_MS_FIRST]);
  assertEquals(pauses.at(-1), RESTART_MS_MAX);
  for (let more = 0; more < 2_000; more++) backoff.next(0); // No overflow.
  assertEquals(backoff.next(0), RESTART_MS_MAX);
  assertEquals(backoff.next(STEADY_MS), 0);
  assertEquals(backoff.next(0), RESTART_MS_FIRST);
});
