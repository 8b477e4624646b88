/**
 * TCP ports of the loopback interface for the tests.
 *
 * @module
 */
import { eventually } from "./processes.ts";

/**
 * A port that was free a moment ago, for programs that cannot choose one themselves. Everything
 * else listens on port 0.
 */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Waits until somebody accepts connections. @throws {Error} Nobody does in time. */
export async function waitForPort(port: number): Promise<void> {
  await eventually(`a listener on port ${port}`, async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
}
