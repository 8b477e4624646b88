// Goal: the configurations that senders of LATM write in SDP are understood.
// Method: descriptions recorded from GStreamer, whose plain form the vectors of rtp_vectors cover.
import { assertEquals } from "../../support/assert.ts";
import { createDepacketizer } from "../../../protocols/rtp/formats.ts";
import type { RtpDropReason } from "../../../protocols/rtp/payload.ts";

function trackOf(config: string) {
  const drops: RtpDropReason[] = [];
  const { track } = createDepacketizer({
    format: {
      payloadType: 96,
      encoding: "MP4A-LATM",
      clockHz: 44_100,
      channels: 1,
      parameters: new Map([["cpresent", "0"], ["config", config]]),
    },
    index: 0,
    dropped: (reason) => drops.push(reason),
  });
  return { config: track?.config.toHex(), drops };
}

Deno.test("LatmDepacketizer reads a configuration with the extension that hides what follows", () => {
  // GStreamer 1.22 rtspclientsink, AAC by ffmpeg 5.1.9 whose AudioSpecificConfig is 120856e500.
  assertEquals(trackOf("40002410adca00"), { config: "120856e500", drops: [] });
});

Deno.test("LatmDepacketizer does without a configuration that makes no sense", () => {
  for (const config of ["40", "4000", "ffffffffffffff", "40ffffffffff", "zz"]) {
    assertEquals(trackOf(config), {
      config: undefined,
      drops: ["configuration that cannot be read"],
    });
  }
});
