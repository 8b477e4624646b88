/**
 * The files of the player page: our own and two libraries as their packages ship them. All are part
 * of the program, loaded with its modules, so that serving them takes no permission to read files.
 *
 * They lie in one folder whose name is a digest of all of them: each file may be kept for ever,
 * and files that import each other always fit together.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import hls from "hls.js/dist/hls.light.min.js" with { type: "text" };
import hlsLicense from "./hls_license.txt" with { type: "text" };
import mpegts from "mpegts.js/dist/mpegts.js" with { type: "text" };
import mpegtsLicense from "mpegts.js/LICENSE" with { type: "text" };
import mpegtsNotice from "mpegts.js/dist/mpegts.js.LICENSE.txt" with { type: "text" };
import pageStyle from "./browser/page.css" with { type: "text" };
import pageScript from "./browser/page.js" with { type: "text" };
import playersScript from "./browser/players.js" with { type: "text" };
import sourcesScript from "./browser/sources.js" with { type: "text" };

/** One file. */
export interface PlayerAsset {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The body, compressed; made when first asked for. */
  gzipped(): Uint8Array<ArrayBuffer>;
}

const SCRIPT = "text/javascript; charset=utf-8";

const ASSETS: ReadonlyMap<string, PlayerAsset> = new Map(
  [
    ["page.js", SCRIPT, pageScript],
    ["players.js", SCRIPT, playersScript],
    ["sources.js", SCRIPT, sourcesScript],
    ["hls.js", SCRIPT, withoutSourceMap(hls)],
    ["mpegts.js", SCRIPT, withoutSourceMap(mpegts)],
    ["page.css", "text/css; charset=utf-8", pageStyle],
    ["licenses.txt", "text/plain; charset=utf-8", licenses()],
  ].map(([name, contentType, text]) => [name, asset(contentType, text)]),
);

/** Name of the folder that holds the files, for this very content of theirs. */
export const PLAYER_BUILD = digestOf(ASSETS);

/** A file by its name, or `undefined`. */
export function playerAsset(name: string): PlayerAsset | undefined {
  return ASSETS.get(name);
}

/** Path under which a file is served. */
export function playerAssetPath(name: string): string {
  return `/assets/${PLAYER_BUILD}/${name}`;
}

function asset(contentType: string, text: string): PlayerAsset {
  const body = new TextEncoder().encode(text);
  let gzipped: Uint8Array<ArrayBuffer> | undefined;
  return { contentType, body, gzipped: () => gzipped ??= new Uint8Array(gzipSync(body)) };
}

/** The maps are not served, and a browser's tools would ask for them in vain. */
function withoutSourceMap(script: string): string {
  return script.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}

/**
 * Both libraries ask that their licences go with them. That of hls.js is a copy, for its package
 * does not export the file; the Apache License it refers to is that of mpegts.js.
 */
function licenses(): string {
  return [
    "hls.js, https://github.com/video-dev/hls.js",
    hlsLicense,
    "mpegts.js, https://github.com/xqq/mpegts.js",
    mpegtsNotice,
    mpegtsLicense,
  ].map((text) => text.trim()).join("\n\n") + "\n";
}

function digestOf(assets: ReadonlyMap<string, PlayerAsset>): string {
  const hash = createHash("sha256");
  for (const [name, { body }] of assets) hash.update(`${name} ${body.length}\n`).update(body);
  return hash.digest("hex").slice(0, 16);
}
