// Goal: find the name of script data, whoever sent it, without trusting its lengths.
// Method: bodies by ffmpeg, the form publishers use, every truncation, absurd lengths.
import { parseScriptTag, SCRIPT_NAME_BYTES_MAX } from "../../../protocols/flv/script_tag.ts";
import { assertEquals } from "../../support/assert.ts";
import { flvFile, flvTags } from "../../support/flv_vectors.ts";

const METADATA = flvTags(flvFile("h264_aac"))[0].body;
/** AMF0 string "@setDataFrame", as ffmpeg and OBS put it in front when they publish. */
const SET_DATA_FRAME = Uint8Array.fromHex("02000d40736574446174614672616d65");

Deno.test("parseScriptTag() reads ffmpeg's onMetaData", () => {
  const tag = parseScriptTag(METADATA);
  assertEquals(tag?.name, "onMetaData");
  assertEquals(tag?.payload, METADATA);
});

Deno.test("parseScriptTag() strips @setDataFrame", () => {
  const body = Uint8Array.of(9, ...SET_DATA_FRAME, ...METADATA).subarray(1);
  const tag = parseScriptTag(body);
  assertEquals(tag?.name, "onMetaData");
  assertEquals(tag?.payload, METADATA);
});

Deno.test("parseScriptTag() reads a name in the long form", () => {
  const body = Uint8Array.fromHex("0c 00000002 6f6e 05".replaceAll(" ", ""));
  assertEquals(parseScriptTag(body)?.name, "on");
});

Deno.test("parseScriptTag() finds no name in what is cut short", () => {
  const body = Uint8Array.of(...SET_DATA_FRAME, ...METADATA.subarray(0, 13));
  for (let size = 0; size < body.length; size++) {
    assertEquals(parseScriptTag(body.subarray(0, size)), undefined);
  }
  assertEquals(parseScriptTag(body)?.name, "onMetaData");
});

Deno.test("parseScriptTag() finds no name in a number, or in megabytes", () => {
  assertEquals(parseScriptTag(Uint8Array.fromHex("003ff0000000000000")), undefined);
  assertEquals(parseScriptTag(Uint8Array.fromHex("0cffffffff6f6e")), undefined);
  const long = new Uint8Array(SCRIPT_NAME_BYTES_MAX + 4).fill(0x61);
  long.set([2, 1, 1]); // One byte over the limit, all of it there.
  assertEquals(parseScriptTag(long), undefined);
});
