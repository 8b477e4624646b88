// Goal: the workers of a host are one server: connections spread over them, what is published to
// one plays from the others, and one that dies or hangs costs nobody else anything.
// Method: a real node with two workers; sessions are told apart by the worker the API names, and
// workers are killed and stopped by their process ids.
import { assert, assertEquals } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, type Follower, publishNumbered, untilPlaying } from "../support/live.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { isAlive, sessionsOf, socketsOf, workersOf } from "../support/workers.ts";

/** Connections that are spread; and the least share of each of two workers, in percent. */
const CONNECTIONS = 1_000;
const SHARE_PERCENT_MIN = 40;

/** Viewers of a stream: that all of them get to one worker happens once in thousands of runs. */
const VIEWERS = 14;

const TWO = { args: ["--workers", "2", "--name", "h"] };

interface NodeItem {
  readonly name: string;
  readonly host: string;
  readonly incarnation: number;
  readonly addresses: Readonly<Record<string, string>>;
}

/** Process ids of the workers as they are now, by index. */
function pidsNow(node: TestNode): number[] {
  const pids = [...workersOf(node)];
  for (const { message, worker, pid } of node.logs()) {
    if (message === "worker replaced") pids[worker as number] = pid as number;
  }
  return pids;
}

async function untilReplaced(node: TestNode, worker: number): Promise<number> {
  const before = pidsNow(node)[worker];
  return await eventually("the worker is replaced", () => {
    const pid = pidsNow(node)[worker];
    return pid === before ? undefined : pid;
  });
}

/** Viewers on both workers: those on the publisher's, and those on the other one. */
async function followOnBoth(node: TestNode, path: string) {
  const publisher = await publishNumbered(node, path);
  const followers = await Promise.all(
    Array.from({ length: VIEWERS }, () => follow(node, "rtmp", path)),
  );
  await Promise.all(followers.map((follower) => untilPlaying(follower)));
  const sessions = await sessionsOf(node, path);
  const home = sessions.find(({ role }) => role === "publish")!.node;
  const away = sessions.filter(({ node, role }) => role === "play" && node !== home).length;
  assert(away > 0 && away < VIEWERS, `${away} of ${VIEWERS} viewers are on the other worker`);
  return { publisher, followers, worker: Number(home.slice(-1)), away };
}

function ends(followers: readonly Follower[]): Set<Follower> {
  const ended = new Set<Follower>();
  for (const follower of followers) follower.viewer.ended.then(() => ended.add(follower));
  return ended;
}

Deno.test(
  endToEnd("a host with two workers lists both, and prints one ready line", {}, async () => {
    await using node = await startTestNode(TWO);
    assertEquals([node.ready.node, node.ready.pids.length], ["h", 3]);
    assert(node.ready.pids.every(isAlive));
    const { items } = await node.api<{ items: NodeItem[] }>("nodes");
    assertEquals(items.map(({ name, host }) => [name, host]), [["h.0", "h"], ["h.1", "h"]]);
    for (const protocol of ["rtmp", "rtsp", "http"] as const) {
      const at = items.map(({ addresses }) => addresses[protocol]);
      assertEquals(at, [node.address(protocol), node.address(protocol)]);
    }
    const { pids } = node.ready;
    node.signal("SIGTERM");
    assertEquals((await node.ended).code, 0);
    assert(!pids.some(isAlive));
  }),
);

Deno.test(endToEnd("connections spread over both workers", {}, async () => {
  await using node = await startTestNode(TWO);
  const [hostname, port] = node.address("rtmp").split(":");
  const before = workersOf(node).map(socketsOf);
  const open: Deno.Conn[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    open.push(await Deno.connect({ hostname, port: Number(port) }));
  }
  const counts = () => workersOf(node).map((pid, i) => socketsOf(pid) - before[i]);
  await eventually("all are accepted", () => counts()[0] + counts()[1] >= CONNECTIONS);
  const shares = counts().map((count) => 100 * count / CONNECTIONS);
  assert(shares.every((share) => share >= SHARE_PERCENT_MIN), `${shares} percent`);
  for (const conn of open) conn.close();
}));

