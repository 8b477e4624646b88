/**
 * A worker whose node is a fake: it listens, tells each call on its log, and its name says how it
 * misbehaves.
 *
 * @module
 */
import type { StartNode } from "../../cluster/running_node.ts";
import { StartError } from "../../cluster/start_error.ts";
import { runWorker } from "../../cluster/worker.ts";

const startNode: StartNode = (config, ports) => {
  if (config.name === "refused") throw new StartError("--rtmp-port 1: the port is taken");
  if (config.name === "faulty") throw new Error("a fault of our own");
  const listener = Deno.listen({ hostname: config.host, port: config.rtmpPort });
  const drained = Promise.withResolvers<void>();
  return Promise.resolve({
    name: config.name,
    addresses: { rtmp: `${config.host}:${(listener.addr as Deno.NetAddr).port}` },
    applyConfig({ applications }) {
      ports.log.info("applyConfig called", { applications: applications.map(([name]) => name) });
    },
    drain() {
      ports.log.info("drain called");
      if (config.name === "busy") return drained.promise; // A client that never leaves.
      if (config.name === "slow") ports.timers.after(1500, drained.resolve);
      else drained.resolve();
      return drained.promise;
    },
    stop() {
      ports.log.info("stop called", { url: "rtmp://host/live/x?token=secret-of-a-log-line" });
      listener.close();
      return Promise.resolve();
    },
  });
};

Deno.exit(await runWorker(startNode));
