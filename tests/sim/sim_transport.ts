/**
 * The network as one process has it: what comes is handled when the process runs.
 *
 * @module
 */
import type { LinkSocket, LinkTransport } from "../../cluster/link/transport.ts";
import type { VirtualNetwork } from "../support/virtual_network.ts";
import type { SimProcess } from "./sim_process.ts";

/** The transport of `process`, whose address is its name. */
export function simTransport(process: SimProcess, network: VirtualNetwork): LinkTransport {
  const inner = network.transport(process.name);
  const own = (socket: LinkSocket): LinkSocket => ({
    remoteAddress: socket.remoteAddress,
    read: (bytes) => process.gate(socket.read(bytes)),
    write: (bytes) => process.gate(socket.write(bytes)),
    close: () => socket.close(),
  });
  return {
    async dial(address, port, timeoutMs) {
      return own(await process.gate(inner.dial(address, port, timeoutMs)));
    },
    // A kernel accepts for a process that stands still.
    listen: (accepted) => inner.listen((socket) => process.run(() => accepted(own(socket)))),
  };
}
