/**
 * The first programme of a transport stream: follows its tables, and gives the packets of its
 * streams to who reads them.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.3 (continuity_counter), 2.4.4.3 and 2.4.4.8.
 *
 * @module
 */
import { crc32Mpeg2 } from "./crc32.ts";
import { ProtocolError } from "../errors.ts";
import { TRACKS_PER_KIND_MAX } from "../media/track.ts";
import { type PacketHeader, PID } from "./packet.ts";
import { parsePatSection, parsePmtSection, type ProgramStream } from "./psi.ts";
import { ProgramStreams, type StreamPlan } from "./program_streams.ts";
import { SectionAssembler } from "./section_assembler.ts";
import { codecOfStream } from "./stream_form.ts";
import { TS_DROP_REASON, type TsSink } from "./ts_sink.ts";

const NO_COUNTER = -1;

export class ProgramReader {
  readonly #sink: TsSink;
  readonly #pat = new SectionAssembler((section) => this.#association(section));
  readonly #pmt = new SectionAssembler((section) => this.#map(section));
  #pmtPid: number = PID.none;
  /** Checksum of the map in force: the same one comes again and again. */
  #pmtCrc: number | undefined;
  readonly #streams: ProgramStreams;
  #patCounter = NO_COUNTER;
  #pmtCounter = NO_COUNTER;

  constructor(sink: TsSink) {
    this.#sink = sink;
    this.#streams = new ProgramStreams(sink);
  }

  /** Takes one packet that is whole and not scrambled. */
  packet(header: PacketHeader, payload: Uint8Array): void {
    if (header.pid === PID.programAssociation) {
      this.#patCounter = section(this.#pat, this.#patCounter, header, payload);
    } else if (header.pid === this.#pmtPid) {
      this.#pmtCounter = section(this.#pmt, this.#pmtCounter, header, payload);
    } else this.#streams.packet(header, payload);
  }

  /** Gives out what is not known to be whole because nothing came after it. */
  flush(): void {
    this.#streams.flush();
  }

  #association(bytes: Uint8Array): void {
    const table = this.#parsed(bytes, parsePatSection);
    const program = table?.programs.find(({ number, pid }) => number !== 0 && isFree(pid));
    if (program === undefined || program.pid === this.#pmtPid) return;
    this.#pmtPid = program.pid;
    this.#pmtCrc = undefined;
    this.#pmtCounter = NO_COUNTER;
    this.#pmt.reset();
  }

  #map(bytes: Uint8Array): void {
    const crc = crc32Mpeg2(bytes, 0, bytes.length - 4);
    if (crc === this.#pmtCrc && crc32Mpeg2(bytes) === 0) return;
    const table = this.#parsed(bytes, parsePmtSection);
    if (table === undefined) return;
    this.#pmtCrc = crc;
    this.#streams.replace(this.#carried(table.streams));
  }

  /** The streams that are carried, as many of each kind as there may be tracks. */
  #carried(streams: readonly ProgramStream[]): StreamPlan[] {
    const carried: StreamPlan[] = [];
    const counts = { video: 0, audio: 0 };
    for (const stream of streams) {
      const form = codecOfStream(stream);
      if (form === undefined) {
        this.#sink.dropped(TS_DROP_REASON.codec);
        continue;
      }
      const kind = form.codec === "h264" || form.codec === "h265" ? "video" : "audio";
      const taken = carried.some(({ pid }) => pid === stream.pid) || stream.pid === this.#pmtPid;
      if (taken || !isFree(stream.pid) || counts[kind] === TRACKS_PER_KIND_MAX) {
        this.#sink.dropped(TS_DROP_REASON.trackNumber);
        continue;
      }
      counts[kind]++;
      carried.push({ pid: stream.pid, kind, ...form });
    }
    return carried;
  }

  #parsed<T>(bytes: Uint8Array, parse: (section: Uint8Array) => T): T | undefined {
    try {
      return parse(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#sink.dropped(TS_DROP_REASON.section);
      return undefined;
    }
  }
}

/** Gives a packet to the assembler of its table; returns its counter. */
function section(
  assembler: SectionAssembler,
  last: number,
  header: PacketHeader,
  payload: Uint8Array,
): number {
  if (payload.length === 0) return last;
  if (last === header.counter && !header.payloadStart) return last; // A duplicate (2.4.3.3).
  if (last !== NO_COUNTER && header.counter !== ((last + 1) & 0xf)) assembler.reset();
  assembler.push(payload, header.payloadStart);
  return header.counter;
}

function isFree(pid: number): boolean {
  return pid >= PID.firstFree && pid < PID.none;
}
