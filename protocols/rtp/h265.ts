/**
 * H.265 in RTP: single NAL units, aggregation packets and fragmentation units.
 *
 * Source: RFC 7798, sections 4.4 and 7.1 (parameters). Decoding order numbers, there when
 * sprop-max-don-diff is not 0, are passed over: units are taken in the order in which they come.
 * PACI packets are left out. Only single NAL units and fragmentation units are written.
 *
 * @module
 */
import { H265_NAL_TYPE, hevcUnits, parseHevcDecoderConfigurationRecord } from "../codecs/h265.ts";
import { noParameterSets, parameterSetName } from "../codecs/parameter_sets.ts";
import { ProtocolError } from "../errors.ts";
import { decodeBase64 } from "./h264.ts";
import { NalDepacketizer, type NalPayloadForm, type NalSink } from "./nal_depacketizer.ts";
import { NalPacketizer } from "./nal_packetizer.ts";
import { type DepacketizerOptions, RTP_DROP_REASON } from "./payload.ts";

/** Types of payload structures beside NAL units (sections 4.4.2 to 4.4.4). */
const PACKET_TYPE = { aggregation: 48, fragmentation: 49, paci: 50 } as const;

/** Bytes of a NAL unit's header, which every payload opens with. */
const HEADER_BYTES = 2;

/** Bytes of a decoding order number, and of the difference to the one before. */
const DONL_BYTES = 2;
const DOND_BYTES = 1;

/** Most parameter sets of one sprop parameter that are looked at. */
const SPROP_SETS_MAX = 64;

/** Makes a depacketizer; parameter sets in SDP that cannot be read are reported and left out. */
export function createH265Depacketizer(options: DepacketizerOptions): NalDepacketizer {
  const { parameters } = options.format;
  const sets = noParameterSets();
  for (const parameter of ["sprop-vps", "sprop-sps", "sprop-pps"]) {
    for (const base64 of (parameters.get(parameter) ?? "").split(",", SPROP_SETS_MAX)) {
      const nal = decodeBase64(base64);
      const name = nal === undefined ? undefined : parameterSetName("h265", nal);
      if (name !== undefined) sets[name].push(nal!);
      else if (base64 !== "") options.dropped(RTP_DROP_REASON.configuration);
    }
  }
  const numbered = Number(parameters.get("sprop-max-don-diff") ?? 0) > 0;
  return new NalDepacketizer(formOf(numbered), options.index, options.dropped, sets);
}

/** Makes a packetizer whose payloads are of at most `payloadBytesMax` bytes. */
export function createH265Packetizer(payloadBytesMax: number): NalPacketizer {
  return new NalPacketizer({
    codec: "h265",
    payloadBytesMax,
    fragmentType: PACKET_TYPE.fragmentation,
    setsOf: (config) => {
      const record = parseHevcDecoderConfigurationRecord(config);
      const { vps, sps, pps } = H265_NAL_TYPE;
      return [vps, sps, pps].flatMap((type) => hevcUnits(record, type));
    },
  });
}

/** @param numbered Whether payloads carry decoding order numbers. */
function formOf(numbered: boolean): NalPayloadForm {
  const donlBytes = numbered ? DONL_BYTES : 0;
  return {
    codec: "h265",
    read: (payload, _timestamp, sink) => read(payload, numbered, sink),
    firstNal: (payload) => firstNal(payload, donlBytes),
  };
}

function read(payload: Uint8Array, numbered: boolean, sink: NalSink): void {
  if (payload.length < HEADER_BYTES) throw malformed("header cut short", "4.4.1", 0);
  switch (payload[0] >>> 1 & 0x3f) {
    case PACKET_TYPE.aggregation:
      return readAggregate(payload, numbered, sink);
    case PACKET_TYPE.fragmentation:
      return readFragment(payload, numbered, sink);
    case PACKET_TYPE.paci:
      return; // Extensions for temporal scalability; receivers may pass them over (4.4.4).
    default:
      return readSingle(payload, numbered, sink);
  }
}

function readSingle(payload: Uint8Array, numbered: boolean, sink: NalSink): void {
  if (!numbered) return sink.nal(payload);
  const dataAt = HEADER_BYTES + DONL_BYTES;
  if (payload.length < dataAt) throw malformed("decoding order number cut short", "4.4.1", 0);
  // The number stands within the unit, so the unit comes in two parts.
  sink.fragmentStart(payload[0] << 8 | payload[1], HEADER_BYTES, payload.subarray(dataAt));
  sink.fragmentEnd();
}

function readAggregate(payload: Uint8Array, numbered: boolean, sink: NalSink): void {
  let offset = HEADER_BYTES + (numbered ? DONL_BYTES : 0);
  while (offset < payload.length) {
    const start = offset + 2;
    const end = start + (payload[offset] << 8 | payload[offset + 1]);
    if (start > payload.length || end > payload.length) {
      throw malformed("unit in aggregation packet cut short", "4.4.2", offset);
    }
    sink.nal(payload.subarray(start, end));
    offset = end + (numbered ? DOND_BYTES : 0);
  }
}

function readFragment(payload: Uint8Array, numbered: boolean, sink: NalSink): void {
  const header = payload[HEADER_BYTES];
  const first = header >= 0x80;
  const dataAt = HEADER_BYTES + 1 + (numbered && first ? DONL_BYTES : 0);
  if (payload.length < dataAt) throw malformed("fragmentation unit cut short", "4.4.3", 0);
  const data = payload.subarray(dataAt);
  if (first) sink.fragmentStart(headerOf(payload), HEADER_BYTES, data);
  else sink.fragment(data);
  if ((header & 0x40) !== 0) sink.fragmentEnd();
}

/** Header of the NAL unit that a fragment belongs to. */
function headerOf(payload: Uint8Array): number {
  const type = payload[HEADER_BYTES] & 0x3f;
  return (payload[0] & 0x81 | type << 1) << 8 | payload[1];
}

function firstNal(payload: Uint8Array, donlBytes: number): Uint8Array | undefined {
  switch (payload[0] >>> 1 & 0x3f) {
    case PACKET_TYPE.aggregation:
      return payload.subarray(HEADER_BYTES + donlBytes + 2);
    case PACKET_TYPE.fragmentation: {
      const dataAt = HEADER_BYTES + 1 + donlBytes;
      if (payload.length <= dataAt || payload[HEADER_BYTES] < 0x80) return undefined;
      const header = headerOf(payload);
      return Uint8Array.of(header >>> 8, header & 0xff, payload[dataAt]);
    }
    default:
      if (donlBytes === 0 || payload.length <= HEADER_BYTES + donlBytes) return payload;
      return Uint8Array.of(payload[0], payload[1], payload[HEADER_BYTES + donlBytes]);
  }
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read H.265 payload: ${found}`, {
    protocol: "RTP H.265",
    section: `RFC 7798 ${section}`,
    offset,
  });
}
