/**
 * What a request target asks of HLS: `/APP/NAME.m3u8` and `/APP/NAME.hls/…`.
 *
 * @module
 */
import { type DirectivesResult, parseDeliveryDirectives } from "../../protocols/hls/blocking.ts";
import { parseHlsName } from "../../protocols/hls/uri.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { HlsFile } from "./hls_resource.ts";

const MULTIVARIANT = ".m3u8";
const FOLDER = ".hls/";

/** Targets remembered: thousands of players ask for the same few again and again. */
const KNOWN_MAX = 4_096;

export type HlsTarget =
  | {
    readonly ok: true;
    readonly stream: StreamName;
    /** The multivariant playlist, a file beside it, or a name that is none. */
    readonly file: HlsFile | undefined;
    readonly query: URLSearchParams;
    /** What a playlist is asked for besides itself. */
    readonly directives: DirectivesResult;
    /** The path's last element. */
    readonly last: string;
  }
  | { readonly ok: false; readonly reason: string };

const known = new Map<string, HlsTarget>();

/** Whether a request target belongs to HLS. */
export function isHlsTarget(target: string): boolean {
  if (known.has(target)) return true;
  const path = pathOf(target);
  return path.endsWith(MULTIVARIANT) || path.includes(FOLDER);
}

/** Reads a target of which {@link isHlsTarget} holds. */
export function parseHlsTarget(target: string): HlsTarget {
  let parsed = known.get(target);
  if (parsed !== undefined) return parsed;
  parsed = parse(target);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(target, parsed);
  return parsed;
}

function parse(target: string): HlsTarget {
  const path = pathOf(target);
  const folder = path.lastIndexOf(FOLDER);
  const ownPath = folder < 0 ? path.slice(0, -MULTIVARIANT.length) : path.slice(0, folder);
  const named = streamNameFromPath(ownPath + target.slice(path.length));
  if (!named.ok) return named;
  const last = path.slice(path.lastIndexOf("/") + 1);
  const inside = folder < 0 ? undefined : path.slice(folder + FOLDER.length);
  const file = hlsFileOf(inside, named.query);
  const stream = { app: named.app, name: named.name };
  const directives = parseDeliveryDirectives(named.query);
  return { ok: true, stream, file, query: named.query, directives, last };
}

/** The file of that name in a stream's folder; the multivariant playlist beside it without one. */
export function hlsFileOf(name: string | undefined, query: URLSearchParams): HlsFile | undefined {
  if (name !== undefined) return parseHlsName(name);
  return { kind: "multivariant", container: query.get("container") === "ts" ? "ts" : "fmp4" };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
