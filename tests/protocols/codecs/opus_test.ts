// Goal: OpusHead of libopus is read as ffprobe reads it, and written back bit-exact.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { AUDIO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { parseOpusHead, writeOpusHead } from "../../../protocols/codecs/opus.ts";

const VECTORS = AUDIO_VECTORS.filter((vector) => vector.codec === "opus");

for (const { name, config, channels } of VECTORS) {
  Deno.test(`parseOpusHead() and writeOpusHead() keep ${name}`, () => {
    const head = parseOpusHead(config);
    assertEquals([head.channels, head.preSkip, head.outputGain], [channels, 312, 0]);
    assertEquals(writeOpusHead(head), config);
    const shifted = concatBytes(Uint8Array.of(1), config).subarray(1);
    assertEquals(parseOpusHead(shifted), head);
  });

  Deno.test(`parseOpusHead() refuses every truncation of ${name}`, () => {
    for (let size = 0; size < config.length; size++) {
      assertThrows(() => parseOpusHead(config.subarray(0, size)), ProtocolError);
    }
  });
}

Deno.test("parseOpusHead() reads the mapping of 5.1 and a negative gain", () => {
  const wire = VECTORS[2].config.slice();
  wire.set([0x00, 0xff], 16);
  const head = parseOpusHead(wire);
  assertEquals(head.outputGain, -256);
  assertEquals(head.mapping, {
    streams: 4,
    coupledStreams: 2,
    channels: Uint8Array.of(0, 4, 1, 2, 3, 5),
  });
  assertEquals(writeOpusHead(head), wire);
});

const REFUSALS: [string, number, number, number][] = [
  ["another magic", 3, 0, 0],
  ["version 16", 8, 16, 8],
  ["no channels", 9, 0, 9],
  ["six channels without mapping", 18, 0, 9],
  ["no streams", 19, 0, 19],
  ["more coupled streams than streams", 20, 5, 19],
];

for (const [name, at, value, offset] of REFUSALS) {
  Deno.test(`parseOpusHead() refuses ${name}`, () => {
    const wire = VECTORS[2].config.slice();
    wire[at] = value;
    const error = assertThrows(() => parseOpusHead(wire), ProtocolError);
    assertEquals([error.section, error.offset], ["RFC 7845 5.1", offset]);
  });
}

Deno.test("writeOpusHead() refuses a family that contradicts its mapping", () => {
  const head = parseOpusHead(VECTORS[0].config);
  assertThrows(() => writeOpusHead({ ...head, mappingFamily: 1 }), RangeError);
});
