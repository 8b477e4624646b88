// Goal: what ffmpeg and GStreamer packetise is read to the byte, whatever its packets look like.
// Method: captures of files whose digests ffmpeg has given; each packet also as a view of bytes that
// are wiped after the call, and cut short at every length.
import { createHash } from "node:crypto";
import { createDepacketizer } from "../../../protocols/rtp/formats.ts";
import { parseRtpPacket } from "../../../protocols/rtp/packet.ts";
import type { Unit } from "../../../protocols/rtp/payload.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { mp4Media } from "../../support/mp4_vectors.ts";
import {
  datagramsOf,
  depacketize,
  packetsOf,
  RTP_FORMATS,
  RTP_VECTORS,
} from "../../support/rtp_vectors.ts";

function md5Of(units: readonly Unit[]): string {
  const hash = createHash("md5");
  for (const { data } of units) hash.update(data);
  return hash.digest("hex");
}

for (const { name, format, md5, units } of RTP_VECTORS) {
  Deno.test(`push() reads the ${format.encoding} of ${name}`, () => {
    const found = depacketize(format, packetsOf(name));
    assertEquals(found.drops, []);
    assertEquals(found.units.length, units);
    assertEquals(md5Of(found.units), md5);
  });

  Deno.test(`push() keeps no view of the packets of ${name}`, () => {
    const depacketizer = createDepacketizer({ format, index: 0, dropped: () => {} });
    const found: Unit[] = [];
    for (const datagram of datagramsOf(`${name}.rtp`)) {
      const shifted = Uint8Array.of(0xff, ...datagram, 0xff);
      const packet = parseRtpPacket(shifted.subarray(1, -1));
      found.push(...depacketizer.push(packet));
      shifted.fill(0xee);
    }
    found.push(...depacketizer.flush());
    assertEquals(md5Of(found), md5);
  });

  Deno.test(`push() reads or reports ${name} cut short anywhere`, () => {
    const packets = packetsOf(name);
    const whole = new Set(depacketize(format, packets).units.map(({ data }) => data.toHex()));
    for (const [index, packet] of packets.slice(0, 8).entries()) {
      for (let size = 0; size < packet.payload.length; size += format.clockHz === 8_000 ? 50 : 1) {
        const cut = { ...packet, payload: packet.payload.subarray(0, size) };
        const { units } = depacketize(format, packets.with(index, cut));
        assert(units.length <= packets.length * 64);
        if (format.encoding.startsWith("H26")) checkDecodable(units, whole, size);
      }
    }
  });
}

/** A cut NAL unit may pass for a shorter one, but the pieces of one never do. */
function checkDecodable(units: readonly Unit[], whole: ReadonlySet<string>, size: number): void {
  const torn = units.filter(({ data }) => !whole.has(data.toHex()));
  assert(torn.length <= 1, `${torn.length} units torn by a payload of ${size} bytes`);
}

Deno.test("push() gives the times and key frames of the file that was sent", () => {
  const sent = mp4Media("h264_aac.mp4").frames.filter(({ track }) => track.kind === "video");
  for (const name of ["ffmpeg_h264", "gst_h264"]) {
    const { units } = depacketize(RTP_FORMATS.h264, packetsOf(name));
    const ticksOf = (unit: Unit) => (unit.timestamp - units[0].timestamp) | 0;
    const ticks = sent.map(({ ptsUs }) => (ptsUs - sent[0].ptsUs) * 9 / 100);
    // GStreamer's parser invents times for the last group of pictures.
    const compared = name === "gst_h264" ? 20 : sent.length;
    assertEquals(units.map(ticksOf).slice(0, compared), ticks.slice(0, compared));
    assertEquals(units.map(({ keyframe }) => keyframe), sent.map(({ keyframe }) => keyframe));
    const [{ track }] = units;
    assertEquals(track.kind === "video" && [track.width, track.height], [64, 64]);
  }
});

Deno.test("push() times each of several units in a packet", () => {
  const { units } = depacketize(RTP_FORMATS.aac, packetsOf("ffmpeg_aac"));
  const steps = units.slice(1).map(({ timestamp }, at) => (timestamp - units[at].timestamp) | 0);
  assertEquals(new Set(steps), new Set([1024]));
});

for (const [name, format] of [["gst_h264", "h264"], ["gst_h265", "h265"]] as const) {
  Deno.test(`push() takes the configuration of ${name} from the stream`, () => {
    const bare = { ...RTP_FORMATS[format], parameters: new Map<string, string>() };
    const { units, drops } = depacketize(bare, packetsOf(name));
    const known = depacketize(RTP_FORMATS[format], packetsOf(name));
    assertEquals(drops, []);
    assertEquals(units.map(({ data }) => data), known.units.map(({ data }) => data));
    assertEquals(units[0].track.config.length > 0, true);
  });
}
