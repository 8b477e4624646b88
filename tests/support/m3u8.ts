/**
 * A strict reader of our media playlists: complains about all that the specifications forbid, and
 * understands nothing else than what we write.
 *
 * Sources: RFC 8216, sections 4 and 6.2.1; draft-pantos-hls-rfc8216bis, section 4.4.
 *
 * @module
 */
import { assert, assertEquals } from "./assert.ts";

export interface ReadPart {
  readonly uri: string;
  readonly seconds: number;
  readonly independent: boolean;
}

export interface ReadSegment {
  /** Media sequence number. */
  readonly number: number;
  /** Discontinuity sequence number. */
  readonly discontinuities: number;
  readonly map: string | undefined;
  readonly dateTime: string;
  readonly parts: ReadPart[];
  /** Absent in the last one while it is being filled. */
  readonly uri?: string;
  readonly seconds?: number;
}

export interface ReadPlaylist {
  readonly version: number;
  readonly target: number;
  readonly partTarget: number | undefined;
  readonly control: Readonly<Record<string, string>>;
  readonly sequence: number;
  readonly skipped: number;
  readonly independent: boolean;
  readonly segments: ReadSegment[];
  readonly hint: string | undefined;
  readonly ended: boolean;
}

/** Tags that stand once, in front of every segment. */
const HEAD_TAGS = [
  ...["EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF"],
  ...["EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-INDEPENDENT-SEGMENTS"],
  "EXT-X-SKIP",
];

/** Reads a playlist; fails the test on the first fault. */
export function readPlaylist(text: string): ReadPlaylist {
  assert(text.endsWith("\n") && !text.includes("\r") && !text.includes("\n\n"));
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.shift(), "#EXTM3U");
  const head = new Map<string, string>();
  while (lines.length > 0 && HEAD_TAGS.includes(tagOf(lines[0])[0])) {
    const [tag, value] = tagOf(lines.shift()!);
    assert(!head.has(tag), `${tag} twice`);
    head.set(tag, value);
  }
  const ended = lines.at(-1) === "#EXT-X-ENDLIST";
  if (ended) lines.pop();
  const hint = tagOf(lines.at(-1) ?? "")[0] === "EXT-X-PRELOAD-HINT" ? lines.pop() : undefined;
  assert(!(ended && hint !== undefined));
  const skip = head.get("EXT-X-SKIP");
  const playlist = {
    version: integer(head.get("EXT-X-VERSION")),
    target: integer(head.get("EXT-X-TARGETDURATION")),
    partTarget: decimal(attributes(head.get("EXT-X-PART-INF") ?? "")["PART-TARGET"]),
    control: attributes(head.get("EXT-X-SERVER-CONTROL") ?? ""),
    sequence: integer(head.get("EXT-X-MEDIA-SEQUENCE")),
    skipped: skip === undefined ? 0 : integer(attributes(skip)["SKIPPED-SEGMENTS"]),
    independent: head.has("EXT-X-INDEPENDENT-SEGMENTS"),
    hint: hint === undefined ? undefined : attributes(tagOf(hint)[1]).URI,
    ended,
  };
  const first = integer(head.get("EXT-X-DISCONTINUITY-SEQUENCE"));
  const numbers = { sequence: playlist.sequence + playlist.skipped, first };
  const segments = readSegments(lines, numbers, hint !== undefined);
  checkPlaylist({ ...playlist, segments });
  return { ...playlist, segments };
}

