/**
 * Faults of what lies between the nodes, and how each ends.
 *
 * @module
 */
import type { Action } from "./schedule.ts";
import type { DirectoryWeather } from "./sim_directory.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { SimTime } from "./sim_time.ts";

/** What befalls the network or the directory. */
export type Disturbance = Extract<
  Action,
  | { kind: "part" | "half-open" | "reset" | "slow" }
  | { kind: "directory-cut" | "directory-slow" | "directory-lossy" }
  | { kind: "directory-stall" | "directory-wipe" | "directory-crawl" | "directory-away" }
  | { kind: "failover" | "split" }
>;

/** Begins a fault; it ends by itself. */
export function disturb(
  action: Disturbance,
  network: SimNetwork,
  weather: DirectoryWeather,
  time: SimTime,
): void {
  switch (action.kind) {
    case "part":
    case "half-open": {
      const { node, peer, kind } = action;
      const directions = kind === "part" ? [[node, peer], [peer, node]] : [[node, peer]];
      for (const [from, to] of directions) network.hold(from, to);
      time.after(action.forMs, () => {
        for (const [from, to] of directions) network.release(from, to);
      });
      return;
    }
    case "reset":
      return network.network.cut(action.node, action.peer);
    case "slow":
      network.slow(action.node, action.peer, action.delayMs);
      return void time.after(action.forMs, () => network.slow(action.node, action.peer, 0));
    case "directory-cut":
      weather.cut(action.node);
      return void time.after(action.forMs, () => weather.heal(action.node));
    case "directory-slow":
      weather.slowMs.set(action.node, action.delayMs);
      return void time.after(action.forMs, () => void weather.slowMs.delete(action.node));
    case "directory-lossy":
      weather.lossy = action.share;
      return void time.after(action.forMs, () => weather.lossy = 0);
    case "directory-stall":
      weather.stall();
      return void time.after(action.forMs, () => weather.resume());
    case "directory-wipe":
      return weather.store.wipe();
    case "directory-crawl":
      weather.crawlMs = action.delayMs;
      return void time.after(action.forMs, () => weather.crawlMs = 0);
    case "directory-away":
    case "failover":
      weather.leave();
      if (action.kind === "failover") weather.store.failOver(action.lostMs, action.clockMs);
      else if (action.wiped) weather.store.wipe();
      return void time.after(action.forMs, () => weather.comeBack());
    case "split":
      return split(action, network, weather, time);
  }
}

/** Several may lie over each other, and each ends by itself. */
function split(
  { nodes: side, directory, forMs }: Extract<Action, { kind: "split" }>,
  network: SimNetwork,
  weather: DirectoryWeather,
  time: SimTime,
): void {
  const { names } = network;
  const others = names.filter((name) => !side.includes(name));
  const ways = side.flatMap((a) => others.flatMap((b) => [[a, b], [b, a]]));
  const cut = { theirs: others, others: side, nobody: names }[directory];
  for (const [from, to] of ways) network.hold(from, to);
  for (const node of cut) weather.cut(node);
  time.after(forMs, () => {
    for (const [from, to] of ways) network.release(from, to);
    for (const node of cut) weather.heal(node);
  });
}
