/**
 * Playlist parsers of other people, at their strictest.
 *
 * @module
 */
import * as hlsParser from "hls-parser";
import { Parser } from "m3u8-parser";

/** What they complain of; an empty list when they find nothing. */
export function parserComplaints(playlist: string): string[] {
  return [...ofM3u8Parser(playlist), ...ofHlsParser(playlist)];
}

/** m3u8-parser (video.js) reports rather than throws; `info` says what it had to assume. */
function ofM3u8Parser(playlist: string): string[] {
  const complaints: string[] = [];
  const parser = new Parser();
  for (const event of ["warn", "info", "error"]) {
    parser.on(event, ({ message }: { message: string }) => {
      complaints.push(`m3u8-parser: ${event}: ${message}`);
    });
  }
  parser.push(playlist);
  parser.end();
  return complaints;
}

function ofHlsParser(playlist: string): string[] {
  hlsParser.setOptions({ strictMode: true, silent: true });
  try {
    hlsParser.parse(playlist);
    return [];
  } catch (error) {
    return [`hls-parser: ${error}`];
  }
}
