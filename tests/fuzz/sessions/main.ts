/**
 * Runs hostile sessions against a real node:
 * `deno run --allow-all tests/fuzz/sessions/main.ts --inputs 1000000 --seed 1`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type CampaignReport, runSessionCampaign } from "./campaign.ts";

const INPUTS = "1000000";

/** One line that says how far a campaign came. */
export function campaignText(report: CampaignReport): string {
  const { inputs: { rtmp, http, websocket }, sessions, closed, batches, seconds } = report;
  const total = rtmp + http + websocket;
  return `${total} inputs (${rtmp} RTMP, ${http} HTTP, ${websocket} WebSocket) in ${sessions} ` +
    `sessions, ${closed} closed by the node, ${batches} batches, ${seconds.toFixed(0)} s, ` +
    `fresh viewers within ${report.freshMsMax.toFixed(0)} ms, ` +
    `memory up to ${(report.memoryBytesMax / 1_048_576).toFixed(0)} MiB`;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      inputs: { type: "string", default: INPUTS },
      seed: { type: "string", default: "1" },
    },
  });
  const onBatch = (report: CampaignReport) => console.log(campaignText(report));
  await runSessionCampaign({ seed: Number(values.seed), inputs: Number(values.inputs), onBatch });
  console.log("no failure");
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
