/**
 * Opus identification header, "OpusHead": the decoder configuration in Ogg and enhanced RTMP.
 * MP4's dOps holds the same fields in another order and is not read here.
 *
 * Source: RFC 7845, section 5.1. Integers are little-endian.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** The rate at which Opus always decodes, in samples per second. */
export const OPUS_SAMPLE_RATE = 48_000;

/** Size of the header up to the channel mapping family, in bytes. */
const FIXED_BYTES = 19;

const MAGIC = new TextEncoder().encode("OpusHead");

/** How decoded channels come from Opus streams (RFC 7845, section 5.1.1). */
export interface OpusMapping {
  readonly streams: number; // 1 to 255
  readonly coupledStreams: number; // of them stereo, 0 to `streams`
  readonly channels: Uint8Array; // index per output channel; 255 = silence
}

/** A decoded OpusHead. */
export interface OpusHead {
  readonly version: number; // 1; below 16 is compatible
  readonly channels: number; // 1 to 255
  readonly preSkip: number; // samples at 48 kHz to drop at the start
  readonly inputSampleRate: number; // of the encoder's source, 0 = not told; no matter to decoders
  readonly outputGain: number; // in dB, times 256, signed
  readonly mappingFamily: number; // 0 mono or stereo, 1 surround, others as registered
  readonly mapping?: OpusMapping; // absent in family 0
}

/**
 * Reads a whole OpusHead.
 *
 * @throws {ProtocolError} It ends too early, has another magic or an incompatible version, or its
 * channels contradict its mapping.
 */
export function parseOpusHead(bytes: Uint8Array): OpusHead {
  if (bytes.length < FIXED_BYTES) {
    throw malformed(`${bytes.length} bytes, at least ${FIXED_BYTES} are needed`, 0);
  }
  if (MAGIC.some((byte, offset) => byte !== bytes[offset])) throw malformed("no magic", 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = bytes[8];
  if (version > 15) throw malformed(`version ${version} is not compatible with 1`, 8);
  const channels = bytes[9];
  const mappingFamily = bytes[18];
  if (channels === 0 || (mappingFamily === 0 && channels > 2)) {
    throw malformed(`${channels} channels in mapping family ${mappingFamily}`, 9);
  }
  const head = {
    version,
    channels,
    preSkip: view.getUint16(10, true),
    inputSampleRate: view.getUint32(12, true),
    outputGain: view.getInt16(16, true),
    mappingFamily,
  };
  return mappingFamily === 0 ? head : { ...head, mapping: readMapping(bytes, channels) };
}

/**
 * Writes the header; the inverse of {@link parseOpusHead}.
 *
 * @throws {RangeError} Family and mapping contradict each other.
 */
export function writeOpusHead(head: OpusHead): Uint8Array {
  const { mapping } = head;
  if ((head.mappingFamily === 0) !== (mapping === undefined)) {
    throw new RangeError("Cannot write OpusHead: all mapping families but 0 have a mapping");
  }
  const output = new Uint8Array(FIXED_BYTES + (mapping ? 2 + mapping.channels.length : 0));
  const view = new DataView(output.buffer);
  output.set(MAGIC);
  output[8] = head.version;
  output[9] = head.channels;
  view.setUint16(10, head.preSkip, true);
  view.setUint32(12, head.inputSampleRate, true);
  view.setInt16(16, head.outputGain, true);
  output[18] = head.mappingFamily;
  if (mapping !== undefined) {
    output[19] = mapping.streams;
    output[20] = mapping.coupledStreams;
    output.set(mapping.channels, 21);
  }
  return output;
}

function readMapping(bytes: Uint8Array, channels: number): OpusMapping {
  const end = FIXED_BYTES + 2 + channels;
  if (bytes.length < end) throw malformed("channel mapping cut short", FIXED_BYTES);
  const streams = bytes[19];
  const coupledStreams = bytes[20];
  if (streams === 0 || coupledStreams > streams) {
    throw malformed(`${coupledStreams} coupled of ${streams} streams`, 19);
  }
  return { streams, coupledStreams, channels: bytes.subarray(21, end) };
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read OpusHead: ${found}`, {
    protocol: "Opus",
    section: "RFC 7845 5.1",
    offset,
  });
}
