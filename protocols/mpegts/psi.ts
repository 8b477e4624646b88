/**
 * Programme specific information: the sections that say which PID carries what.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.4.3 (programme association), 2.4.4.8 (programme map) and
 * 2.6 (descriptors). One section holds a whole table here, as it does in practice; sections that
 * are not valid yet (current_next_indicator 0) are refused.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { crc32Mpeg2 } from "./crc32.ts";

/** table_id values (table 2-31). */
export const TABLE_ID = { programAssociation: 0, programMap: 2 } as const;

/** Bytes of table_id and section_length, after which a section's size is known. */
export const SECTION_START_BYTES = 3;

/** Largest section of these two tables, in bytes: section_length is at most 1021. */
export const SECTION_BYTES_MAX = 1024;

/** Bytes up to last_section_number. */
const SECTION_HEADER_BYTES = 8;

const CRC_BYTES = 4;

/** One programme of a transport stream. */
export interface Program {
  readonly number: number; // 0 = the network information, which is no programme
  readonly pid: number; // of its programme map
}

/** A programme association table. */
export interface ProgramAssociation {
  readonly transportStreamId: number;
  readonly version: number; // 0 to 31
  readonly programs: readonly Program[];
}

/** One elementary stream of a programme. */
export interface ProgramStream {
  readonly streamType: number;
  readonly pid: number;
  readonly descriptors: Uint8Array; // a view of the section
}

/** A programme map table. */
export interface ProgramMap {
  readonly programNumber: number;
  readonly version: number; // 0 to 31
  readonly pcrPid: number; // 0x1fff = none
  readonly descriptors: Uint8Array; // of the programme
  readonly streams: readonly ProgramStream[];
}

/** Bytes of the section at `offset` as it announces them; `undefined` while that is not there. */
export function sectionBytes(bytes: Uint8Array, offset = 0): number | undefined {
  if (bytes.length - offset < SECTION_START_BYTES) return undefined;
  return SECTION_START_BYTES + ((bytes[offset + 1] & 0xf) << 8 | bytes[offset + 2]);
}

/**
 * Reads a whole programme association section.
 *
 * @throws {ProtocolError} It is another table, cut short, not the one in force, or its checksum is
 * wrong.
 */
export function parsePatSection(section: Uint8Array): ProgramAssociation {
  const end = checkSection(section, TABLE_ID.programAssociation, "2.4.4.3");
  const programs: Program[] = [];
  // At most 253 of them: the section's size is bounded.
  for (let offset = SECTION_HEADER_BYTES; offset + 4 <= end; offset += 4) {
    programs.push({ number: readU16(section, offset), pid: readU13(section, offset + 2) });
  }
  return { transportStreamId: readU16(section, 3), version: versionOf(section), programs };
}

/** Writes a programme association section; the inverse of {@link parsePatSection}. */
export function writePatSection(table: ProgramAssociation): Uint8Array {
  const section = newSection(TABLE_ID.programAssociation, 4 * table.programs.length);
  writeSectionHeader(section, table.transportStreamId, table.version);
  let offset = SECTION_HEADER_BYTES;
  for (const { number, pid } of table.programs) {
    writeU16(number, section, offset);
    writeU16(0xe000 | pid, section, offset + 2); // 3 reserved bits, all one
    offset += 4;
  }
  return withCrc(section);
}

/**
 * Reads a whole programme map section; descriptors are views of it.
 *
 * @throws {ProtocolError} It is another table, cut short, not the one in force, its checksum is
 * wrong, or its descriptors reach beyond the end.
 */
export function parsePmtSection(section: Uint8Array): ProgramMap {
  const end = checkSection(section, TABLE_ID.programMap, "2.4.4.8");
  if (end < SECTION_HEADER_BYTES + 4) throw malformed("cut short", "2.4.4.8", end);
  const descriptors = readDescriptors(section, SECTION_HEADER_BYTES + 2, end);
  const streams: ProgramStream[] = [];
  let offset = SECTION_HEADER_BYTES + 4 + descriptors.length;
  // At most 201 of them: the section's size is bounded.
  while (offset < end) {
    if (end - offset < 5) throw malformed("a stream is cut short", "2.4.4.8", offset);
    const own = readDescriptors(section, offset + 3, end);
    const pid = readU13(section, offset + 1);
    streams.push({ streamType: section[offset], pid, descriptors: own });
    offset += 5 + own.length;
  }
  return {
    programNumber: readU16(section, 3),
    version: versionOf(section),
    pcrPid: readU13(section, SECTION_HEADER_BYTES),
    descriptors,
    streams,
  };
}