Deno.test(endToEnd("a worker that is killed costs the other's viewers nothing", {}, async () => {
  await using node = await startTestNode(TWO);
  const { publisher, followers, worker, away } = await followOnBoth(node, "live/killed");
  const ended = ends(followers);
  const startMs = performance.now();
  Deno.kill(workersOf(node)[1 - worker], "SIGKILL");
  await untilReplaced(node, 1 - worker);
  assertWithin(1_000, performance.now() - startMs, "the new worker");
  await eventually("its own viewers are cut off", () => ended.size === away);
  // The new worker serves the same stream.
  const late = await Promise.all(
    Array.from({ length: VIEWERS }, () => follow(node, "rtmp", "live/killed")),
  );
  await Promise.all(late.map((follower) => untilPlaying(follower)));
  const sessions = await sessionsOf(node, "live/killed");
  assert(sessions.some(({ node }) => node === `h.${1 - worker}`));
  const last = await publisher.end();
  for (const follower of followers.filter((follower) => !ended.has(follower))) {
    assertEquals(await follower.viewer.ended, "end of stream");
    const { lost, doubled, last: seen } = follower.check;
    assertEquals([lost, doubled, seen], [0, 0, last]);
  }
}));

Deno.test(endToEnd("a worker that hangs is replaced, and nobody waits longer", {}, async () => {
  await using node = await startTestNode(TWO);
  const { publisher, followers, worker, away } = await followOnBoth(node, "live/stopped");
  const ended = ends(followers);
  const startMs = performance.now();
  Deno.kill(workersOf(node)[1 - worker], "SIGSTOP");
  const replaced = untilReplaced(node, 1 - worker);
  // What the kernel gave to the stopped worker hangs until that one is killed.
  const waits = Array.from({ length: 20 }, async () => {
    const beginMs = performance.now();
    await fetch(node.httpUrl("healthz")).then((response) => response.text(), () => "cut off");
    return performance.now() - beginMs;
  });
  await replaced;
  assertWithin(3_000, performance.now() - startMs, "the new worker");
  for (const waitedMs of await Promise.all(waits)) assertWithin(3_000, waitedMs, "a request");
  await eventually("its own viewers are cut off", () => ended.size === away);
  const last = await publisher.end();
  for (const follower of followers.filter((follower) => !ended.has(follower))) {
    await follower.viewer.ended;
    assertEquals([follower.check.lost, follower.check.last], [0, last]);
  }
}));

Deno.test(
  endToEnd("workers end when the supervisor is killed, and ports are free", {}, async () => {
    await using node = await startTestNode(TWO);
    const { followers } = await followOnBoth(node, "live/orphans");
    const [supervisor, ...workers] = node.ready.pids;
    const startMs = performance.now();
    Deno.kill(supervisor, "SIGKILL");
    await eventually("the workers are gone", () => !workers.some(isAlive));
    assertWithin(2_000, performance.now() - startMs, "the workers' end");
    for (const protocol of ["rtmp", "rtsp", "http"] as const) {
      const [hostname, port] = node.address(protocol).split(":");
      Deno.listen({ hostname, port: Number(port) }).close();
    }
    for (const follower of followers) follower[Symbol.dispose]();
  }),
);

Deno.test(endToEnd("a port that another program would share is taken", {}, async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
  const { port } = other.addr as Deno.NetAddr;
  for (const flag of ["--rtmp-port", "--http-port"]) {
    const message = await refusalOf([flag, String(port)]);
    assert(message.includes(`exit code 2: ${flag} ${port}: the port is taken`), message);
  }
}));

Deno.test(endToEnd("a second host on the same data directory is refused", {}, async () => {
  const first = await startTestNode(TWO);
  const { dataFolder } = first;
  try {
    for (const workers of ["1", "2"]) {
      const message = await refusalOf(["--workers", workers], dataFolder);
      assert(
        message.includes("exit code 2: ") && message.includes("another node uses it"),
        message,
      );
    }
    // A worker that is started again is not a second host.
    Deno.kill(workersOf(first)[0], "SIGKILL");
    await untilReplaced(first, 0);
  } finally {
    await first.stop();
  }
  await using single = await startTestNode({ args: ["--workers", "1"] });
  const message = await refusalOf([], single.dataFolder);
  assert(message.includes("another node uses it"), message);
}));

/** Starts a host that must not become ready; what it said. */
async function refusalOf(args: readonly string[], dataFolder?: string): Promise<string> {
  try {
    const node = await startTestNode({ args: ["--workers", "2", ...args], dataFolder });
    await node.stop();
  } catch (error) {
    return String(error);
  }
  return "it started";
}
