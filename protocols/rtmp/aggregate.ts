/**
 * RTMP aggregate messages: several media messages in the body of one.
 *
 * Source: Adobe RTMP 1.0, section 7.1.6. The parts look like FLV tags: an 11-byte header, a body,
 * and a back pointer of 4 bytes, which nobody needs and whose value is not checked.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { MESSAGE_TYPE } from "./message.ts";

const PART_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/**
 * Visits the parts of an aggregate message in order.
 *
 * The parts' own timestamps count from the first one's, which stands for the aggregate's (7.1.6).
 * Their message stream ids are overridden by the aggregate's and are not read.
 *
 * @param timestampMs The aggregate's own timestamp, unsigned 32 bits.
 * @param visit Gets each part's message type, absolute timestamp (unsigned 32 bits) and body, a
 * view into `body`.
 * @throws {ProtocolError} A part is cut short, or is an aggregate itself.
 */
export function forEachAggregated(
  body: Uint8Array,
  timestampMs: number,
  visit: (typeId: number, timestampMs: number, body: Uint8Array) => void,
): void {
  let firstMs: number | undefined;
  let at = 0;
  while (at < body.length) {
    if (body.length - at < PART_HEADER_BYTES) throw cut(body, at, PART_HEADER_BYTES);
    const typeId = body[at];
    const partBytes = body[at + 1] << 16 | body[at + 2] << 8 | body[at + 3];
    // As in FLV: the low 24 bits, then the high 8.
    const partMs = (body[at + 4] << 16 | body[at + 5] << 8 | body[at + 6] | body[at + 7] << 24) >>>
      0;
    const start = at + PART_HEADER_BYTES;
    const end = start + partBytes;
    if (typeId === MESSAGE_TYPE.aggregate) {
      throw malformed("Cannot read aggregate message: a part is an aggregate itself", at);
    }
    if (end + BACK_POINTER_BYTES > body.length) {
      throw cut(body, at, PART_HEADER_BYTES + partBytes + BACK_POINTER_BYTES);
    }
    firstMs ??= partMs;
    visit(typeId, (timestampMs + partMs - firstMs) >>> 0, body.subarray(start, end));
    at = end + BACK_POINTER_BYTES;
  }
}

function cut(body: Uint8Array, at: number, needed: number): ProtocolError {
  return malformed(
    `Cannot read aggregate message: a part needs ${needed} bytes, ${body.length - at} follow`,
    at,
  );
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "RTMP", section: "7.1.6", offset });
}
