/**
 * Applications: what the operator allows under each first path element. Plain data; who asks takes
 * it when a session starts, so that a change touches new sessions only.
 *
 * @module
 */
import type { HlsSettings } from "../../protocols/media/record.ts";

/** What a client may want of a stream. */
export type Action = "publish" | "play";

/** Ways to a stream that an application may allow or forbid. */
export const ACCESS_PROTOCOLS = [
  "rtmp",
  "http-flv",
  "ws-flv",
  "http-ts",
  "http-mp4",
  "hls",
] as const;
export type AccessProtocol = typeof ACCESS_PROTOCOLS[number];

/** What a user may do. */
interface Rights {
  readonly publish: boolean;
  readonly play: boolean;
}

/** Somebody with rights: by name and password, or by a token. All of them are secrets. */
export type User =
  & Rights
  & ({ readonly user: string; readonly pass: string } | { readonly token: string });

/** Bounds of one application; `undefined` = none besides those of the node. */
export interface ApplicationLimits {
  /** Most bits per second that one publisher may send, over some seconds. */
  readonly publishBitsPerSecondMax?: number;
  /** Largest frame that one publisher may send, in bytes. */
  readonly frameBytesMax?: number;
  /** Most streams published at a time on one node. */
  readonly streamsMax?: number;
  /** Most publishers and viewers at a time on one node. */
  readonly connectionsMax?: number;
}

/** The settings of an application, without its name. */
export interface ApplicationSettings {
  /** How its streams may be published and played. */
  readonly protocols: Readonly<Record<Action, readonly AccessProtocol[]>>;
  readonly users: readonly User[];
  /** How long a viewer waits for a publisher, in milliseconds; 0 = refused at once. */
  readonly playWaitMs: number;
  /** How long a publisher whose socket was lost is waited for, in milliseconds; 0 = not at all. */
  readonly holdMs: number;
  /** A second publisher of a live stream replaces the first. */
  readonly publishTakeover: boolean;
  /** How its streams are cut for HLS. */
  readonly hls: HlsSettings;
  readonly limits: ApplicationLimits;
}

/** One application, nothing left open. */
export interface Application extends ApplicationSettings {
  /** First element of the path. */
  readonly name: string;
}

/** Settings of an application as written; what is left out comes from elsewhere. */
export type GivenApplication = Partial<ApplicationSettings>;

/** All applications as configured: plain data that survives JSON. */
export interface ApplicationTable {
  /** Of every application that says nothing else. */
  readonly defaults: ApplicationSettings;
  /** Name and settings of those that do. */
  readonly named: readonly (readonly [name: string, settings: GivenApplication])[];
}

/** The applications of a node. */
export class Applications {
  #table: ApplicationTable;
  #named: ReadonlyMap<string, Application>;

  constructor(table: ApplicationTable) {
    this.#table = table;
    this.#named = namedOf(table);
  }

  /** The application called `app`, listed or not. */
  of(app: string): Application {
    return this.#named.get(app) ?? { name: app, ...this.#table.defaults };
  }

  /** The settings of the applications that are not listed, and of all that say nothing else. */
  get defaults(): ApplicationSettings {
    return this.#table.defaults;
  }

  /** Puts another table in force, for all who ask from now on. */
  replace(table: ApplicationTable): void {
    this.#named = namedOf(table);
    this.#table = table;
  }
}

function namedOf({ defaults, named }: ApplicationTable): Map<string, Application> {
  return new Map(
    named.map(([name, settings]) => [name, { name, ...defaults, ...settings }]),
  );
}
