/**
 * The limit that UDP is measured against: a loop that does nothing but send datagrams.
 *
 *     deno run --allow-net tests/bench/bare_sender.ts '{"windowMs":100, "packets":[...], ...}'
 *
 * Whoever sends it a datagram with the number of a medium gets that medium's packets from then on:
 * in each window those that were due in it, by `send`, which the node uses too. The ready line is
 * `{"event":"listening","address":"127.0.0.1:PORT"}`.
 *
 * @module
 */
import { startScript } from "./load_process.ts";

/** One packet of a recorded stretch. */
export interface BarePacket {
  readonly medium: number;
  /** From the stretch's start, in milliseconds; ascending. */
  readonly dueMs: number;
  readonly bytes: number;
}

export interface BareSenderOptions {
  readonly windowMs: number;
  readonly packets: readonly BarePacket[];
  /** After so long the stretch begins anew, in milliseconds. */
  readonly stretchMs: number;
}

export interface BareSender extends AsyncDisposable {
  readonly pid: number;
  /** `host:port` */
  readonly address: string;
}

/** Starts it on the server's core. */
export async function startBareSender(options: BareSenderOptions): Promise<BareSender> {
  const { ready, process } = await startScript<{ address: string }>("bare_sender.ts", options);
  return {
    pid: process.pid,
    address: ready.address,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

interface Receiver {
  readonly medium: number;
  readonly address: Deno.Addr;
}

function main({ windowMs, packets, stretchMs }: BareSenderOptions): void {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const known = new Set<number>();
  const receivers: Receiver[] = [];
  void (async () => {
    for await (const [hello, address] of socket) {
      const { port } = address as Deno.NetAddr;
      if (known.has(port)) continue; // It asks until something comes.
      known.add(port);
      receivers.push({ medium: hello[0], address });
    }
  })();
  const address = `127.0.0.1:${(socket.addr as Deno.NetAddr).port}`;
  console.log(JSON.stringify({ event: "listening", address }));
  const bytes = packets.map((packet) => new Uint8Array(packet.bytes).fill(0x5a));
  const startMs = performance.now();
  let sentMs = 0;
  let at = 0;
  const tick = () => {
    const untilMs = performance.now() - startMs;
    const due: number[] = [];
    while (sentMs + packets[at].dueMs < untilMs) {
      due.push(at);
      if (++at < packets.length) continue;
      at = 0;
      sentMs += stretchMs;
    }
    const byMedium = Map.groupBy(due, (i) => packets[i].medium);
    for (const { medium, address } of receivers) {
      sendAll(socket, byMedium.get(medium)?.map((i) => bytes[i]) ?? [], address);
    }
    const elapsedMs = performance.now() - startMs;
    setTimeout(tick, windowMs - elapsedMs % windowMs);
  };
  setTimeout(tick, windowMs);
}

/** One after the other: sends that wait at the same time overtake each other. */
async function sendAll(
  socket: Deno.DatagramConn,
  packets: readonly Uint8Array[],
  address: Deno.Addr,
): Promise<void> {
  for (const packet of packets) await socket.send(packet, address);
}

if (import.meta.main) main(JSON.parse(Deno.args[0]) as BareSenderOptions);