function readSegments(
  lines: readonly string[],
  { sequence, first }: { sequence: number; first: number },
  hinted: boolean,
): ReadSegment[] {
  const segments: ReadSegment[] = [];
  let [discontinuities, map, dateTime] = [first, undefined as string | undefined, ""];
  let parts: ReadPart[] = [];
  let seconds: number | undefined;
  const close = (uri?: string) => {
    assert(dateTime !== "", "a segment without EXT-X-PROGRAM-DATE-TIME");
    const number = sequence + segments.length;
    segments.push({ number, discontinuities, map, dateTime, parts, uri, seconds });
    [parts, seconds, dateTime] = [[], undefined, ""];
  };
  for (const line of lines) {
    const [tag, value] = tagOf(line);
    if (tag === "EXT-X-DISCONTINUITY") discontinuities++;
    else if (tag === "EXT-X-MAP") map = attributes(value).URI;
    else if (tag === "EXT-X-PROGRAM-DATE-TIME") dateTime = value;
    else if (tag === "EXT-X-PART") parts.push(readPart(attributes(value)));
    else if (tag === "EXTINF") seconds = decimal(value.replace(/,$/, ""));
    else if (tag === "" && seconds !== undefined) close(line);
    else assert(false, `cannot stand here: ${line}`);
  }
  if (parts.length > 0) close();
  else if (hinted && dateTime !== "") dateTime = ""; // The head of what the hint begins.
  assertEquals([seconds, dateTime], [undefined, ""]);
  return segments;
}

function readPart(attributes: Readonly<Record<string, string>>): ReadPart {
  const { URI, DURATION, INDEPENDENT, ...others } = attributes;
  assertEquals(others, {});
  assert(INDEPENDENT === undefined || INDEPENDENT === "YES");
  return { uri: URI, seconds: decimal(DURATION)!, independent: INDEPENDENT === "YES" };
}

function checkPlaylist(playlist: ReadPlaylist): void {
  const { version, target, partTarget, segments, control } = playlist;
  const usesMap = segments.some(({ map }) => map !== undefined);
  assert(version >= (playlist.skipped > 0 ? 9 : usesMap ? 6 : 3), `version ${version}`);
  for (const { seconds, uri, parts } of segments) {
    if (uri !== undefined) assert(Math.round(seconds!) <= target, `EXTINF ${seconds}`);
    parts.forEach((part) => {
      assert(part.seconds <= partTarget! && part.seconds > 0, `part of ${part.seconds} s`);
    });
    if (uri === undefined || parts.length === 0) continue;
    const sum = parts.reduce((total, part) => total + part.seconds, 0);
    assert(Math.abs(sum - seconds!) < 1e-6, `parts of ${sum} s make ${seconds} s`);
  }
  assertEquals(control["CAN-BLOCK-RELOAD"], "YES");
  assert(decimal(control["HOLD-BACK"])! >= 3 * target);
  if (partTarget === undefined) return assertEquals(Object.keys(control).length, 2);
  assert(decimal(control["PART-HOLD-BACK"])! >= 3 * partTarget);
  assert(decimal(control["CAN-SKIP-UNTIL"])! >= 6 * target);
}

function tagOf(line: string): [string, string] {
  const match = /^#(EXT[A-Z-]*)(?::(.+))?$/.exec(line);
  if (match !== null) return [match[1], match[2] ?? ""];
  assert(!line.startsWith("#"), `a comment: ${line}`);
  return ["", line];
}

/** Attribute lists (RFC 8216, section 4.2). */
export function attributes(list: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (let rest = list; rest !== "";) {
    const match = /^([A-Z0-9-]+)=(?:"([^"\r\n]*)"|([^",\s]+))(?:,(?=.)|$)/.exec(rest);
    assert(match !== null, `not an attribute list: ${rest}`);
    assert(!(match[1] in read), `${match[1]} twice`);
    read[match[1]] = match[2] ?? match[3];
    rest = rest.slice(match[0].length);
  }
  return read;
}

function integer(value: string | undefined): number {
  assert(value !== undefined && /^(?:0|[1-9][0-9]*)$/.test(value), `not an integer: ${value}`);
  return Number(value);
}

function decimal(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  assert(/^[0-9]+(?:\.[0-9]+)?$/.test(value), `not a decimal: ${value}`);
  return Number(value);
}
