// Goal: a viewer over UDP gets every packet of the shared pages, in order, split once for all.
// Method: a socket over media that note what they are sent and take it when the test says so.
import { SharedPackets } from "../../../actors/edge/shared_packets.ts";
import { UdpOutletSocket } from "../../../actors/edge/udp_outlet_socket.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { interleavedPacket } from "../../../protocols/rtp/interleaved.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** A stretch with packets on these channels, numbered from 0. */
function stretch(...channels: number[]): Uint8Array {
  return concatBytes(
    ...channels.map((channel, i) => interleavedPacket(channel, Uint8Array.of(i, i))),
  );
}

/** A medium that notes packets; `take` lets go the one that is on its way. */
class HandMedium {
  readonly sent: string[] = [];
  #outstanding: PromiseWithResolvers<void> | undefined;

  send(kind: "rtp" | "rtcp", packet: Uint8Array): Promise<void> {
    assertEquals(this.#outstanding, undefined, "one at a time");
    this.sent.push(`${kind} ${packet[0]}`);
    this.#outstanding = Promise.withResolvers();
    return this.#outstanding.promise;
  }

  async take(error?: Error): Promise<void> {
    const { resolve, reject } = this.#outstanding!;
    this.#outstanding = undefined;
    if (error === undefined) resolve();
    else reject(error);
    for (let i = 0; i < 3; i++) await Promise.resolve();
  }
}

Deno.test("UdpOutletSocket.write() sends one packet after the other, those it wants", async () => {
  const medium = new HandMedium();
  const socket = new UdpOutletSocket(new Map([[1, medium]]), new SharedPackets());
  const bytes = stretch(2, 0, 2, 3, 1, 2);
  const written = socket.write(bytes);
  assertEquals(medium.sent, ["rtp 0"]);
  await medium.take();
  assertEquals(medium.sent, ["rtp 0", "rtp 2"]);
  await medium.take(new Error("no buffer"));
  await medium.take();
  await medium.take();
  assertEquals(medium.sent, ["rtp 0", "rtp 2", "rtcp 3", "rtp 5"]);
  assertEquals(await written, bytes.length);
});

Deno.test("SharedPackets.of() splits the same stretch once, and another one anew", () => {
  const packets = new SharedPackets();
  const [one, two] = [stretch(0, 1), stretch(2)];
  const first = packets.of(one);
  assert(packets.of(one) === first, "the very same packets");
  assertEquals(first.map(({ channel, packet }) => [channel, packet[0]]), [[0, 0], [1, 1]]);
  assertEquals(packets.of(two).map(({ channel }) => channel), [2]);
  assertEquals(packets.of(one), first);
});
