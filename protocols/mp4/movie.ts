/**
 * "moov" of a fragmented file: tracks and their sample entries, no samples, no edit lists.
 *
 * Source: ISO/IEC 14496-12:2015, sections 8.2 to 8.8, 12.1.2 and 12.2.2. Sample entries are in
 * `video_sample_entry.ts` and `audio_sample_entry.ts`.
 *
 * @module
 */
import { type Track, trackId } from "../media/track.ts";
import { writeAudioSampleEntry } from "./audio_sample_entry.ts";
import { ascii, box, fullBox, u16, u32 } from "./box_writer.ts";
import { timescaleOf } from "./timescale.ts";
import { displaySizeOf, writeVideoSampleEntry } from "./video_sample_entry.ts";

/** Ticks per second of the movie header, in which we state no time at all. */
const MOVIE_TIMESCALE = 1_000;

/** Rows of the identity matrix (6.2.2); two numbers of 16.16 and one of 2.30 each. */
const IDENTITY = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** track_enabled and track_in_movie (8.3.2). */
const TRACK_FLAGS = 3;

/** "und" as three letters of 5 bits: the language is not known (8.4.2). */
const LANGUAGE_UNKNOWN = 0x55c4;

/** track_ID of a track: 0 is not allowed (8.3.2), so ours count from 1. */
export function mp4TrackId(track: Pick<Track, "kind" | "index">): number {
  return trackId(track) + 1;
}

/** Writes the whole box. */
export function writeMovie(tracks: readonly Track[]): Uint8Array {
  return box(
    "moov",
    writeMovieHeader(tracks),
    ...tracks.map(writeTrack),
    box("mvex", ...tracks.map(writeTrackExtends)),
  );
}

function writeMovieHeader(tracks: readonly Track[]): Uint8Array {
  return fullBox(
    "mvhd",
    0,
    0,
    u32(0, 0, MOVIE_TIMESCALE, 0), // creation and modification time, timescale, duration
    u32(0x10000), // rate 1.0
    u16(0x100, 0), // volume 1.0, reserved
    u32(0, 0), // reserved
    IDENTITY,
    new Uint8Array(24), // pre_defined
    u32(Math.max(...tracks.map(mp4TrackId)) + 1), // next_track_ID
  );
}

function writeTrack(track: Track): Uint8Array {
  return box("trak", writeTrackHeader(track), writeMedia(track));
}

function writeTrackHeader(track: Track): Uint8Array {
  const { width, height } = track.kind === "video" ? displaySizeOf(track) : { width: 0, height: 0 };
  return fullBox(
    "tkhd",
    0,
    TRACK_FLAGS,
    u32(0, 0, mp4TrackId(track), 0, 0), // creation, modification, track_ID, reserved, duration
    u32(0, 0), // reserved
    u16(0, 0), // layer, alternate_group
    u16(track.kind === "audio" ? 0x100 : 0, 0), // volume, reserved
    IDENTITY,
    u32(width * 0x10000, height * 0x10000),
  );
}

function writeMedia(track: Track): Uint8Array {
  const video = track.kind === "video";
  return box(
    "mdia",
    fullBox("mdhd", 0, 0, u32(0, 0, timescaleOf(track), 0), u16(LANGUAGE_UNKNOWN, 0)),
    fullBox(
      "hdlr",
      0,
      0,
      u32(0), // pre_defined
      ascii(video ? "vide" : "soun"),
      u32(0, 0, 0), // reserved
      // The names that most writers give; programs show others as the track's title.
      ascii(video ? "VideoHandler\0" : "SoundHandler\0"),
    ),
    box(
      "minf",
      // vmhd: graphicsmode and opcolor; smhd: balance and reserved.
      video ? fullBox("vmhd", 0, 1, u16(0, 0, 0, 0)) : fullBox("smhd", 0, 0, u16(0, 0)),
      // One data reference, flagged as "the same file" (8.7.2).
      box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1))),
      writeSampleTable(track),
    ),
  );
}

/** "stbl": the sample entry, and tables that are empty because fragments hold all samples. */
function writeSampleTable(track: Track): Uint8Array {
  const entry = track.kind === "video"
    ? writeVideoSampleEntry(track)
    : writeAudioSampleEntry(track);
  return box(
    "stbl",
    fullBox("stsd", 0, 0, u32(1), entry),
    fullBox("stts", 0, 0, u32(0)),
    fullBox("stsc", 0, 0, u32(0)),
    fullBox("stsz", 0, 0, u32(0, 0)),
    fullBox("stco", 0, 0, u32(0)),
  );
}

function writeTrackExtends(track: Track): Uint8Array {
  // track_ID, sample description 1, no default duration, size and flags: each fragment tells.
  return fullBox("trex", 0, 0, u32(mp4TrackId(track), 1, 0, 0, 0));
}
