/**
 * Log records as MPEG-TS: the shared bytes of every viewer of a `.ts` body.
 *
 * Source: ISO/IEC 13818-1. The preface is PAT and PMT; they come again at key frames (without
 * video at any frame) and when the tracks change. A reader comes to these packets from a preface
 * or from the page before, with another counter each, so all of them carry
 * discontinuity_indicator; their counters run on all the same.
 *
 * @module
 */
import type { PageEncoder } from "../media/page_encoder.ts";
import { EMPTY_HEAD, type Frame, type LogRecord, type StreamHead } from "../media/record.ts";
import { COUNTER_CYCLE } from "./elementary_stream.ts";
import { TsMuxer } from "./muxer.ts";
import { ProgramTables } from "./program_tables.ts";

/** Shortest time between two pairs of tables whose tracks are the same, in microseconds. */
const TABLES_DISTANCE_US = 500_000;

const NOTHING = new Uint8Array(0);

export class TsPageEncoder implements PageEncoder {
  readonly #muxer: TsMuxer;
  readonly #counters = { pat: COUNTER_CYCLE - 1, pmt: COUNTER_CYCLE - 1 };
  #tables: ProgramTables | undefined;
  /** The tables in force are not what was written last. */
  #changed = false;
  /** When the tables were written last, or when the first frame was: its viewers had a preface. */
  #tablesUs: number | undefined;

  /**
   * @param head Where the encoding starts. Without it tracks are learned as they come, and the
   * first tables may lack one that is silent for long.
   */
  constructor(head: StreamHead = EMPTY_HEAD) {
    this.#muxer = new TsMuxer(head.tracks);
  }

  opening(): Uint8Array {
    return NOTHING;
  }

  preface(head: StreamHead): Uint8Array {
    const tables = new ProgramTables(head.tracks, true);
    const bytes = new Uint8Array(tables.bytes);
    tables.write({ pat: COUNTER_CYCLE - 1, pmt: COUNTER_CYCLE - 1 }, bytes, 0);
    return bytes;
  }

  sizeOf(record: LogRecord): number {
    if (record.kind === "track") this.#learn(record);
    if (record.kind !== "frame") return 0;
    this.#learn(record);
    const bytes = this.#muxer.plan(record);
    if (bytes === 0) return 0;
    return bytes + (this.#tablesDue(record) ? this.#currentTables().bytes : 0);
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    if (record.kind !== "frame") return;
    this.#muxer.plan(record);
    let at = offset;
    if (this.#tablesDue(record)) {
      const tables = this.#currentTables();
      tables.write(this.#counters, target, at);
      at += tables.bytes;
      this.#changed = false;
      this.#tablesUs = record.dtsUs;
    }
    this.#tablesUs ??= record.dtsUs;
    this.#muxer.write(target, at);
  }

  closing(): Uint8Array {
    return NOTHING;
  }

  #learn(record: Extract<LogRecord, { kind: "frame" | "track" }>): void {
    if (!this.#muxer.announce(record.track)) return;
    this.#tables = undefined;
    // What comes first was in the preface: only records that tell of a track are news then.
    const settled = this.#tablesUs !== undefined &&
      (record.kind === "track" || record.dtsUs - this.#tablesUs >= TABLES_DISTANCE_US);
    this.#changed ||= settled;
  }

  #tablesDue(frame: Frame): boolean {
    if (this.#tablesUs === undefined) return false;
    if (this.#changed) return true;
    const opens = frame.track.kind === "video" ? frame.keyframe : !this.#muxer.hasVideo;
    return opens && frame.dtsUs - this.#tablesUs >= TABLES_DISTANCE_US;
  }

  #currentTables(): ProgramTables {
    return this.#tables ??= new ProgramTables(this.#muxer.tracks, true);
  }
}
