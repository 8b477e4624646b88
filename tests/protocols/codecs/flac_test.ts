// Goal: STREAMINFO of ffmpeg is read as ffprobe reads it, whatever stands in front of it.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { AUDIO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { parseFlacStreamInfo } from "../../../protocols/codecs/flac.ts";

const BLOCK_HEADER = Uint8Array.of(0x80, 0, 0, 34); // last block, STREAMINFO, its size
const MARKER = new TextEncoder().encode("fLaC");

for (const { name, codec, config, sampleRate, channels } of AUDIO_VECTORS) {
  if (codec !== "flac") continue;

  Deno.test(`parseFlacStreamInfo() reads ${name} in each wrapping`, () => {
    const info = parseFlacStreamInfo(config);
    assertEquals([info.sampleRate, info.channels], [sampleRate, channels]);
    const block = concatBytes(BLOCK_HEADER, config);
    assertEquals(parseFlacStreamInfo(block), info);
    assertEquals(parseFlacStreamInfo(concatBytes(MARKER, block)), info);
  });

  Deno.test(`parseFlacStreamInfo() refuses every truncation of ${name}`, () => {
    const whole = concatBytes(MARKER, BLOCK_HEADER, config);
    for (let size = 0; size < whole.length; size++) {
      assertThrows(() => parseFlacStreamInfo(whole.subarray(0, size)), ProtocolError);
      if (size >= config.length) continue;
      assertThrows(() => parseFlacStreamInfo(config.subarray(0, size)), ProtocolError);
    }
  });
}

Deno.test("parseFlacStreamInfo() refuses a sample rate of 0", () => {
  const error = assertThrows(() => parseFlacStreamInfo(new Uint8Array(34)), ProtocolError);
  assertEquals([error.section, error.offset], ["RFC 9639 8.2", 10]);
});