/**
 * Writes a programme map section; the inverse of {@link parsePmtSection}.
 *
 * @throws {RangeError} It would exceed {@link SECTION_BYTES_MAX}.
 */
export function writePmtSection(table: ProgramMap): Uint8Array {
  let bytes = 4 + table.descriptors.length;
  for (const { descriptors } of table.streams) bytes += 5 + descriptors.length;
  const section = newSection(TABLE_ID.programMap, bytes);
  writeSectionHeader(section, table.programNumber, table.version);
  writeU16(0xe000 | table.pcrPid, section, SECTION_HEADER_BYTES); // 3 reserved bits, all one
  let offset = writeDescriptors(table.descriptors, section, SECTION_HEADER_BYTES + 2);
  for (const { streamType, pid, descriptors } of table.streams) {
    section[offset] = streamType;
    writeU16(0xe000 | pid, section, offset + 1);
    offset = writeDescriptors(descriptors, section, offset + 3);
  }
  return withCrc(section);
}

/**
 * Calls `visit` for each descriptor (2.6) in `bytes`, with a view of what it holds. Stops where one
 * is cut short.
 */
export function forEachDescriptor(
  bytes: Uint8Array,
  visit: (tag: number, content: Uint8Array) => void,
): void {
  for (let offset = 0; offset + 2 <= bytes.length;) {
    const end = offset + 2 + bytes[offset + 1];
    if (end > bytes.length) return;
    visit(bytes[offset], bytes.subarray(offset + 2, end));
    offset = end;
  }
}

/** Checks what both tables share; returns where the checksum starts. */
function checkSection(section: Uint8Array, tableId: number, clause: string): number {
  const bytes = sectionBytes(section);
  if (bytes === undefined || section.length < bytes || bytes < SECTION_HEADER_BYTES + CRC_BYTES) {
    throw malformed(`${section.length} bytes, it announces ${bytes}`, clause, 0);
  }
  if (section[0] !== tableId) throw malformed(`table_id ${section[0]}`, clause, 0);
  if (bytes > SECTION_BYTES_MAX) throw malformed(`${bytes} bytes`, clause, 1);
  if (crc32Mpeg2(section, 0, bytes) !== 0) throw malformed("wrong CRC_32", clause, bytes - 4);
  if ((section[5] & 1) === 0) throw malformed("not in force yet", clause, 5);
  return bytes - CRC_BYTES;
}

/** Reads a length of 12 bits at `offset` and the descriptors behind it. */
function readDescriptors(section: Uint8Array, offset: number, end: number): Uint8Array {
  const start = offset + 2;
  const bytes = (section[offset] & 0xf) << 8 | section[offset + 1];
  if (bytes > end - start) throw malformed(`descriptors of ${bytes} bytes`, "2.4.4.8", offset);
  return section.subarray(start, start + bytes);
}

function writeDescriptors(descriptors: Uint8Array, target: Uint8Array, offset: number): number {
  writeU16(0xf000 | descriptors.length, target, offset); // 4 reserved bits, all one
  target.set(descriptors, offset + 2);
  return offset + 2 + descriptors.length;
}

function newSection(tableId: number, contentBytes: number): Uint8Array {
  const bytes = SECTION_HEADER_BYTES + contentBytes + CRC_BYTES;
  if (bytes > SECTION_BYTES_MAX) {
    throw new RangeError(
      `Cannot write section: ${bytes} bytes, at most ${SECTION_BYTES_MAX} fit`,
    );
  }
  const section = new Uint8Array(bytes);
  section[0] = tableId;
  // section_syntax_indicator, a zero bit, 2 reserved bits, section_length
  writeU16(0xb000 | (bytes - SECTION_START_BYTES), section, 1);
  return section;
}

function writeSectionHeader(section: Uint8Array, id: number, version: number): void {
  writeU16(id, section, 3);
  section[5] = 0xc1 | version << 1; // 2 reserved bits, version, current_next_indicator
  section[6] = 0; // section_number
  section[7] = 0; // last_section_number
}

function withCrc(section: Uint8Array): Uint8Array {
  const end = section.length - CRC_BYTES;
  const crc = crc32Mpeg2(section, 0, end);
  writeU16(crc >>> 16, section, end);
  writeU16(crc & 0xffff, section, end + 2);
  return section;
}

function versionOf(section: Uint8Array): number {
  return (section[5] >>> 1) & 0x1f;
}

function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}

function readU13(bytes: Uint8Array, offset: number): number {
  return readU16(bytes, offset) & 0x1fff;
}

function writeU16(value: number, target: Uint8Array, offset: number): void {
  target[offset] = value >>> 8;
  target[offset + 1] = value & 0xff;
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read section: ${found}`, {
    protocol: "MPEG-TS",
    section,
    offset,
  });
}
