/**
 * What the directory's tests need of an implementation: its data, ways to it, and the hand of fate.
 *
 * @module
 */
import type { Directory, LoadReport, Member } from "../../../cluster/directory/directory.ts";
import { DirectoryStore, MemoryDirectory } from "../../../cluster/directory/memory_directory.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

/** One directory under test. */
export interface World {
  /** Another node's way to the same data. */
  open(): Directory;
  /** Lets time pass for the directory. */
  pass(ms: number): Promise<void>;
  /** Lets a moment pass, where time stands still by itself. */
  tick?(): Promise<void>;
  /** Ends a node's lease as its time would. */
  dropLease(node: string): Promise<void>;
  /** Nobody has asked about members for too long. */
  goBlind(): Promise<void>;
  /** It has been asked regularly for longer than any grace of the tests. */
  regainSight(): Promise<void>;
  /** All data is lost. */
  wipe(): Promise<void>;
  /** Forgets what was released a day ago. */
  passDay(): Promise<void>;
  close(): Promise<void>;
}

/** One sentence of the contract, and how it is checked in a fresh world. */
export interface ContractCase {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** Grace used by the tests, in milliseconds. */
export const GRACE_MS = 5_000;

/** A lease that no test outlives, in milliseconds. */
export const LONG_LEASE_MS = 600_000;

/** A world in memory on virtual time. */
export function memoryWorld(): World {
  const ports = new VirtualPorts();
  const store = new DirectoryStore(ports.clock);
  return {
    open: () => new MemoryDirectory(store),
    pass: (ms) => ports.advance(ms),
    tick: () => Promise.resolve(ports.spend(1)),
    dropLease: (node) => Promise.resolve(store.members.dropLease(node)),
    goBlind: () => ports.advance(2_000),
    async regainSight() {
      for (let passedMs = 0; passedMs <= GRACE_MS; passedMs += 1_000) {
        store.members.view(store.nowUs());
        await ports.advance(1_000);
      }
      store.members.view(store.nowUs());
    },
    wipe: () => Promise.resolve(store.wipe()),
    passDay: () => ports.advance(24 * 3_600_000 + 1),
    close: () => Promise.resolve(),
  };
}

/** A member as a node introduces itself. */
export function memberOf(node: string, more: Partial<Member> = {}): Member {
  return {
    node,
    incarnation: 0,
    address: "127.0.0.1",
    port: 9035,
    host: node,
    zone: "",
    role: "any",
    state: "up",
    addresses: { rtmp: "127.0.0.1:1935" },
    weight: 1,
    ...more,
  };
}

export const NO_LOAD: LoadReport = { cpu: 0, lagMs: 0, egressKbps: 0, streams: 0, viewers: 0 };
