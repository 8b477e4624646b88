// Goal: the supervisor's decisions: who is started when, killed, replaced, and how the host ends.
// Method: workers that are no processes, on a virtual clock; each line and end is played by hand.
import { assert, assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { DEFAULTS } from "../config_defaults.ts";
import type { GivenConfig } from "../../../cluster/config.ts";
import { parseHandover } from "../../../cluster/handover.ts";
import { type HostEnd, HostSupervisor } from "../../../cluster/supervisor/host_supervisor.ts";
import { RESTART_MS_FIRST } from "../../../cluster/supervisor/restart_backoff.ts";
import type { WorkerMessage } from "../../../cluster/supervisor/worker_lines.ts";
import type { WorkerEnd } from "../../../cluster/supervisor/worker_process.ts";
import { SILENT_MS_MAX, START_MS_MAX } from "../../../cluster/supervisor/worker_slot.ts";

/** A worker that does what the test says. */
class FakeWorker {
  readonly lines: string[] = [];
  readonly #ended = Promise.withResolvers<WorkerEnd>();
  readonly ended = this.#ended.promise;
  killed = false;

  constructor(readonly pid: number, readonly say: (message: WorkerMessage) => void) {}

  send(line: string): void {
    this.lines.push(line);
  }

  /** A stopped process ends all the same when it is killed. */
  kill(): void {
    this.killed = true;
    this.#ended.resolve({ code: 137, signal: "SIGKILL" });
  }

  async end(code: number): Promise<void> {
    this.#ended.resolve({ code, signal: null });
    await settled();
  }

  ready(): void {
    const addresses = { rtmp: "127.0.0.1:4001", http: "127.0.0.1:4002" };
    this.say({ kind: "ready", host: "h", addresses });
  }

  get handover() {
    return parseHandover(this.lines[0]);
  }
}

class Host {
  readonly ports = new VirtualPorts();
  readonly workers: FakeWorker[] = [];
  readonly supervisor: HostSupervisor;
  readies: readonly (readonly number[])[] = [];
  ended: HostEnd | undefined;

  constructor(count: number, config: GivenConfig = DEFAULTS) {
    this.supervisor = new HostSupervisor({
      ...{ ports: this.ports, count, host: "run", meshSecret: "secret" },
      config: { ...config, rtmpPort: 0, httpPort: 0 },
      spawn: (onMessage) => {
        const worker = new FakeWorker(100 + this.workers.length, onMessage);
        this.workers.push(worker);
        return worker;
      },
      onReady: ({ pids }) => this.readies = [...this.readies, pids],
      onReread: () => {},
    });
    this.supervisor.ended.then((end) => this.ended = end);
    this.supervisor.start();
  }

  /** Time goes by, in which some workers give signs of life. */
  async pass(ms: number, alive: readonly FakeWorker[] = []): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      for (const worker of alive) worker.say({ kind: "beat" });
      await this.ports.advance(100);
    }
  }
}

function startedHost(count: number): Host {
  const host = new Host(count);
  for (const worker of host.workers) worker.ready();
  return host;
}

/** Lets everything happen that waits for nothing but promises. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("HostSupervisor starts the others once the first has the ports", () => {
  const host = new Host(3);
  const [a, b, c] = host.workers;
  assertEquals([a, b, c].map(({ lines }) => lines.length), [1, 0, 0]);
  assertEquals(a.handover.place.portsKnown, false);
  a.ready();
  assertEquals([a, b, c].map(({ lines }) => lines.length), [1, 1, 1]);
  const { place, config } = c.handover;
  assertEquals([place.index, place.count, place.portsKnown], [2, 3, true]);
  assertEquals([config.rtmpPort, config.httpPort], [4001, 4002]);
  b.ready();
  assertEquals(host.readies, []);
  c.ready();
  assertEquals(host.readies, [[100, 101, 102]]);
});

Deno.test("HostSupervisor replaces a worker at once, then ever more slowly, and says no more", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  await b.end(1);
  const [, , second] = host.workers;
  assertEquals(second.handover.place.index, 1);
  assertEquals(second.handover.config.rtmpPort, 4001);
  second.ready();
  await second.end(1);
  assertEquals(host.workers.length, 3);
  await host.pass(RESTART_MS_FIRST, [a]);
  assertEquals(host.workers.length, 4);
  host.workers[3].ready();
  assertEquals(host.readies.length, 1);
  assert(!a.killed);
});

Deno.test("HostSupervisor kills a worker that is silent, and none that it did not listen to", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  await host.pass(SILENT_MS_MAX - 100, [a]);
  assert(!b.killed);
  await host.pass(300, [a]);
  assert(b.killed && !a.killed);
  assertEquals(host.workers.length, 3);
  // Our own process stood still: what they said meanwhile waits in the pipes.
  host.workers[2].ready();
  host.ports.spend(60_000);
  await host.ports.runUntilIdle();
  assert(!a.killed && !host.workers[2].killed);
});

Deno.test("HostSupervisor gives a worker longer for its start", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  await b.end(1);
  await host.pass(START_MS_MAX - 100, [a]);
  assert(!host.workers[2].killed);
  await host.pass(300, [a]);
  assert(host.workers[2].killed);
});

Deno.test("HostSupervisor ends when a worker cannot start, with its exit code", async () => {
  for (const first of [0, 1]) {
    const host = new Host(2);
    const [a, b] = host.workers;
    if (first === 1) a.ready();
    await host.workers[first].end(2);
    const other = host.workers[1 - first];
    assertEquals(other.lines.at(-1), "stop");
    await other.end(0);
    assertEquals(host.ended, { end: { code: 2, signal: null }, asked: false });
    assertEquals([a, b, ...host.readies].length, 2);
  }
});

Deno.test("HostSupervisor ends when it is asked to, and kills who does not", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  host.supervisor.end("drain");
  assertEquals([a.lines.at(-1), b.lines.at(-1)], ["drain", "drain"]);
  await a.end(0);
  assertEquals(host.ended, undefined);
  await host.pass(DEFAULTS.drainTimeoutMs);
  assert(!b.killed);
  host.supervisor.end("stop");
  await host.pass(3_100);
  assert(b.killed);
  assertEquals(host.ended, { end: { code: 137, signal: "SIGKILL" }, asked: true });
  assertEquals(host.workers.length, 2);
});

Deno.test("HostSupervisor.restart() replaces one worker after another", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  a.say({ kind: "restart" });
  b.say({ kind: "restart" }); // Twice is once.
  assertEquals([a.lines.at(-1), b.lines.length], ["drain", 1]);
  await a.end(0);
  assertEquals(host.workers.length, 3);
  assertEquals(b.lines.length, 1); // Not before the new one serves.
  host.workers[2].ready();
  await settled();
  assertEquals(b.lines.at(-1), "drain");
  await b.end(0);
  host.workers[3].ready();
  await settled();
  assertEquals(host.workers.length, 4);
  host.workers[2].say({ kind: "restart" });
  assertEquals(host.workers[2].lines.at(-1), "drain"); // The next time it is done again.
});

Deno.test("HostSupervisor ends in the middle of a restart", async () => {
  const host = startedHost(2);
  const [a, b] = host.workers;
  host.supervisor.restart();
  host.supervisor.end("stop");
  await Promise.all([a.end(0), b.end(0)]);
  assertEquals(host.ended?.asked, true);
  assertEquals(host.workers.length, 2);
});
