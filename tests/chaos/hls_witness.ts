/**
 * A player of HLS whose every request goes to the next node, as behind a load balancer: it takes
 * whatever is listed, from two nodes, and compares.
 *
 * @module
 */
import { type ReadPlaylist, readPlaylist } from "../support/m3u8.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";

/** How often it asks when it does not block, in milliseconds. */
const RELOAD_MS = 250;

/** A node that says nothing for this long is passed over, as a load balancer does. */
const ANSWER_MS_MAX = 5_000;

/** Nodes asked for one thing before the player gives up. */
const TRIES_MAX = 6;

/** Faults that are told; more are only counted. */
const FAULTS_TOLD_MAX = 3;

export class HlsWitness {
  /** What would have ended a player, and every difference between two nodes. */
  readonly faults: string[] = [];
  faultCount = 0;
  /** Things of which two nodes' bytes were compared. */
  compared = 0;
  readonly #nodes: () => readonly TestNode[];
  readonly #path: string;
  readonly #lowLatency: boolean;
  readonly #digests = new Map<string, string>();
  readonly #running: Promise<void>;
  #turn = 0;
  #stopped = false;

  /** @param nodes Those that a load balancer would ask, now. */
  constructor(nodes: () => readonly TestNode[], path: string, { lowLatency = false } = {}) {
    this.#nodes = nodes;
    this.#path = path;
    this.#lowLatency = lowLatency;
    this.#running = this.#run().catch((error) => {
      this.#fault(error instanceof Error ? error.message : String(error));
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /**
   * Takes all that each node lists, and compares it with what was taken of the same name before:
   * from another node, before the fault.
   */
  async agree(nodes: readonly TestNode[]): Promise<void> {
    await this.#takesMore();
    const media = await this.#media();
    for (const node of nodes) {
      const { segments } = readPlaylist(new TextDecoder().decode(await this.#from(node, media)));
      const uris = segments.flatMap(({ uri, map, parts }) => [map, ...parts.map(uriOf), uri]);
      let known = 0;
      for (const uri of new Set(uris.filter((uri) => uri !== undefined))) {
        const digest = await digestOf(await this.#from(node, pathBeside(media, uri)));
        const before = this.#digests.get(uri);
        this.#digests.set(uri, before ?? digest);
        if (before === undefined) continue;
        known++;
        if (before !== digest) this.#fault(`${uri} of ${node.ready.node} is not what it was`);
      }
      this.compared += known;
      if (known === 0) this.#fault(`${node.ready.node} lists nothing of what was there before`);
    }
  }

  /** A reload may still hang at a node that was cut off: until then nothing newer was taken. */
  async #takesMore(): Promise<void> {
    const taken = this.#digests.size;
    const untilMs = performance.now() + ANSWER_MS_MAX + RELOAD_MS;
    while (this.#digests.size === taken && performance.now() < untilMs) await delay(RELOAD_MS);
  }

  async #run(): Promise<void> {
    const media = await this.#media();
    let highest = -1;
    let directives = "";
    while (!this.#stopped) {
      const text = new TextDecoder().decode(await this.#get(media + directives));
      const playlist = readPlaylist(text);
      if (playlist.sequence < highest) {
        this.#fault(`sequence ${playlist.sequence} after ${highest}`);
      }
      highest = Math.max(highest, playlist.sequence);
      if (playlist.ended) return;
      await this.#takeAll(playlist, media);
      if (this.#lowLatency) directives = `?${nextOf(playlist)}`;
      else await delay(RELOAD_MS);
    }
  }

  /** Path of the media playlist, beside which everything else is. */
  async #media(): Promise<string> {
    const text = new TextDecoder().decode(await this.#get(`${this.#path}.m3u8`));
    const uri = text.split("\n").find((line) => line !== "" && !line.startsWith("#"));
    if (uri === undefined) throw new Error(`no playlist in ${text}`);
    return pathBeside(`${this.#path}.m3u8`, uri);
  }

  async #takeAll({ segments }: ReadPlaylist, media: string): Promise<void> {
    const uris = this.#lowLatency
      ? segments.slice(-2).flatMap(({ parts }) => parts.map(({ uri }) => uri))
      : segments.flatMap(({ uri, map }) => [map, uri]);
    for (const uri of new Set(uris)) {
      if (uri === undefined || this.#digests.has(uri) || this.#stopped) continue;
      const target = pathBeside(media, uri);
      const digest = await this.#digest(target);
      this.#digests.set(uri, digest);
      if (this.#nodes().length < 2) continue;
      this.compared++;
      if (await this.#digest(target) !== digest) this.#fault(`${uri} differs between nodes`);
    }
  }

  async #digest(target: string): Promise<string> {
    return await digestOf(await this.#get(target));
  }

  /** From this node alone. @throws {Error} It gives anything but 200. */
  async #from(node: TestNode, target: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await fetch(node.httpUrl(target), {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.status === 200) return body;
    throw new Error(`${response.status} for ${target} from ${node.ready.node}`);
  }

  /** From the next node; one that is gone is passed over, any answer but 200 is a fault. */
  async #get(target: string): Promise<Uint8Array<ArrayBuffer>> {
    for (let tries = 1;; tries++) {
      const nodes = this.#nodes();
      const node = nodes[this.#turn++ % nodes.length];
      let problem: string;
      try {
        const signal = AbortSignal.timeout(ANSWER_MS_MAX);
        const response = await fetch(node.httpUrl(target), { signal });
        const body = new Uint8Array(await response.arrayBuffer());
        if (response.status === 200) return body;
        problem = `${response.status} for ${target} from ${node.ready.node}`;
        if (!this.#stopped) this.#fault(problem);
      } catch (error) {
        problem = `${target} from ${node.ready.node}: ${error}`;
        // Who answered nothing was not known to be down: the next one is asked.
        if (nodes.includes(node) && this.#nodes().includes(node) && !this.#stopped) {
          this.#fault(problem);
        }
      }
      if (tries >= TRIES_MAX || this.#stopped) throw new Error(`gave up: ${problem}`);
      await delay(50);
    }
  }

  #fault(text: string): void {
    if (this.#stopped) return;
    this.faultCount++;
    if (this.faults.length < FAULTS_TOLD_MAX) {
      this.faults.push(`${this.#lowLatency ? "LL-HLS" : "HLS"}: ${text.slice(0, 300)}`);
    }
  }
}

async function digestOf(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
}

function uriOf({ uri }: { readonly uri: string }): string {
  return uri;
}

/** Path of what a playlist names. */
function pathBeside(media: string, uri: string): string {
  return new URL(uri, `http://any/${media}`).pathname.slice(1);
}

/** Directives of the reload that blocks until there is more than `playlist` has. */
function nextOf({ segments, sequence }: ReadPlaylist): string {
  const last = segments.at(-1);
  if (last === undefined) return `_HLS_msn=${sequence}&_HLS_part=0`;
  if (last.uri !== undefined) return `_HLS_msn=${last.number + 1}&_HLS_part=0`;
  return `_HLS_msn=${last.number}&_HLS_part=${last.parts.length}`;
}
