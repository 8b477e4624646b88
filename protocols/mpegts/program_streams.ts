/**
 * The elementary streams of a programme being read: continuity, PES packets, times, frames.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.3 and 2.4.3.7.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import { type Codec, TRACKS_PER_KIND_MAX } from "../media/track.ts";
import { AudioReader } from "./audio_reader.ts";
import { TickUnwrapper, usOfTicks } from "./clock.ts";
import type { PacketHeader } from "./packet.ts";
import { parsePesHeader, PES_PACKET_LENGTH_MAX, PES_START_BYTES } from "./pes.ts";
import { PesAssembler } from "./pes_assembler.ts";
import type { FrameSink, PesTimes, StreamReader } from "./stream_reader.ts";
import { TS_DROP_REASON, type TsSink } from "./ts_sink.ts";
import { VideoReader } from "./video_reader.ts";

/** Largest PES packet of video: a frame, as start codes may be shorter than our lengths. */
const VIDEO_PES_BYTES_MAX = FRAME_BYTES_MAX + 1024;

/** Largest PES packet of audio, which must announce its length. */
const AUDIO_PES_BYTES_MAX = PES_START_BYTES + PES_PACKET_LENGTH_MAX;

/** G.711 has no header of its own. */
const G711_HINT = { sampleRate: 8_000, channels: 1 };

const NO_COUNTER = -1;

/** What the programme map says of a stream. */
export interface StreamPlan {
  readonly pid: number;
  readonly kind: "video" | "audio";
  readonly codec: Codec;
  readonly opusChannels?: number;
}

interface StreamState {
  readonly plan: StreamPlan;
  readonly assembler: PesAssembler;
  readonly reader: StreamReader;
  counter: number;
}

export class ProgramStreams {
  readonly #sink: TsSink;
  readonly #frames: FrameSink;
  readonly #clock = new TickUnwrapper();
  #byPid: ReadonlyMap<number, StreamState> = new Map();

  constructor(sink: TsSink) {
    this.#sink = sink;
    this.#frames = {
      track: (track) => sink.track(track),
      frame: (track, { dtsUs, ptsUs }, keyframe, data) =>
        sink.frame(track, dtsUs, ptsUs, keyframe, data),
      dropped: (reason) => sink.dropped(reason),
    };
  }

  /**
   * Takes a new programme map. Streams that are as before go on; those that are gone give out
   * their last frame.
   *
   * @param plans At most {@link TRACKS_PER_KIND_MAX} of each kind, each with a PID of its own.
   */
  replace(plans: readonly StreamPlan[]): void {
    const kept = new Map<number, StreamState>();
    for (const [pid, state] of this.#byPid) {
      if (plans.some((plan) => samePlan(plan, state.plan))) kept.set(pid, state);
      else state.assembler.flush();
    }
    for (const plan of plans) {
      if (!kept.has(plan.pid)) kept.set(plan.pid, this.#open(plan, freeIndex(plan, kept)));
    }
    this.#byPid = kept;
  }

  /** Takes one packet; those of other PIDs are passed over. */
  packet(header: PacketHeader, payload: Uint8Array): void {
    const state = this.#byPid.get(header.pid);
    if (state === undefined || payload.length === 0) return;
    const { counter } = state;
    if (counter === header.counter && !header.discontinuity) return; // A duplicate (2.4.3.3).
    if (counter !== NO_COUNTER && header.counter !== ((counter + 1) & 0xf)) {
      if (state.assembler.open) this.#sink.dropped(TS_DROP_REASON.lost);
      state.assembler.reset();
      state.reader.lost();
    }
    state.counter = header.counter;
    state.assembler.push(payload, header.payloadStart, header.randomAccess);
  }

  /** Gives out the packets that did not say where they end. */
  flush(): void {
    for (const { assembler } of this.#byPid.values()) assembler.flush();
  }

  #open(plan: StreamPlan, index: number): StreamState {
    const reader = newReader(plan, index, this.#frames);
    const bytesMax = plan.kind === "video" ? VIDEO_PES_BYTES_MAX : AUDIO_PES_BYTES_MAX;
    const assembler = new PesAssembler(bytesMax, {
      packet: (pes, randomAccess) => this.#pes(reader, pes, randomAccess),
      tooLarge: () => this.#sink.dropped(TS_DROP_REASON.frameBytes),
    });
    return { plan, assembler, reader, counter: NO_COUNTER };
  }

  #pes(reader: StreamReader, pes: Uint8Array, randomAccess: boolean): void {
    let header;
    try {
      header = parsePesHeader(pes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    if (header === undefined) return this.#sink.dropped(TS_DROP_REASON.pesHeader);
    if (pes.length < header.packetBytes) return this.#sink.dropped(TS_DROP_REASON.lost);
    const times = this.#times(header.ptsTicks, header.dtsTicks);
    reader.payload(pes.subarray(header.headerBytes), times, randomAccess);
  }

  #times(ptsTicks: number | undefined, dtsTicks: number | undefined): PesTimes | undefined {
    if (ptsTicks === undefined) return undefined;
    const dts = this.#clock.unwrap(dtsTicks ?? ptsTicks);
    const pts = dtsTicks === undefined ? dts : this.#clock.unwrap(ptsTicks);
    return { dtsUs: usOfTicks(dts), ptsUs: usOfTicks(pts) };
  }
}

function newReader(plan: StreamPlan, index: number, sink: FrameSink): StreamReader {
  const { codec, opusChannels } = plan;
  switch (codec) {
    case "h264":
    case "h265":
      return new VideoReader(codec, index, sink);
    case "opus":
      return new AudioReader(
        codec,
        index,
        { sampleRate: 48_000, channels: opusChannels ?? 2 },
        sink,
      );
    case "aac":
    case "mp3":
    case "ac3":
    case "eac3":
    case "g711a":
    case "g711u":
      return new AudioReader(codec, index, G711_HINT, sink);
    default:
      throw new TypeError(`Cannot read ${codec}: MPEG-TS does not carry it`);
  }
}

function samePlan(a: StreamPlan, b: StreamPlan): boolean {
  return a.pid === b.pid && a.codec === b.codec && a.opusChannels === b.opusChannels;
}

/** The lowest number among the tracks of its kind that nobody has. */
function freeIndex(plan: StreamPlan, states: ReadonlyMap<number, StreamState>): number {
  const taken = new Set<number>();
  for (const state of states.values()) {
    if (state.plan.kind === plan.kind) taken.add(state.reader.index);
  }
  let index = 0;
  while (taken.has(index) && index < TRACKS_PER_KIND_MAX - 1) index++;
  return index;
}
