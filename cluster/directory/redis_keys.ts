/**
 * Where the directory keeps its records in Redis.
 *
 * Every key of one script is in one slot of a Redis Cluster: what stands between the braces
 * decides. Members are in the slot of "{c}" together, each owned thing is in its own. Names are
 * percent-encoded, so that none can end its braces or look like another part of a key.
 *
 * @module
 */
import type { OwnedKey } from "./directory.ts";

/** What the record of an owned thing is called, by its kind. */
const RECORD = { s: "own", d: "sess", j: "own" } as const;

/** Keys about members, in the order in which every script about members takes them first. */
export interface ControlKeys {
  /** HASH: node to "incarnation|state|JSON". */
  readonly members: string;
  /** ZSET: "node:incarnation" by the millisecond of its death. */
  readonly dead: string;
  /** STRING: the number of the view. */
  readonly view: string;
  /** HASH: `tick`, `blind`, in milliseconds. */
  readonly pulse: string;
  /** HASH: node to its load report. */
  readonly load: string;
  /** STREAM: what changed the view; for operators, nobody reads it here. */
  readonly events: string;
  /** Channel of the hints; a key to Redis, for a sharded channel has a slot too. */
  readonly hint: string;
}

/** The keys of one mesh. */
export class RedisKeys {
  readonly control: ControlKeys;
  /** STRING: the shared secret. */
  readonly secret: string;
  readonly #prefix: string;

  /** @param mesh Any Unicode text. @throws {URIError} It is not. */
  constructor(mesh: string) {
    this.#prefix = `hw:${encodeName(mesh)}:`;
    const of = (name: string) => `${this.#prefix}{c}:${name}`;
    this.control = {
      members: of("members"),
      dead: of("dead"),
      view: of("view"),
      pulse: of("pulse"),
      load: of("load"),
      events: of("ev"),
      hint: of("hint"),
    };
    this.secret = of("secret");
  }

  /** STRING with an expiry: the incarnation whose lease lives. */
  lease(node: string): string {
    return `${this.#prefix}{c}:lease:${encodeName(node)}`;
  }

  /** HASH: who suspects the node, and when, in milliseconds. */
  votes(node: string): string {
    return `${this.#prefix}{c}:votes:${encodeName(node)}`;
  }

  /** HASH: epoch, node, inc, tok. */
  owned({ kind, key }: OwnedKey): string {
    return `${this.#prefix}${kind}:{${encodeName(key)}}:${RECORD[kind]}`;
  }

  /** HASH: what the last owner of a stream left. */
  timeline(stream: string): string {
    return `${this.#prefix}s:{${encodeName(stream)}}:tl`;
  }
}

/**
 * `name` with all but letters, digits, "_" and "-" as %XX of its UTF-8 bytes: no two names alike.
 *
 * @throws {URIError} It is not Unicode text.
 */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*.~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
