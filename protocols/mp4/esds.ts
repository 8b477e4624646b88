/**
 * "esds": the MPEG-4 descriptors that tell AAC and MP3 apart and hold AudioSpecificConfig.
 *
 * Sources: ISO/IEC 14496-14, section 5.6 (ESDBox); ISO/IEC 14496-1, sections 7.2.2.2 (class tags
 * and sizes), 7.2.6.5 (ES_Descriptor), 7.2.6.6 (DecoderConfigDescriptor) and 8.3.3 (expandable
 * sizes).
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { BoxFields, malformed } from "./box_reader.ts";
import { fullBox, u16, u32, u8 } from "./box_writer.ts";

/** objectTypeIndication values (14496-1, table 5) of the codecs we carry. */
export const OBJECT_TYPE_INDICATION = {
  mpeg4Audio: 0x40,
  mpeg2AacMain: 0x66,
  mpeg2AacLc: 0x67,
  mpeg2AacSsr: 0x68,
  mpeg2Audio: 0x69,
  mpeg1Audio: 0x6b,
} as const;

/** Class tags (14496-1, table 1). */
const TAG = { es: 3, decoderConfig: 4, decoderSpecificInfo: 5, slConfig: 6 } as const;

/** streamType 5 is audio; the low bits are upStream 0 and a reserved 1 (7.2.6.6). */
const AUDIO_STREAM = 5 << 2 | 1;

/** Bytes of every size we write; four, as the writers that everybody reads do. */
const SIZE_BYTES = 4;

/** Most bytes of a size (8.3.3); 28 bits are left. */
const SIZE_BYTES_MAX = 4;

/** What an "esds" says. */
export interface Esds {
  readonly objectTypeIndication: number;
  /** DecoderSpecificInfo, AudioSpecificConfig for AAC; `undefined` when there is none. */
  readonly specificInfo: Uint8Array | undefined;
}

/** Writes the whole box; buffer size and bit rates are left unknown, 0. */
export function writeEsds(
  objectTypeIndication: number,
  specificInfo: Uint8Array | undefined,
): Uint8Array {
  const decoderConfig = descriptor(
    TAG.decoderConfig,
    u8(objectTypeIndication, AUDIO_STREAM, 0, 0, 0), // bufferSizeDB of 3 bytes
    u32(0, 0), // maxBitrate, avgBitrate
    specificInfo === undefined ? u8() : descriptor(TAG.decoderSpecificInfo, specificInfo),
  );
  const slConfig = descriptor(TAG.slConfig, u8(2)); // As reserved for MP4 files (14496-14, 3.1.2)
  const es = descriptor(TAG.es, u16(0), u8(0), decoderConfig, slConfig); // ES_ID, flags
  return fullBox("esds", 0, 0, es);
}

/**
 * Reads the box's content, version and flags included. `specificInfo` is a view.
 *
 * @throws {ProtocolError} A descriptor is missing, cut short or larger than what holds it.
 */
export function readEsds(fields: BoxFields): Esds {
  fields.skip(4); // version, flags
  const es = enter(fields, TAG.es);
  es.skip(2); // ES_ID
  const flags = es.u8();
  if ((flags & 0x80) !== 0) es.skip(2); // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) es.skip(es.u8()); // URL
  if ((flags & 0x20) !== 0) es.skip(2); // OCR_ES_Id

  const config = enter(es, TAG.decoderConfig);
  const objectTypeIndication = config.u8();
  config.skip(12); // streamType, bufferSizeDB, bit rates
  if (config.remaining === 0) return { objectTypeIndication, specificInfo: undefined };
  const info = enter(config, TAG.decoderSpecificInfo);
  return { objectTypeIndication, specificInfo: info.bytes(info.remaining) };
}

/** Reads tag and size; returns the fields of that descriptor alone. */
function enter(fields: BoxFields, tag: number): BoxFields {
  const at = fields.offset;
  const found = fields.u8();
  if (found !== tag) throw malformed(`descriptor ${found}, not ${tag}`, "14496-1 7.2.2.2", at);
  let size = 0;
  for (let count = 0; count < SIZE_BYTES_MAX; count++) {
    const byte = fields.u8();
    size = size * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return fields.part(size);
  }
  throw malformed(`a size of over ${SIZE_BYTES_MAX} bytes`, "14496-1 8.3.3", at);
}

function descriptor(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const payload = concatBytes(...parts);
  const header = new Uint8Array(1 + SIZE_BYTES);
  header[0] = tag;
  for (let index = 1; index <= SIZE_BYTES; index++) {
    const bits = payload.length >>> 7 * (SIZE_BYTES - index) & 0x7f;
    header[index] = index < SIZE_BYTES ? 0x80 | bits : bits; // The top bit says: more follow.
  }
  return concatBytes(header, payload);
}
