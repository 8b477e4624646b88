/**
 * The node's side of transcoding: one worker for all streams, started when it is first needed and
 * again when it has died.
 *
 * @module
 */
import type { AudioTrack } from "../../protocols/media/track.ts";
import type { Clock, Log } from "../runtime/ports.ts";
import type { AacFrames, Transcoder, Transcoding } from "../stream/transcoder.ts";
import type { TranscodeReply, TranscodeRequest } from "./messages.ts";

/** Frames of one track that the worker has not answered: 5 s of the usual 20 ms. */
const UNANSWERED_MAX = 250;

/** A worker that answers nothing for this long hangs, in milliseconds: its start takes seconds. */
const SILENT_MS_MAX = 20_000;

/** Pause before a worker that died is started again, in milliseconds. */
const RESTART_MS = 1_000;

export interface AacTranscoderOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Starts the worker; another one under test. */
  readonly start?: () => Worker;
}

/** A track as the present worker knows it. */
interface Lane {
  readonly source: AudioTrack;
  readonly encoded: (frames: AacFrames) => void;
  /** Told to the present worker. */
  told: boolean;
  unanswered: number;
  failed: boolean;
}

export class AacTranscoder implements Transcoder {
  readonly #options: AacTranscoderOptions;
  readonly #lanes = new Map<number, Lane>();
  #worker: Worker | undefined;
  #nextId = 0;
  /** When the worker answered last, or had nothing to answer. */
  #heardAtMs = 0;
  #restartAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** Frames left out because too many were waiting. */
  dropped = 0;

  constructor(options: AacTranscoderOptions) {
    this.#options = options;
  }

  open(source: AudioTrack, encoded: (frames: AacFrames) => void): Transcoding {
    const id = this.#nextId++;
    const lane: Lane = { source, encoded, told: false, unanswered: 0, failed: false };
    this.#lanes.set(id, lane);
    return {
      push: (ptsUs, data) => this.#push(id, lane, ptsUs, data),
      close: () => {
        this.#lanes.delete(id);
        if (lane.told) this.#post({ kind: "close", id });
      },
    };
  }

  /** Ends the worker; nothing is transcoded any more. */
  stop(): void {
    this.#stopped = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#lanes.clear();
  }

  #push(id: number, lane: Lane, ptsUs: number, data: Uint8Array): void {
    if (lane.failed || this.#stopped) return;
    const nowMs = this.#options.clock.nowMs();
    if (this.#worker === undefined && !this.#start(nowMs)) return;
    if (!this.#lanes.values().some(({ unanswered }) => unanswered > 0)) this.#heardAtMs = nowMs;
    else if (nowMs - this.#heardAtMs > SILENT_MS_MAX) return this.#died("it does not answer");
    if (lane.unanswered >= UNANSWERED_MAX) {
      this.dropped++;
      return;
    }
    if (!lane.told) {
      const { codec, config, sampleRate, channels } = lane.source;
      const source = { codec, config: config.slice(), sampleRate, channels };
      this.#post({ kind: "open", id, source });
      lane.told = true;
    }
    lane.unanswered++;
    // A view would take the whole buffer behind it along.
    this.#post({ kind: "frame", id, ptsUs, data: data.slice() });
  }

  #post(request: TranscodeRequest): void {
    this.#worker?.postMessage(request);
  }

  #start(nowMs: number): boolean {
    if (nowMs < this.#restartAtMs) return false;
    const worker = this.#worker = (this.#options.start ?? startWorker)();
    this.#heardAtMs = nowMs;
    worker.onmessage = ({ data }: MessageEvent<TranscodeReply>) => this.#reply(data);
    worker.onerror = (event) => {
      event.preventDefault(); // It is no fault of the node, which goes on without.
      if (this.#worker === worker) this.#died(event.message);
    };
    return true;
  }

  #reply(reply: TranscodeReply): void {
    this.#heardAtMs = this.#options.clock.nowMs();
    const lane = this.#lanes.get(reply.id);
    if (lane === undefined) return;
    if (reply.kind === "failed") {
      lane.failed = true;
      lane.unanswered = 0;
      const { codec } = lane.source;
      return this.#options.log.warn("audio not transcoded", { codec, reason: reply.reason });
    }
    lane.unanswered--;
    if (reply.frames.length > 0) lane.encoded(reply.frames);
  }

  #died(reason: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#restartAtMs = this.#options.clock.nowMs() + RESTART_MS;
    for (const lane of this.#lanes.values()) {
      lane.told = false;
      lane.unanswered = 0;
    }
    this.#options.log.error("transcoder died, it is started again", { reason });
  }
}

function startWorker(): Worker {
  return new Worker(new URL("./aac_worker.ts", import.meta.url), {
    type: "module",
    name: "aac",
    deno: { permissions: "none" },
  });
}
