/**
 * One stream and those who watch it while a fault happens: who publishes where, who owns it, and
 * what everybody saw in the end.
 *
 * @module
 */
import type { TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import type { ViewerProtocol } from "../support/wire/viewer.ts";
import { Encoder } from "./encoder.ts";
import type { Ground } from "./ground.ts";
import { HlsWitness } from "./hls_witness.ts";
import { Witness } from "./witness.ts";

/** How long everything runs undisturbed first, in milliseconds. */
const QUIET_MS = 1_200;

/** Lines of each node's log that are shown when a run fails. */
const LOG_LINES_TOLD = 25;

/** Longest that a stream may be without an owner that lives, in milliseconds. */
const TAKEOVER_MS_MAX = 8_000;

export interface SceneOptions {
  readonly ground: Ground;
  readonly path: string;
  /** Node the encoder connects to, and node that is to own the stream. */
  readonly ingest: string;
  readonly owner: string;
  /** Nodes with viewers that nothing is done to, and nodes with viewers that suffer. */
  readonly viewersAt: readonly string[];
  readonly victimsAt?: readonly string[];
  /** Those who suffer may miss frames: nobody could bring them any for longer than they are kept. */
  readonly victimsMayLose?: boolean;
  /** Without pollers of HLS, where there are many streams. */
  readonly plain?: boolean;
  /** How long the encoder takes to come back after it was cut off, in milliseconds; 0 unless said. */
  readonly awayMs?: number;
}

/** What a run came to. */
export interface RunResult {
  /** Longest time without a picture at any viewer, after and before the fault, in milliseconds. */
  readonly gapMs: number;
  readonly quietMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly backwards: number;
  /** Largest step of timestamps between pictures, in milliseconds. */
  readonly stepMs: number;
  /** Who owned the stream after the fault, and how long that took, in milliseconds. */
  readonly owner: string;
  readonly takeoverMs: number;
  readonly reconnects: number;
  /** Segments and parts of which two nodes' bytes were compared. */
  readonly compared: number;
  /** Whatever else went wrong. */
  readonly faults: readonly string[];
}

/** What several streams came to in one run. */
export function together(results: readonly RunResult[]): RunResult {
  const sum = (count: (result: RunResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  const most = (figure: (result: RunResult) => number) => Math.max(...results.map(figure));
  return {
    gapMs: most(({ gapMs }) => gapMs),
    quietMs: most(({ quietMs }) => quietMs),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    backwards: sum(({ backwards }) => backwards),
    stepMs: most(({ stepMs }) => stepMs),
    owner: [...new Set(results.map(({ owner }) => owner))].sort().join("+"),
    takeoverMs: most(({ takeoverMs }) => takeoverMs),
    reconnects: sum(({ reconnects }) => reconnects),
    compared: sum(({ compared }) => compared),
    faults: [...new Set(results.flatMap(({ faults }) => faults))],
  };
}

export interface StreamItem {
  readonly owner: string;
  readonly epoch: number;
  readonly state: string;
}

export class Scene {
  readonly ground: Ground;
  readonly encoder: Encoder;
  readonly #options: SceneOptions;
  readonly #witnesses: Witness[];
  readonly #victims: Witness[];
  readonly #hls: HlsWitness[];
  readonly #faults: string[] = [];
  #quietMs = 0;
  #struckMs = 0;
  #takeover = { owner: "", ms: 0 };
  #sawGapMs = 0;

  private constructor(
    options: SceneOptions,
    { encoder, witnesses, victims, hls }: {
      encoder: Encoder;
      witnesses: Witness[];
      victims: Witness[];
      hls: HlsWitness[];
    },
  ) {
    this.#options = options;
    this.ground = options.ground;
    this.encoder = encoder;
    this.#witnesses = witnesses;
    this.#victims = victims;
    this.#hls = hls;
  }

  /** Publishes, places the stream, and waits until everybody watches. */
  static async open(options: SceneOptions): Promise<Scene> {
    const { ground, path, ingest, owner, viewersAt, victimsAt = [], plain, awayMs } = options;
    let turn = 0;
    const elsewhere = () => ground.up[turn++ % ground.up.length];
    const encoder = await Encoder.open(ground.node(ingest), path, { elsewhere, awayMs });
    await placeAt(ground.node(ingest), path, owner);
    const watch = (nodes: readonly string[]) =>
      nodes.flatMap((name) =>
        PROTOCOLS.slice(0, plain ? 1 : PROTOCOLS.length).map((protocol) =>
          Witness.open(ground.node(name), protocol, path)
        )
      );
    const witnesses = await Promise.all(watch(viewersAt));
    const victims = await Promise.all(watch(victimsAt));
    const up = () => ground.up;
    const hls = plain ? [] : [
      new HlsWitness(up, path),
      new HlsWitness(up, path, { lowLatency: true }),
    ];
    return new Scene(options, { encoder, witnesses, victims, hls });
  }

  get path(): string {
    return this.#options.path;
  }

  get ownerBefore(): string {
    return this.#options.owner;
  }

  /** Lets everything run undisturbed, then lets `fault` happen; gaps count from here. */
  async strike(fault: () => void | Promise<void>): Promise<void> {
    await delay(QUIET_MS);
    this.mark();
    await fault();
  }

  /** Gaps count from here. */
  mark(): void {
    this.#quietMs = Math.max(...this.#witnesses.map((witness) => witness.mark()));
    this.#struckMs = performance.now();
  }

  /** Waits until a node that nothing was done to owns the stream, and says so. */
  async takenOver(): Promise<void> {
    const { ownerBefore, ground } = this;
    await eventually(`another owner of ${this.path}`, async () => {
      const info = await streamAt(ground.up[0], this.path);
      if (info === undefined || info.owner === ownerBefore || info.owner === "") return false;
      const ms = performance.now() - this.#struckMs;
      this.#takeover = { owner: info.owner, ms };
      return true;
    }, TAKEOVER_MS_MAX);
  }

  /** Waits until the encoder, which lost its connection, publishes again. */
  async cameBack(): Promise<void> {
    const before = this.encoder.reconnects;
    await eventually(
      `the encoder of ${this.path} is back`,
      () => this.encoder.reconnects > before,
      TAKEOVER_MS_MAX,
    );
    this.#takeover.ms = performance.now() - this.#struckMs;
  }

  /** Waits until every viewer that nothing was done to has seen what the encoder sends now. */
  async caughtUp(timeoutMs?: number): Promise<void> {
    const last = this.encoder.last;
    await eventually(
      `viewers of ${this.path} see ${last}`,
      () => this.#witnesses.every(({ check }) => check.last >= last),
      timeoutMs,
    );
  }

  /** The same for those at the node that suffered: what comes after it is back. */
  async victimsCaughtUp(timeoutMs?: number): Promise<void> {
    const last = this.encoder.last;
    await eventually(
      `viewers of ${this.path} where it happened see ${last}`,
      () => this.#victims.every(({ check }) => check.last >= last),
      timeoutMs,
    );
  }

  /** Gaps count until here. */
  settle(): void {
    this.#sawGapMs = Math.max(...this.#witnesses.map((witness) => witness.gapNowMs()));
  }

  fault(text: string): void {
    this.#faults.push(text);
  }

  /** Ends the stream, which everybody must see, and says what was seen. */
  async close(): Promise<RunResult> {
    for (const hls of this.#hls) await hls.agree(this.ground.up);
    await Promise.all(this.#hls.map((hls) => hls.stop()));
    await this.encoder.end();
    const { last } = this.encoder;
    const survivors = this.#witnesses;
    const ends = await Promise.all(
      [...survivors, ...this.#victims].map((witness) => witness.fault(last)),
    );
    this.leave();
    const sum = (count: (witness: Witness) => number) =>
      survivors.reduce((total, witness) => total + count(witness), 0);
    return {
      gapMs: this.#sawGapMs,
      quietMs: this.#quietMs,
      lost: sum(({ check }) => check.lost),
      doubled: sum(({ check }) => check.doubled),
      backwards: sum(({ backwards }) => backwards),
      stepMs: Math.max(...survivors.map(({ stepMs }) => stepMs)),
      owner: this.#takeover.owner,
      takeoverMs: this.#takeover.ms,
      reconnects: this.encoder.reconnects,
      compared: this.#hls.reduce((total, { compared }) => total + compared, 0),
      faults: [
        ...this.#faults,
        ...ends.filter((text) => text !== undefined),
        ...this.#victims.filter(({ check: { lost, doubled } }) =>
          doubled > 0 || (lost > 0 && !this.#options.victimsMayLose)
        )
          .map(({ name, check }) => `${name}: ${check.lost} lost, ${check.doubled} doubled`),
        ...this.#hls.flatMap(({ faults }) => faults),
      ],
    };
  }

  /** How everything stands, and what the nodes said last: for whoever looks into a failure. */
  async tell(): Promise<string> {
    const watching = [...this.#witnesses, ...this.#victims].map(({ name, check, ended }) =>
      `${name}: ${check.first} to ${check.last}${ended === undefined ? "" : `, ${ended}`}`
    );
    const nodes = await Promise.all(this.ground.up.map(async (node) => {
      const info = await streamAt(node, this.path).catch(String);
      const lines = node.logs().slice(-LOG_LINES_TOLD).map((line) => JSON.stringify(line));
      return [`node ${node.ready.node}: ${JSON.stringify(info)}`, ...lines].join("\n  ");
    }));
    return [`the encoder is at ${this.encoder.last}`, ...watching, ...nodes].join("\n");
  }

  /** Ends everything at once, without a look. */
  async abandon(): Promise<void> {
    this.leave();
    await Promise.all([this.encoder.drop(), ...this.#hls.map((hls) => hls.stop())]);
  }

  leave(): void {
    for (const witness of [...this.#witnesses, ...this.#victims]) witness.close();
  }
}

/** What viewers of one node speak. */
export const PROTOCOLS: readonly ViewerProtocol[] = ["rtmp", "http-flv"];

/** The stream as a node knows it; `undefined` when it does not. */
export async function streamAt(node: TestNode, path: string): Promise<StreamItem | undefined> {
  const response = await node.fetchApi(`streams/${path}`);
  const body: unknown = await response.json();
  return response.ok ? body as StreamItem : undefined;
}

/** Makes a node the owner. @throws {Error} The move was refused. */
export async function placeAt(node: TestNode, path: string, owner: string): Promise<void> {
  const response = await node.fetchApi(`streams/${path}/move`, "POST", { to: owner });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot move ${path} to ${owner}: ${response.status} ${text}`);
}
