/**
 * One elementary stream of a programme being written: frames to PES packets to transport packets.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.3 to 2.4.3.7. A PES packet holds one frame. Its bytes
 * are laid down whole at the end of their place and moved forward packet by packet, so that
 * nothing is made or copied beside the target.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { ticksOfUs } from "./clock.ts";
import {
  ADAPTATION_FLAG,
  ADAPTATION_FLAGS_BYTES,
  ADAPTATION_PCR_BYTES,
  PACKET_BODY_BYTES,
  PACKET_BYTES,
  PACKET_HEADER_BYTES,
  SYNC_BYTE,
  writeAdaptationField,
} from "./packet.ts";
import { PayloadWriter } from "./payload_writer.ts";
import { pesHeaderBytes, type PesHeaderFields, pesPacketFits, writePesHeader } from "./pes.ts";
import { pidOfTrack } from "./program_tables.ts";
import type { StreamForm } from "./stream_form.ts";

/**
 * Continuity counters have 4 bits, and a stream may have to be drawn out to a multiple of that
 * many packets: a PES packet has at least so many bytes behind the fixed ones.
 */
export const COUNTER_CYCLE = 16;

/** No PCR in this packet. */
export const NO_PCR = -1;

export class ElementaryStream {
  readonly pid: number;
  readonly id: number; // of the track
  readonly form: StreamForm;
  readonly #payload = new PayloadWriter();
  #counter: number;
  /** The frame loaded last. */
  readonly #header: { -readonly [Key in keyof PesHeaderFields]: PesHeaderFields[Key] };
  #pesBytes = 0;
  #flags = 0;

  /** @param counter Continuity counter of the PID's last packet; the first one's is 0 without. */
  constructor(track: Track, form: StreamForm, counter: number = COUNTER_CYCLE - 1) {
    this.#counter = counter;
    this.pid = pidOfTrack(track);
    this.id = trackId(track);
    this.form = form;
    const { streamId } = form;
    this.#header = { streamId, payloadBytes: 0, ptsTicks: 0, dtsTicks: 0, stuffingBytes: 0 };
  }

  /** Continuity counter of the packet written last. */
  get counter(): number {
    return this.#counter;
  }

  /**
   * Makes a frame the one that {@link write} writes.
   *
   * @param pcr Whether its first packet will carry a PCR.
   * @returns Packets that it needs; 0 when it cannot be carried.
   */
  load(frame: Frame, pcr: boolean): number {
    const header = this.#header;
    const payloadBytes = this.#payload.load(frame);
    if (payloadBytes === 0) return 0;
    header.payloadBytes = payloadBytes;
    header.ptsTicks = ticksOfUs(frame.ptsUs);
    // Publishers that shift the wrong way give pictures due before they are decoded, which the
    // clock of a receiver cannot have: then they are decoded when due.
    header.dtsTicks = Math.min(ticksOfUs(frame.dtsUs), header.ptsTicks);
    header.stuffingBytes = Math.max(0, COUNTER_CYCLE - payloadBytes);
    const headerBytes = pesHeaderBytes(header);
    if (!pesPacketFits(header.streamId, headerBytes, payloadBytes)) return 0;

    const random = frame.keyframe && (pcr || frame.track.kind === "video");
    this.#flags = (random ? ADAPTATION_FLAG.randomAccess : 0) | (pcr ? ADAPTATION_FLAG.pcr : 0);
    this.#pesBytes = headerBytes + payloadBytes;
    const first = PACKET_BODY_BYTES - fieldBytes(this.#flags);
    return 1 + Math.max(0, Math.ceil((this.#pesBytes - first) / PACKET_BODY_BYTES));
  }

  /**
   * Writes the frame loaded last at `offset`, in `packets` packets: as many as {@link load} said,
   * or up to 15 more.
   *
   * @param pcrTicks For the PCR that {@link load} was told of; else {@link NO_PCR}.
   */
  write(packets: number, pcrTicks: number, target: Uint8Array, offset: number): void {
    let source = offset + packets * PACKET_BYTES - this.#pesBytes;
    const headerBytes = pesHeaderBytes(this.#header);
    writePesHeader(this.#header, target, source);
    this.#payload.write(target, source + headerBytes);

    let left = this.#pesBytes;
    let at = offset;
    for (let following = packets - 1; following >= 0; following--) {
      const flags = at === offset ? this.#flags : 0;
      const room = PACKET_BODY_BYTES - fieldBytes(flags);
      const taken = Math.min(room, left - following); // One byte at least for each to follow.
      // What is written never overtakes what is yet to be moved: the gap is all that remains to
      // be written besides.
      const payloadAt = at + PACKET_BYTES - taken;
      target.copyWithin(payloadAt, source, source + taken);
      this.#writeStart(at === offset, flags, pcrTicks, PACKET_BODY_BYTES - taken, target, at);
      source += taken;
      left -= taken;
      at += PACKET_BYTES;
    }
  }

  /** Writes a packet with a PCR and no payload, which repeats the counter (2.4.3.3). */
  writePcr(pcrTicks: number, target: Uint8Array, offset: number): void {
    target[offset] = SYNC_BYTE;
    target[offset + 1] = this.pid >>> 8;
    target[offset + 2] = this.pid & 0xff;
    target[offset + 3] = 0x20 | this.#counter;
    const field = { bytes: PACKET_BODY_BYTES, flags: ADAPTATION_FLAG.pcr, pcrTicks };
    writeAdaptationField(field, target, offset + PACKET_HEADER_BYTES);
  }

  /** Writes header and adaptation field; no object is made for packets without flags. */
  #writeStart(
    first: boolean,
    flags: number,
    pcrTicks: number,
    fieldSize: number,
    target: Uint8Array,
    at: number,
  ): void {
    this.#counter = (this.#counter + 1) & 0xf;
    target[at] = SYNC_BYTE;
    target[at + 1] = (first ? 0x40 : 0) | this.pid >>> 8;
    target[at + 2] = this.pid & 0xff;
    target[at + 3] = (fieldSize > 0 ? 0x30 : 0x10) | this.#counter;
    if (fieldSize === 0) return;
    const field = at + PACKET_HEADER_BYTES;
    if (first) return writeAdaptationField({ bytes: fieldSize, flags, pcrTicks }, target, field);
    target[field] = fieldSize - 1;
    if (fieldSize === 1) return;
    target[field + 1] = 0;
    target.fill(0xff, field + ADAPTATION_FLAGS_BYTES, field + fieldSize);
  }
}

/** Bytes of the adaptation field that `flags` need at least. */
function fieldBytes(flags: number): number {
  if ((flags & ADAPTATION_FLAG.pcr) !== 0) return ADAPTATION_PCR_BYTES;
  return flags === 0 ? 0 : ADAPTATION_FLAGS_BYTES;
}
