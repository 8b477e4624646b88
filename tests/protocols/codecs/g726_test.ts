// Goal: G.726 decodes bit for bit as the recommendation says, in both packings.
// Method: codes by ffmpeg's encoder (a sine that turns into noise), samples by spandsp 0.0.6, which
// is verified with the vectors of the ITU.
import {
  type G726Config,
  G726Decoder,
  g726Samples,
  parseG726Config,
  writeG726Config,
} from "../../../protocols/codecs/g726.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { REPOSITORY } from "../../support/paths.ts";

const CONFIGS: readonly G726Config[] = ([2, 3, 4, 5] as const).flatMap((codeBits) => [
  { codeBits, packing: "rfc3551" as const },
  { codeBits, packing: "aal2" as const },
]);

function vector(config: G726Config, kind: "codes" | "samples"): Uint8Array {
  const name = `${config.packing}_${config.codeBits * 8}.${kind}`;
  return Deno.readFileSync(`${REPOSITORY}/tests/vectors/g726/${name}`);
}

for (const config of CONFIGS) {
  const what = `${config.codeBits * 8} kbit/s, ${config.packing}`;

  Deno.test(`decode() gives the samples of ${what}`, () => {
    const codes = vector(config, "codes");
    const wanted = vector(config, "samples");
    const samples = new Int16Array(g726Samples(config.codeBits, codes.length));
    const decoder = new G726Decoder(config);
    // In pieces that end between groups of codes, as packets do.
    const piece = config.codeBits * 10;
    let written = 0;
    for (let at = 0; at < codes.length; at += piece) {
      written += decoder.decode(codes.subarray(at, at + piece), samples, written);
    }
    assertEquals(written, wanted.length / 2);
    const view = new DataView(wanted.buffer, wanted.byteOffset, wanted.length);
    assertEquals([...samples], Array.from(samples, (_, at) => view.getInt16(2 * at, true)));
  });

  Deno.test(`writeG726Config() keeps ${what}`, () => {
    assertEquals(parseG726Config(writeG726Config(config)), config);
  });
}

Deno.test("parseG726Config() refuses what is no configuration", () => {
  for (const bytes of [[], [4], [1, 0], [6, 0], [4, 2], [4, 0, 0]]) {
    const error = assertThrows(() => parseG726Config(Uint8Array.from(bytes)), ProtocolError);
    assertEquals(error.section, "RFC 3551 4.5.4");
  }
});

Deno.test("decode() refuses a target that is too small", () => {
  const decoder = new G726Decoder({ codeBits: 4, packing: "aal2" });
  assertThrows(() => decoder.decode(new Uint8Array(2), new Int16Array(4), 1), RangeError);
});
