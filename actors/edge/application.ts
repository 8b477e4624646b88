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
  "rtsp",
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
  /** RTMP clients that connect without credentials are asked for them at once (authmod=adobe). */
  readonly rtmpChallenge: boolean;
  /** How long a viewer waits for a publisher, in milliseconds; 0 = refused at once. */
  readonly playWaitMs: number;
  /** How long a publisher whose socket was lost is waited for, in milliseconds; 0 = not at all. */
  readonly holdMs: number;
  /** A second publisher of a live stream replaces the first. */
  readonly publishTakeover: boolean;
  /** A second publisher of a live stream is kept as its backup, wherever it is connected. */
  readonly publishBackup: boolean;
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
export interface GivenApplication {
  readonly protocols?: Partial<ApplicationSettings["protocols"]>;
  readonly users?: readonly User[];
  readonly rtmpChallenge?: boolean;
  readonly playWaitMs?: number;
  readonly holdMs?: number;
  readonly publishTakeover?: boolean;
  readonly publishBackup?: boolean;
  readonly hls?: Partial<HlsSettings>;
  readonly limits?: ApplicationLimits;
}

/** Name and settings of an application; the name {@link APPLICATION_OTHERS} means all others. */
export type NamedApplication = readonly [name: string, settings: GivenApplication];

/** What stands for the name of the applications that are not listed. */
export const APPLICATION_OTHERS = "*";

/** All applications as configured: plain data that survives JSON. */
export interface ApplicationTable {
  /** Of every application, where neither it nor {@link APPLICATION_OTHERS} says anything else. */
  readonly defaults: ApplicationSettings;
  readonly named: readonly NamedApplication[];
}

/** The applications of a node. */
export class Applications {
  #byName: ReadonlyMap<string, Application> = new Map();
  #others: ApplicationSettings;

  constructor(table: ApplicationTable) {
    this.#others = table.defaults;
    this.replace(table);
  }

  /** The application called `app`, listed or not. */
  of(app: string): Application {
    return this.#byName.get(app) ?? { ...this.#others, name: app };
  }

  /** The settings of the applications that are not listed. */
  get others(): ApplicationSettings {
    return this.#others;
  }

  /** Puts another table in force, for all who ask from now on. */
  replace({ defaults, named }: ApplicationTable): void {
    const others = named.find(([name]) => name === APPLICATION_OTHERS)?.[1] ?? {};
    this.#others = settle(defaults, others);
    this.#byName = new Map(
      named.map(([name, given]) => [name, { ...settle(this.#others, given), name }]),
    );
  }
}

/** Fills in what was left out. */
export function settle(
  settings: ApplicationSettings,
  given: GivenApplication,
): ApplicationSettings {
  return {
    ...settings,
    ...given,
    protocols: { ...settings.protocols, ...given.protocols },
    hls: { ...settings.hls, ...given.hls },
    limits: { ...settings.limits, ...given.limits },
  };
}
