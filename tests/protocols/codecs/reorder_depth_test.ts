// Goal: what a configuration says of reordering is known before the first picture.
// Method: the shared configurations of real encoders, as ffprobe describes them; one with its VUI
// cut off.
import { assertEquals } from "../../support/assert.ts";
import { VIDEO_VECTORS } from "../../vectors/codec_configs.ts";
import {
  avcConfigOf,
  parseAvcDecoderConfigurationRecord,
  writeAvcDecoderConfigurationRecord,
} from "../../../protocols/codecs/h264.ts";
import { toldReorderFrames } from "../../../protocols/codecs/reorder_depth.ts";
import { videoTrack } from "../../../protocols/codecs/track_config.ts";

for (const { name, codec, config, reorder } of VIDEO_VECTORS) {
  Deno.test(`toldReorderFrames() tells it of ${name}`, () => {
    const told = codec === "h264" || codec === "h265" ? reorder : undefined;
    assertEquals(toldReorderFrames(videoTrack(codec, 0, config)), told);
  });
}

Deno.test("toldReorderFrames() infers nothing from profile and level", () => {
  const { config } = VIDEO_VECTORS.find(({ name }) => name.includes("main"))!;
  const { sps: [sps], pps } = parseAvcDecoderConfigurationRecord(config);
  const cut = writeAvcDecoderConfigurationRecord(avcConfigOf([sps.slice(0, -2)], pps));
  assertEquals(toldReorderFrames(videoTrack("h264", 0, cut)), undefined);
});
