// Goal: hostile RTMP, HTTP and WebSocket sessions over real sockets harm nobody else.
// Method: the campaign of tests/fuzz/sessions; `FUZZ_INPUTS=1000000` makes it long.
import { assert } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { runSessionCampaign } from "../fuzz/sessions/campaign.ts";
import { campaignText } from "../fuzz/sessions/main.ts";

/** What fits a minute of a shared machine; all kinds of sessions and changes are in it. */
const INPUTS = Number(Deno.env.get("FUZZ_INPUTS") ?? 250_000);

/** Fixed, so that a gate that was green yesterday is green today; campaigns by hand vary it. */
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 1);

/** A tenth of the usual pace. */
const INPUTS_PER_SECOND_MIN = 1_000;

Deno.test(endToEnd(
  `${INPUTS} inputs in whole sessions over sockets leave a node as it was`,
  { timeoutMs: 60_000 + INPUTS * 1_000 / INPUTS_PER_SECOND_MIN },
  async () => {
    const report = await runSessionCampaign({ seed: SEED, inputs: INPUTS });
    console.log(campaignText(report));
    const { rtmp, http, websocket } = report.inputs;
    for (const inputs of [rtmp, http, websocket]) assert(inputs > INPUTS / 20, "hardly any");
  },
));
