// Goal: every code decodes as in the tables everybody else uses.
// Method: all 256 codes through ffmpeg 5.1.9 (-f alaw / -f mulaw to s16be).
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { decodeG711 } from "../../../protocols/codecs/g711.ts";

const ALAW = `
  ea80eb80e880e980ee80ef80ec80ed80e280e380e080e180e680e780e480e580f540f5c0f440f4c0f740f7c0f640f6c0
  f140f1c0f040f0c0f340f3c0f240f2c0aa00ae00a200a600ba00be00b200b6008a008e00820086009a009e0092009600
  d500d700d100d300dd00df00d900db00c500c700c100c300cd00cf00c900cb00fea8feb8fe88fe98fee8fef8fec8fed8
  fe28fe38fe08fe18fe68fe78fe48fe58ffa8ffb8ff88ff98ffe8fff8ffc8ffd8ff28ff38ff08ff18ff68ff78ff48ff58
  faa0fae0fa20fa60fba0fbe0fb20fb60f8a0f8e0f820f860f9a0f9e0f920f960fd50fd70fd10fd30fdd0fdf0fd90fdb0
  fc50fc70fc10fc30fcd0fcf0fc90fcb0158014801780168011801080138012801d801c801f801e80198018801b801a80
  0ac00a400bc00b4008c0084009c009400ec00e400fc00f400cc00c400dc00d40560052005e005a00460042004e004a00
  760072007e007a00660062006e006a002b0029002f002d0023002100270025003b0039003f003d003300310037003500
  0158014801780168011801080138012801d801c801f801e80198018801b801a800580048007800680018000800380028
  00d800c800f800e80098008800b800a80560052005e005a00460042004e004a00760072007e007a00660062006e006a0
  02b0029002f002d0023002100270025003b0039003f003d00330031003700350
`;
const ULAW = `
  828486848a848e84928496849a849e84a284a684aa84ae84b284b684ba84be84c184c384c584c784c984cb84cd84cf84
  d184d384d584d784d984db84dd84df84e104e204e304e404e504e604e704e804e904ea04eb04ec04ed04ee04ef04f004
  f0c4f144f1c4f244f2c4f344f3c4f444f4c4f544f5c4f644f6c4f744f7c4f844f8a4f8e4f924f964f9a4f9e4fa24fa64
  faa4fae4fb24fb64fba4fbe4fc24fc64fc94fcb4fcd4fcf4fd14fd34fd54fd74fd94fdb4fdd4fdf4fe14fe34fe54fe74
  fe8cfe9cfeacfebcfeccfedcfeecfefcff0cff1cff2cff3cff4cff5cff6cff7cff88ff90ff98ffa0ffa8ffb0ffb8ffc0
  ffc8ffd0ffd8ffe0ffe8fff0fff800007d7c797c757c717c6d7c697c657c617c5d7c597c557c517c4d7c497c457c417c
  3e7c3c7c3a7c387c367c347c327c307c2e7c2c7c2a7c287c267c247c227c207c1efc1dfc1cfc1bfc1afc19fc18fc17fc
  16fc15fc14fc13fc12fc11fc10fc0ffc0f3c0ebc0e3c0dbc0d3c0cbc0c3c0bbc0b3c0abc0a3c09bc093c08bc083c07bc
  075c071c06dc069c065c061c05dc059c055c051c04dc049c045c041c03dc039c036c034c032c030c02ec02cc02ac028c
  026c024c022c020c01ec01cc01ac018c0174016401540144013401240114010400f400e400d400c400b400a400940084
  0078007000680060005800500048004000380030002800200018001000080000
`;

for (const [codec, hex] of [["g711a", ALAW], ["g711u", ULAW]] as const) {
  Deno.test(`decodeG711() decodes every ${codec} code as ffmpeg does`, () => {
    const wire = Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
    const view = new DataView(wire.buffer);
    const expected = Array.from({ length: 256 }, (_, code) => view.getInt16(code * 2));
    const codes = Uint8Array.from({ length: 257 }, (_, index) => index - 1).subarray(1);
    const target = new Int16Array(258).fill(1);
    decodeG711(codec, codes, target, 1);
    assertEquals([...target], [1, ...expected, 1]);
  });
}

Deno.test("decodeG711() refuses a target without room", () => {
  assertThrows(() => decodeG711("g711a", new Uint8Array(3), new Int16Array(3), 1), RangeError);
});
