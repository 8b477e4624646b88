// Goal: the directory behind a pipe is the directory: same answers, same errors, bounded waits.
// Method: a desk and a pipe directory joined by their lines, as the two processes are.
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { DirectoryUnavailable, type Member } from "../../../cluster/directory/directory.ts";
import { DirectoryStore } from "../../../cluster/directory/memory_directory.ts";
import { DirectoryDesk } from "../../../cluster/supervisor/directory_desk.ts";
import {
  CALL_MS_MAX,
  CALLS_MAX,
  PipeDirectory,
} from "../../../cluster/supervisor/pipe_directory.ts";
import { decodeValue, encodeValue } from "../../../cluster/supervisor/pipe_values.ts";
import {
  type DirectoryCall,
  messageLine,
  parseMessage,
} from "../../../cluster/supervisor/worker_lines.ts";

const LEASE_MS = 3_000;

function memberOf(node: string): Member {
  return {
    ...{ node, incarnation: 0, address: "127.0.0.1", port: 9, host: "h", zone: "z" },
    ...{ role: "any", state: "up", addresses: { rtmp: "h:1935" }, weight: 1 },
  };
}

/** A worker and its desk; every call and answer is a line. */
function workerOf(store: DirectoryStore, ports: VirtualPorts) {
  const pipe: PipeDirectory = new PipeDirectory({
    ports,
    send: (call) => {
      const line = messageLine(call);
      queueMicrotask(() => void desk.take(parseMessage(line) as DirectoryCall));
    },
  });
  const desk = new DirectoryDesk(store, (line) => {
    assert(!line.includes("\n"));
    queueMicrotask(() => assert(pipe.take(line), line));
  });
  return { pipe, desk };
}

Deno.test("PipeDirectory answers as the directory behind it does", async () => {
  const ports = new VirtualPorts();
  const store = new DirectoryStore(ports.clock);
  const [{ pipe: a, desk }, { pipe: b }] = [workerOf(store, ports), workerOf(store, ports)];
  let hints = 0;
  b.onHint(() => hints++);
  const { incarnation } = await a.join(memberOf("h.0"), LEASE_MS);
  await b.join(memberOf("h.1"), LEASE_MS);
  assert(hints > 0);
  const { members } = await b.members();
  assertEquals([...members.keys()].sort(), ["h.0", "h.1"]);
  assertEquals(members.get("h.0")?.addresses, { rtmp: "h:1935" });
  const load = { cpu: 1, lagMs: 2, egressKbps: 3, streams: 4, viewers: 5 };
  const renewal = { node: "h.0", incarnation, leaseMs: LEASE_MS, load, watched: ["h.1"] };
  const renewed = await a.renew(renewal);
  assert(renewed.ok);
  assertEquals(renewed.loads.get("h.0"), load);
  const key = { kind: "s", key: "live/x" } as const;
  const claim = await a.claim(key, {
    ...{ node: "h.0", incarnation, expectedEpoch: 0, deadlineUs: store.nowUs() + 1e6 },
    token: "t",
  });
  assert(claim.kind === "won");
  const [owner, nobody] = await b.lookup([key, { kind: "s", key: "live/y" }]);
  assertEquals([owner?.node, owner?.epoch, nobody], ["h.0", claim.epoch, undefined]);
  assertEquals(await b.readTimeline("live/x"), undefined);
  assertEquals(await a.sharedSecret("one"), await b.sharedSecret("two"));
  await desk.workerGone();
  assertEquals(await b.isDead("h.0", incarnation), true); // Nobody waits for its lease.
});

Deno.test("PipeDirectory hands on whose fault a refusal is", async () => {
  const ports = new VirtualPorts();
  const { pipe, desk } = workerOf(new DirectoryStore(ports.clock), ports);
  await assertRejects(() => pipe.join({ ...memberOf("a"), port: 70_000 }, LEASE_MS), RangeError);
  await assertRejects(() => pipe.isDead("", 1), RangeError);
  const state = "gone" as "up";
  await assertRejects(() => pipe.setState("a", 1, state), TypeError);
  await desk.workerGone();
  await assertRejects(() => pipe.members(), DirectoryUnavailable);
});

Deno.test("DirectoryDesk calls nothing but the directory's methods", async () => {
  const ports = new VirtualPorts();
  const lines: string[] = [];
  const desk = new DirectoryDesk(new DirectoryStore(ports.clock), (line) => lines.push(line));
  for (const method of ["constructor", "close", "onHint", "toString", "__proto__"]) {
    await desk.take({ kind: "directory", id: 1, method, args: [] });
  }
  assertEquals(lines.length, 5);
  assert(lines.every((line) => line.includes('"kind":"type"')), lines.join("\n"));
});

Deno.test("PipeDirectory waits only so long, and for only so many", async () => {
  const ports = new VirtualPorts();
  const pipe = new PipeDirectory({ ports, send: () => {} });
  const waiting = Array.from({ length: CALLS_MAX }, () => {
    return assertRejects(() => pipe.members(), DirectoryUnavailable);
  });
  const tooMany = await assertRejects(() => pipe.members(), DirectoryUnavailable);
  assertEquals(tooMany.message, "Cannot ask the directory: too many calls wait");
  await ports.advance(CALL_MS_MAX);
  const [first] = await Promise.all(waiting);
  assertEquals(first.message, "Cannot ask the directory: the supervisor does not answer");
  // An answer that comes too late is nobody's.
  assert(pipe.take('answer {"id":1,"ok":true,"value":1}'));
  assertEquals(pipe.take("drain"), false);
  const closing = assertRejects(() => pipe.members(), DirectoryUnavailable);
  await pipe.close();
  await closing;
  await assertRejects(() => pipe.members(), DirectoryUnavailable);
});

Deno.test("encodeValue() keeps what JSON has no word for", () => {
  const values = [
    undefined,
    null,
    [undefined, 1, "x"],
    new Map([["a", { b: new Map() }], ["c", undefined]]),
    { a: [new Map([["d", [undefined]]])], e: "" },
  ];
  for (const value of values) {
    assertEquals(decodeValue(JSON.parse(JSON.stringify(encodeValue(value)))), value);
  }
  assertEquals(encodeValue({ a: undefined }), {});
});
