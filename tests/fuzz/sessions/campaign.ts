/**
 * Seeded hostile sessions against a real node, batch by batch, with a check after each: a fresh
 * publish and play, the same process, memory within its statement, no fault of ours in the log.
 *
 * @module
 */
import { assert, assertEquals } from "../../support/assert.ts";
import { follow, publishNumbered, untilPlaying } from "../../support/live.ts";
import { startTestNode, type TestNode } from "../../support/node_process.ts";
import { delay } from "../../support/processes.ts";
import { play } from "./drive.ts";
import { httpScript } from "./http_script.ts";
import { rtmpScript } from "./rtmp_script.ts";
import type { Script } from "./script.ts";
import { webSocketScript } from "./websocket_script.ts";

/** What a campaign is. */
export interface CampaignOptions {
  readonly seed: number;
  /** At least so many inputs are dealt with by the node. */
  readonly inputs: number;
  /** Told after each batch. */
  readonly onBatch?: (report: CampaignReport) => void;
}

/** What a campaign has done so far. */
export interface CampaignReport {
  /** Inputs the node has dealt with, by kind of session. */
  readonly inputs: Readonly<Record<Script["kind"], number>>;
  readonly sessions: number;
  /** Sessions that the node closed. */
  readonly closed: number;
  readonly batches: number;
  readonly seconds: number;
  /** Longest that a fresh viewer waited for its first frames, in milliseconds. */
  readonly freshMsMax: number;
  readonly memoryBytesMax: number;
}

/** Inputs between two checks. */
const BATCH_INPUTS = 25_000;

/** Sessions at a time: many wait for something, and the node shall not wait for us. */
const PARALLEL = 24;

/** How often it is looked whether a batch is full, in milliseconds. */
const LOOK_MS = 10;

/** A fresh viewer must see frames of a fresh publisher so soon, in milliseconds. */
const FRESH_MS_MAX = 2_000;

const MIB = 1024 * 1024;
const MEDIA_MIB = 64;

/** What the node may take besides media: its heap before it is collected, and connections. */
const HEAP_BYTES_MAX = 192 * MIB;

/** Of ten sessions. */
const KINDS = [rtmpScript, rtmpScript, rtmpScript, rtmpScript, rtmpScript, rtmpScript]
  .concat([httpScript, httpScript, httpScript, webSocketScript]);

const ARGS = [
  ...["--media-memory", `${MEDIA_MIB}MiB`, "--play-wait", "20ms", "--hold", "1s"],
  ...["--log-level", "error", "--max-streams", "2000", "--handshake-timeout", "5s"],
];

/** Runs it. @throws {Error} The node did not stand it; the message says how to run it again. */
export async function runSessionCampaign(options: CampaignOptions): Promise<CampaignReport> {
  await using node = await startTestNode({ args: ARGS });
  const steady = await publishNumbered(node, "live/steady");
  const campaign = new Campaign(node, options);
  const report = await campaign.run();
  await steady.end();
  return report;
}

class Campaign {
  readonly #node: TestNode;
  readonly #options: CampaignOptions;
  readonly #pid: number;
  readonly #startedMs = performance.now();
  readonly #inputs = { rtmp: 0, http: 0, websocket: 0 };
  #restBytes = 0;
  #nextSession = 0;
  #closed = 0;
  #batches = 0;
  #freshMsMax = 0;
  #memoryBytesMax = 0;

  constructor(node: TestNode, options: CampaignOptions) {
    this.#node = node;
    this.#options = options;
    this.#pid = node.workerPid;
  }

  async run(): Promise<CampaignReport> {
    await this.#check(0);
    this.#restBytes = this.#node.memoryBytes();
    const players = Array.from({ length: PARALLEL }, () => this.#playAll());
    await Promise.all([...players, this.#checkAll()]);
    await this.#check(0);
    return this.report;
  }

  /** Checks in the middle of the flood, whenever a batch is full. */
  async #checkAll(): Promise<void> {
    for (let goal = BATCH_INPUTS; goal <= this.#options.inputs; goal += BATCH_INPUTS) {
      const first = this.#nextSession;
      while (this.#total < goal) await delay(LOOK_MS);
      await this.#check(Math.max(0, first - PARALLEL));
      this.#batches++;
      this.#options.onBatch?.(this.report);
    }
  }

  get report(): CampaignReport {
    return {
      inputs: { ...this.#inputs },
      sessions: this.#nextSession,
      closed: this.#closed,
      batches: this.#batches,
      seconds: (performance.now() - this.#startedMs) / 1_000,
      freshMsMax: this.#freshMsMax,
      memoryBytesMax: this.#memoryBytesMax,
    };
  }

  get #total(): number {
    return this.#inputs.rtmp + this.#inputs.http + this.#inputs.websocket;
  }

  async #playAll(): Promise<void> {
    while (this.#total < this.#options.inputs) {
      const script = sessionScript(this.#options.seed, this.#nextSession++);
      const { inputs, closed } = await play(this.#node.address(script.listener), script);
      this.#inputs[script.kind] += inputs;
      if (closed) this.#closed++;
    }
  }

  /** On a machine that keeps us waiting the node may wait as long. */
  async #checkFresh(): Promise<void> {
    let [over, lateMs, seenMs] = [false, 0, performance.now()];
    const control = (async () => {
      while (!over) {
        await delay(LOOK_MS);
        lateMs = Math.max(lateMs, performance.now() - seenMs - LOOK_MS);
        seenMs = performance.now();
      }
    })();
    const freshMs = await freshMsOf(this.#node).finally(() => over = true);
    await control;
    this.#freshMsMax = Math.max(this.#freshMsMax, freshMs);
    const text = `a fresh viewer waited ${freshMs} ms, our own timers ${lateMs} ms`;
    assert(freshMs < FRESH_MS_MAX + 5 * lateMs, text);
  }

  async #check(firstSession: number): Promise<void> {
    const node = this.#node;
    try {
      assertEquals(node.workerPid, this.#pid);
      Deno.statSync(`/proc/${this.#pid}`);
      await this.#checkFresh();
      const bytes = node.memoryBytes();
      this.#memoryBytesMax = Math.max(this.#memoryBytesMax, bytes);
      const most = this.#restBytes + MEDIA_MIB * MIB + HEAP_BYTES_MAX;
      assert(this.#restBytes === 0 || bytes < most, `${bytes} bytes of memory, at most ${most}`);
      const faults = node.logs().filter(({ level }) => level === "error");
      assertEquals(faults, []);
    } catch (error) {
      const { seed } = this.#options;
      const range = `seed ${seed}, sessions ${firstSession} to ${this.#nextSession - 1}`;
      throw new Error(`The node did not stand ${range}: ${error}`, { cause: error });
    }
  }
}

/** The script of a campaign's session number `index`. */
export function sessionScript(seed: number, index: number): Script {
  const sessionSeed = Math.imul(seed, 0x9e3779b1) + index;
  return KINDS[index % KINDS.length](sessionSeed);
}

/** How long a fresh viewer of a fresh publisher waits for frames, in milliseconds. */
async function freshMsOf(node: TestNode): Promise<number> {
  const startMs = performance.now();
  const path = `fresh/${crypto.randomUUID()}`;
  const stream = await publishNumbered(node, path);
  using follower = await follow(node, "rtmp", path);
  await untilPlaying(follower, 2);
  const tookMs = performance.now() - startMs;
  await stream.end();
  return tookMs;
}
