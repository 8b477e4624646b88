/**
 * A file of a stream's HLS for another node, whose client asked for it there.
 *
 * @module
 */
import { parseDeliveryDirectives } from "../../protocols/hls/blocking.ts";
import type { FileRequest, FoundFile } from "../stream/fetch.ts";
import { PLAYLIST_TYPE } from "./hls_answer.ts";
import { findHls, type HlsHouse, type HlsResource, refused } from "./hls_resource.ts";
import { hlsFileOf } from "./hls_target.ts";

/** What a client of this node would get. The other node has let its client in. */
export async function hlsFile(house: HlsHouse, request: FileRequest): Promise<FoundFile> {
  const { name: stream, file: text, carry: carried } = request;
  const query = new URLSearchParams(request.query);
  const file = hlsFileOf(text === "" ? undefined : text, query);
  if (file === undefined) return fileOf(refused(404, `Cannot find ${text}: no such file`), false);
  const directives = parseDeliveryDirectives(query);
  const label = text === "" ? `${stream.name}.m3u8` : text;
  const found = await findHls(house, { stream, file, label, carried, directives });
  return fileOf(found.resource, found.feed?.core.ended ?? false);
}

/** An answer as it travels. */
export function fileOf(resource: HlsResource, ended: boolean): FoundFile {
  const common = { status: 200, maxAgeSeconds: 0, retryAfterSeconds: 0, ended };
  switch (resource.kind) {
    case "media":
      return { ...common, type: resource.contentType, bytes: resource.bytes };
    case "playlist": {
      const { make, maxAgeSeconds } = resource;
      return { ...common, type: PLAYLIST_TYPE, bytes: encoder.encode(make()), maxAgeSeconds };
    }
    case "refused": {
      const { status, text, retryAfterSeconds } = resource;
      const bytes = encoder.encode(text);
      return { ...common, status, type: "text/plain", bytes, retryAfterSeconds };
    }
  }
}

const encoder = new TextEncoder();
