/**
 * H.264 in RTP: single NAL units, aggregation packets and fragmentation units.
 *
 * Source: RFC 6184, sections 5.4 to 5.8 and 8.1 (parameters). Decoding order numbers of the
 * interleaved mode (STAP-B, MTAP, FU-B) are passed over: its units are taken in the order in which
 * they come. Only single NAL units and FU-A are written, as every receiver reads them.
 *
 * @module
 */
import { parseAvcDecoderConfigurationRecord } from "../codecs/h264.ts";
import { noParameterSets, parameterSetName } from "../codecs/parameter_sets.ts";
import { ProtocolError } from "../errors.ts";
import { NalDepacketizer, type NalPayloadForm, type NalSink } from "./nal_depacketizer.ts";
import { NalPacketizer } from "./nal_packetizer.ts";
import { type DepacketizerOptions, RTP_DROP_REASON } from "./payload.ts";

/** Packet types beside those of NAL units (table 1). */
const PACKET_TYPE = { stapA: 24, stapB: 25, mtap16: 26, mtap24: 27, fuA: 28, fuB: 29 } as const;

/** Most parameter sets of sprop-parameter-sets that are looked at. */
const SPROP_SETS_MAX = 64;

/** Bytes of a decoding order number. */
const DON_BYTES = 2;

/** What stands in front of a NAL unit in an MTAP: DOND and an offset of 2 or 3 bytes. */
const MTAP_DOND_BYTES = 1;

const FORM: NalPayloadForm = { codec: "h264", read, firstNal };

/** Makes a depacketizer; parameter sets in SDP that cannot be read are reported and left out. */
export function createH264Depacketizer(options: DepacketizerOptions): NalDepacketizer {
  const sets = noParameterSets();
  const text = options.format.parameters.get("sprop-parameter-sets") ?? "";
  for (const base64 of text.split(",", SPROP_SETS_MAX)) {
    const nal = decodeBase64(base64);
    const name = nal === undefined ? undefined : parameterSetName("h264", nal);
    if (name !== undefined) sets[name].push(nal!);
    else if (base64 !== "") options.dropped(RTP_DROP_REASON.configuration);
  }
  return new NalDepacketizer(FORM, options.index, options.dropped, sets);
}

/** Makes a packetizer whose payloads are of at most `payloadBytesMax` bytes. */
export function createH264Packetizer(payloadBytesMax: number): NalPacketizer {
  return new NalPacketizer({
    codec: "h264",
    payloadBytesMax,
    fragmentType: PACKET_TYPE.fuA,
    setsOf: (config) => {
      const { sps, pps } = parseAvcDecoderConfigurationRecord(config);
      return [...sps, ...pps];
    },
  });
}

/** Bytes of Base64, padded or not, white space aside; `undefined` for anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text);
    return bytes.length === 0 ? undefined : bytes;
  } catch {
    return undefined;
  }
}

function read(payload: Uint8Array, timestamp: number, sink: NalSink): void {
  const type = payload[0] & 0x1f;
  switch (type) {
    case PACKET_TYPE.stapA:
      return readAggregate(payload, 1, sink);
    case PACKET_TYPE.stapB:
      return readAggregate(payload, 1 + DON_BYTES, sink);
    case PACKET_TYPE.mtap16:
      return readTimedAggregate(payload, 2, timestamp, sink);
    case PACKET_TYPE.mtap24:
      return readTimedAggregate(payload, 3, timestamp, sink);
    case PACKET_TYPE.fuA:
      return readFragment(payload, 2, sink);
    case PACKET_TYPE.fuB:
      return readFragment(payload, 2 + DON_BYTES, sink);
    case 0:
    case 30:
    case 31:
      return; // Unspecified; receivers pass them over (section 5.2).
    default:
      sink.nal(payload);
  }
}

function readAggregate(payload: Uint8Array, start: number, sink: NalSink): void {
  if (payload.length < start) throw malformed("STAP cut short", "5.7.1", 0);
  for (let offset = start; offset < payload.length;) {
    const end = unitEnd(payload, offset, "5.7.1");
    sink.nal(payload.subarray(offset + 2, end));
    offset = end;
  }
}

function readTimedAggregate(
  payload: Uint8Array,
  offsetBytes: number,
  timestamp: number,
  sink: NalSink,
): void {
  const skipped = 2 + MTAP_DOND_BYTES + offsetBytes;
  // The size covers the NAL unit alone, neither DOND nor the offset (5.7.2).
  for (let offset = 1 + DON_BYTES; offset < payload.length;) {
    const start = offset + skipped;
    if (start > payload.length) throw malformed("MTAP cut short", "5.7.2", offset);
    const end = start + (payload[offset] << 8 | payload[offset + 1]);
    if (end > payload.length) throw malformed("NAL unit in MTAP cut short", "5.7.2", offset);
    let later = 0;
    for (let at = start - offsetBytes; at < start; at++) later = later * 256 + payload[at];
    sink.timestamp((timestamp + later) >>> 0);
    sink.nal(payload.subarray(start, end));
    offset = end;
  }
}

function readFragment(payload: Uint8Array, dataAt: number, sink: NalSink): void {
  if (payload.length < dataAt) throw malformed("fragmentation unit cut short", "5.8", 0);
  const [indicator, header] = payload;
  const data = payload.subarray(dataAt);
  if ((header & 0x80) !== 0) sink.fragmentStart(indicator & 0xe0 | header & 0x1f, 1, data);
  else sink.fragment(data);
  if ((header & 0x40) !== 0) sink.fragmentEnd();
}

/** Where the unit behind the 16-bit size at `offset` ends. */
function unitEnd(payload: Uint8Array, offset: number, section: string): number {
  if (payload.length - offset < 2) throw malformed("size in STAP cut short", section, offset);
  const end = offset + 2 + (payload[offset] << 8 | payload[offset + 1]);
  if (end > payload.length) throw malformed("NAL unit in STAP cut short", section, offset);
  return end;
}

function firstNal(payload: Uint8Array): Uint8Array | undefined {
  switch (payload[0] & 0x1f) {
    case PACKET_TYPE.stapA:
      return payload.subarray(3);
    case PACKET_TYPE.stapB:
      return payload.subarray(3 + DON_BYTES);
    case PACKET_TYPE.mtap16:
      return payload.subarray(1 + DON_BYTES + 2 + MTAP_DOND_BYTES + 2);
    case PACKET_TYPE.mtap24:
      return payload.subarray(1 + DON_BYTES + 2 + MTAP_DOND_BYTES + 3);
    case PACKET_TYPE.fuA:
      return fragmentHead(payload, 2);
    case PACKET_TYPE.fuB:
      return fragmentHead(payload, 2 + DON_BYTES);
    default:
      return payload;
  }
}

function fragmentHead(payload: Uint8Array, dataAt: number): Uint8Array | undefined {
  if (payload[1] < 0x80 || payload.length <= dataAt) return undefined;
  return Uint8Array.of(payload[1] & 0x1f, payload[dataAt]);
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read H.264 payload: ${found}`, {
    protocol: "RTP H.264",
    section: `RFC 6184 ${section}`,
    offset,
  });
}
