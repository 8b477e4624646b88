/**
 * A transport stream, in pieces of any size, to tracks and frames.
 *
 * Source: ISO/IEC 13818-1, section 2.4. Reads the first programme. Packets of 188 bytes only (not
 * the 192 and 204 of disks and old modulators). Nothing that arrives is an error to the caller:
 * what cannot be read is left out and reported.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { ProtocolError } from "../errors.ts";
import { PACKET_BYTES, type PacketHeader, parsePacketHeader, PID, SYNC_BYTE } from "./packet.ts";
import { ProgramReader } from "./program_reader.ts";
import { TS_DROP_REASON, type TsSink } from "./ts_sink.ts";

export { TS_DROP_REASON, type TsDropReason, type TsSink } from "./ts_sink.ts";

const NOTHING = new Uint8Array(0);

export class TsDemuxer {
  readonly #sink: TsSink;
  readonly #program: ProgramReader;
  /** Bytes that do not make a packet yet: at most two packets less one byte. */
  #rest: Uint8Array = NOTHING;
  #synchronised = true;

  constructor(sink: TsSink) {
    this.#sink = sink;
    this.#program = new ProgramReader(sink);
  }

  /** Takes the next bytes of the stream, which the caller may use again afterwards. */
  feed(bytes: Uint8Array): void {
    const data = this.#rest.length === 0 ? bytes : concatBytes(this.#rest, bytes);
    let offset = 0;
    while (true) {
      if (!this.#synchronised) offset = this.#search(data, offset);
      if (!this.#synchronised || data.length - offset < PACKET_BYTES) break;
      if (data[offset] !== SYNC_BYTE) {
        this.#synchronised = false;
        this.#sink.dropped(TS_DROP_REASON.synchronisation);
        continue;
      }
      this.#packet(data.subarray(offset, offset + PACKET_BYTES));
      offset += PACKET_BYTES;
    }
    this.#rest = offset === data.length ? NOTHING : data.slice(offset);
  }

  /** The stream has ended: gives out the last frame of each track. */
  flush(): void {
    this.#rest = NOTHING;
    this.#program.flush();
  }

  /** The next offset with a sync byte there and one packet on; where to look again without. */
  #search(data: Uint8Array, from: number): number {
    let offset = data.indexOf(SYNC_BYTE, from);
    while (offset !== -1 && offset + PACKET_BYTES < data.length) {
      if (data[offset + PACKET_BYTES] === SYNC_BYTE) {
        this.#synchronised = true;
        return offset;
      }
      offset = data.indexOf(SYNC_BYTE, offset + 1);
    }
    return offset === -1 ? data.length : offset;
  }

  #packet(packet: Uint8Array): void {
    const header = this.#header(packet);
    if (header === undefined || header.pid === PID.none) return;
    if (header.transportError) return this.#sink.dropped(TS_DROP_REASON.transportError);
    if (header.scrambled) return this.#sink.dropped(TS_DROP_REASON.scrambled);
    this.#program.packet(header, packet.subarray(header.payloadOffset));
  }

  #header(packet: Uint8Array): PacketHeader | undefined {
    try {
      return parsePacketHeader(packet);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#sink.dropped(TS_DROP_REASON.packet);
      return undefined;
    }
  }
}
