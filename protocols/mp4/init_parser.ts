/**
 * Reads an init segment: brands, and the tracks with what fragments leave to defaults.
 *
 * Source: ISO/IEC 14496-12:2015, sections 4.3, 8.2 to 8.5 and 8.8.3. Edit lists are not applied:
 * times are those of the media.
 *
 * @module
 */
import { type Track, TRACKS_PER_KIND_MAX } from "../media/track.ts";
import { type Box, boxesIn, BoxFields, findBox, malformed, parseBox } from "./box_reader.ts";
import { mp4TrackId } from "./movie.ts";
import { parseSampleEntry } from "./sample_entry_parser.ts";

/** What holds for a sample unless its fragment says otherwise. */
export interface SampleDefaults {
  readonly duration: number; // in ticks
  readonly size: number; // in bytes
  readonly flags: number; // 8.8.3.1
}

/** A track of an init segment. */
export interface Mp4Track {
  readonly id: number; // track_ID
  readonly timescale: number; // ticks per second
  readonly track: Track;
  readonly lengthBytes: number; // in front of each NAL unit, 1 to 4
  readonly defaults: SampleDefaults;
}

/** What an init segment says. */
export interface InitSegment {
  /** The major brand, then the compatible ones; none without "ftyp". */
  readonly brands: readonly string[];
  /** Those of codecs that we carry, in the order of the file. */
  readonly tracks: readonly Mp4Track[];
  /** Offset behind "moov". */
  readonly end: number;
}

/** Most boxes in front of "moov" that are passed over: "ftyp", "free", a "uuid" or two. */
const BOXES_BEFORE_MOVIE_MAX = 16;

/** Handler types (8.4.3 and 12) of the kinds of tracks we know. */
const KINDS: Readonly<Record<string, Track["kind"]>> = { vide: "video", soun: "audio" };

const FULL_BOX_BYTES = 4; // version and flags
const NO_DEFAULTS: SampleDefaults = { duration: 0, size: 0, flags: 0 };

/**
 * Reads up to the end of "moov". Tracks keep views of `bytes`.
 *
 * @returns The tracks, or `undefined` when "moov" is not all there.
 * @throws {ProtocolError} A box cannot be read, or too many stand in front of "moov".
 */
export function parseInitSegment(bytes: Uint8Array): InitSegment | undefined {
  let brands: readonly string[] = [];
  for (let offset = 0, count = 0; count <= BOXES_BEFORE_MOVIE_MAX; count++) {
    const box = parseBox(bytes, offset);
    if (box === undefined) return undefined;
    if (box.type === "moov") return { brands, tracks: readTracks(bytes, box), end: box.end };
    if (box.type === "ftyp") brands = readBrands(bytes, box);
    offset = box.end;
  }
  throw malformed(`no moov within ${BOXES_BEFORE_MOVIE_MAX} boxes`, "8.2.1", 0);
}

/** Major brand and compatible brands of an "ftyp" or "styp". */
function readBrands(bytes: Uint8Array, box: Box): string[] {
  const fields = new BoxFields(bytes, box);
  const brands = [fourCharacters(fields)];
  fields.skip(4); // minor_version
  while (fields.remaining >= 4) brands.push(fourCharacters(fields));
  return brands;
}

function readTracks(bytes: Uint8Array, movie: Box): Mp4Track[] {
  const defaults = readDefaults(bytes, findBox(bytes, movie, "mvex"));
  const tracks: Mp4Track[] = [];
  const count = { video: 0, audio: 0 };
  for (const box of boxesIn(bytes, movie)) {
    if (box.type !== "trak") continue;
    const track = readTrack(bytes, box, count, defaults);
    if (track === undefined) continue;
    if (tracks.some(({ id }) => id === track.id)) {
      throw malformed(`two tracks ${track.id}`, "8.3.2", box.start);
    }
    tracks.push(track);
    count[track.track.kind]++;
  }
  return withOwnIndexes(tracks);
}

/** Our own files tell a track's number by its id; others number in the order of the file. */
function withOwnIndexes(tracks: readonly Mp4Track[]): Mp4Track[] {
  const indexOf = ({ id }: Mp4Track) => (id - 1) >>> 1;
  const ours = tracks.every((entry) =>
    indexOf(entry) < TRACKS_PER_KIND_MAX &&
    mp4TrackId({ kind: entry.track.kind, index: indexOf(entry) }) === entry.id
  );
  if (!ours) return [...tracks];
  return tracks.map((entry) => ({
    ...entry,
    track: { ...entry.track, index: indexOf(entry) },
  }));
}

function readTrack(
  bytes: Uint8Array,
  trak: Box,
  count: Readonly<Record<Track["kind"], number>>,
  defaults: ReadonlyMap<number, SampleDefaults>,
): Mp4Track | undefined {
  const media = required(bytes, trak, "mdia");
  const handler = new BoxFields(bytes, required(bytes, media, "hdlr"));
  handler.skip(FULL_BOX_BYTES + 4); // pre_defined
  const kind = KINDS[fourCharacters(handler)];
  if (kind === undefined || count[kind] === TRACKS_PER_KIND_MAX) return undefined;

  const table = required(bytes, required(bytes, media, "minf"), "stbl");
  const description = required(bytes, table, "stsd");
  // Of several sample descriptions the first counts; live files have one.
  const [entryBox] = boxesIn(bytes, description, FULL_BOX_BYTES + 4); // entry_count
  if (entryBox === undefined) throw malformed("stsd without entry", "8.5.2", description.start);
  const entry = parseSampleEntry(bytes, entryBox, count[kind]);
  if (entry === undefined || entry.track.kind !== kind) return undefined;

  const id = readTrackId(bytes, required(bytes, trak, "tkhd"));
  const timescale = readTimescale(bytes, required(bytes, media, "mdhd"));
  return { id, timescale, ...entry, defaults: defaults.get(id) ?? NO_DEFAULTS };
}

function readTrackId(bytes: Uint8Array, box: Box): number {
  const fields = new BoxFields(bytes, box);
  fields.skip(timeBytes(fields.u32())); // creation and modification time
  return fields.u32();
}

function readTimescale(bytes: Uint8Array, box: Box): number {
  const fields = new BoxFields(bytes, box);
  fields.skip(timeBytes(fields.u32()));
  const timescale = fields.u32();
  if (timescale === 0) throw malformed("a timescale of 0", "8.4.2", box.start);
  return timescale;
}

/** Bytes of creation and modification time, which version 1 makes twice as wide. */
function timeBytes(versionAndFlags: number): number {
  return versionAndFlags >>> 24 === 1 ? 16 : 8;
}

/** "trex" boxes by track_ID. */
function readDefaults(bytes: Uint8Array, extend: Box | undefined): Map<number, SampleDefaults> {
  const defaults = new Map<number, SampleDefaults>();
  if (extend === undefined) return defaults;
  for (const box of boxesIn(bytes, extend)) {
    if (box.type !== "trex") continue;
    const fields = new BoxFields(bytes, box);
    fields.skip(FULL_BOX_BYTES);
    const id = fields.u32();
    fields.skip(4); // default_sample_description_index
    defaults.set(id, { duration: fields.u32(), size: fields.u32(), flags: fields.u32() });
  }
  return defaults;
}

function required(bytes: Uint8Array, parent: Box, type: string): Box {
  const box = findBox(bytes, parent, type);
  if (box !== undefined) return box;
  throw malformed(`${parent.type} without ${type}`, "6.2.3", parent.start);
}

function fourCharacters(fields: BoxFields): string {
  return String.fromCharCode(...fields.bytes(4));
}
