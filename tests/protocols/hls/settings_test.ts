// Goal: limits follow from the settings as the specifications want them.
// Method: values worked out by hand.
import {
  checkHlsSettings,
  HLS_SETTINGS,
  partTargetUs,
  segmentUsMax,
  targetSeconds,
} from "../../../protocols/hls/settings.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("targetSeconds() rounds up, and the longest segment rounds down to it", () => {
  for (const [segmentUs, target] of [[500_000, 1], [2_000_000, 2], [2_000_001, 3], [6e7, 60]]) {
    const settings = { ...HLS_SETTINGS, segmentUs };
    assertEquals(targetSeconds(settings), target);
    assertEquals(Math.round(segmentUsMax(settings) / 1e6), target);
    assert(segmentUsMax(settings) >= segmentUs);
  }
});

Deno.test("partTargetUs() suits the usual frame rates", () => {
  assertEquals(partTargetUs(HLS_SETTINGS), 210_000);
  for (const rate of [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60]) {
    const frames = Math.floor(0.21 * rate);
    assert(frames / rate >= 0.85 * 0.21, `${rate} Hz`);
  }
});

Deno.test("checkHlsSettings() refuses what lies outside of its bounds", () => {
  checkHlsSettings(HLS_SETTINGS);
  const faults = [
    { segmentUs: 499_999 },
    { segmentUs: 60_000_001 },
    { segmentUs: 2_000_000.5 },
    { partUs: 49_999 },
    { partUs: 2_000_001 },
    { windowSegments: 2 },
    { windowSegments: 601 },
  ];
  for (const fault of faults) {
    const error = assertThrows(() => checkHlsSettings({ ...HLS_SETTINGS, ...fault }), RangeError);
    assert(error.message.startsWith("Cannot use HLS "));
  }
});
