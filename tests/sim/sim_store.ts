/**
 * The directory's data with a replica behind it: a failover loses the writes that had not reached
 * the replica, and brings that host's clock.
 *
 * @module
 */
import type { Clock } from "../../actors/runtime/ports.ts";
import { ClaimTable } from "../../cluster/directory/claim_table.ts";
import { DirectoryStore } from "../../cluster/directory/memory_directory.ts";
import { MemberTable } from "../../cluster/directory/member_table.ts";

interface Tables {
  readonly members: MemberTable;
  readonly claims: ClaimTable;
}

/** One call, to be made again on other tables. */
interface Entry {
  readonly atMs: number;
  readonly apply: (tables: Tables) => void;
}

/** Calls kept: sixty virtual seconds of five nodes are some 5,000. */
const ENTRIES_MAX = 1_000_000;

export class SimStore extends DirectoryStore {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #tables: Tables = this.#newTables();
  /** The same, noting each call. */
  #noted: Tables = this.#note(this.#tables);
  /** All that was done since the data was lost last. */
  #journal: Entry[] = [];
  #offsetUs = 0;
  #lastUs = 0;
  #replaying = false;

  constructor(clock: Clock) {
    super(clock);
    this.#clock = clock;
  }

  override get members(): MemberTable {
    return this.#noted.members;
  }

  override get claims(): ClaimTable {
    return this.#noted.claims;
  }

  override nowUs(): number {
    const clockUs = Math.floor(this.#clock.wallMs() * 1_000) + this.#offsetUs;
    return this.#lastUs = Math.max(clockUs, this.#lastUs + 1);
  }

  override subscribe(callback: () => void): () => void {
    const own = () => callback();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  override wipe(): void {
    this.#journal = [];
    this.#use(this.#newTables());
  }

  /** The replica takes over: without the writes of the last `lostMs`, its clock off by `clockMs`. */
  failOver(lostMs: number, clockMs: number): void {
    const endMs = this.#clock.nowMs() - lostMs;
    this.#journal = this.#journal.filter(({ atMs }) => atMs <= endMs);
    const tables = this.#newTables();
    this.#replaying = true;
    for (const { apply } of this.#journal) apply(tables);
    this.#replaying = false;
    this.#use(tables);
    this.#offsetUs = clockMs * 1_000;
    this.#lastUs = 0;
  }

  /** What makes epochs; a broken one in a mutant. */
  protected newClaims(): ClaimTable {
    return new ClaimTable();
  }

  #use(tables: Tables): void {
    this.#tables = tables;
    this.#noted = this.#note(tables);
  }

  #newTables(): Tables {
    const changed = () => {
      if (this.#replaying) return;
      for (const callback of this.#listeners) queueMicrotask(callback);
    };
    return { members: new MemberTable(changed), claims: this.newClaims() };
  }

  #note({ members, claims }: Tables): Tables {
    return {
      members: this.#noting(members, (tables) => tables.members),
      claims: this.#noting(claims, (tables) => tables.claims),
    };
  }

  /** `table`, whose calls come into the journal. */
  #noting<T extends object>(table: T, of: (tables: Tables) => T): T {
    return new Proxy(table, {
      get: (_, name: keyof T & string) => {
        const method = table[name];
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          const apply = (tables: Tables) => {
            const other = of(tables);
            (other[name] as (...args: unknown[]) => unknown).apply(other, args);
          };
          if (this.#journal.length < ENTRIES_MAX) {
            this.#journal.push({ atMs: this.#clock.nowMs(), apply });
          }
          return method.apply(table, args);
        };
      },
    });
  }
}
