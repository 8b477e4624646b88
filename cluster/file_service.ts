/**
 * What this node answers to another one that fetches a file of a stream's HLS from it.
 *
 * @module
 */
import type { FileRequest, FoundFile, ServedFile, ServeFile } from "../actors/stream/fetch.ts";
import type { StreamHub } from "../actors/stream/stream_hub.ts";
import { streamKey, type StreamName } from "../actors/stream/stream_key.ts";
import { sessionStateOf } from "../actors/stream/stream_protocol.ts";
import type { Ownership } from "./placement/ownership.ts";

/** The HLS of this node's streams. */
export interface HlsFiles {
  /** What a client here would get. Ends in bounded time. */
  find(request: FileRequest): Promise<FoundFile>;
  /** The last segments and the end of a stream are there, which is over. */
  hasEnded(name: StreamName): boolean;
}

export interface FileServiceOptions {
  readonly ownership: () => Ownership;
  readonly hub: StreamHub;
  readonly files: HlsFiles;
  /** Who knows the session of a stream that this node has just taken over is about to tell. */
  readonly awaitsSession: (key: string) => boolean;
}

/** Answers as the stream's owner, and for one that ended here as who was. */
export function fileService(options: FileServiceOptions): ServeFile {
  const { hub, files, awaitsSession } = options;
  return async ({ epoch, ...request }): Promise<ServedFile> => {
    const { name } = request;
    const ownership = options.ownership();
    const key = streamKey(name);
    const own = ownership.ownEpoch(key);
    if (own !== undefined) ownership.accepts(key, epoch);
    const elsewhere = own === undefined ? ownership.recall(key)?.node : undefined;
    if (own !== undefined && own < epoch) return { refused: true };
    if (own !== undefined && isHere(hub, name)) return await files.find(request);
    if (elsewhere === undefined && files.hasEnded(name)) return await files.find(request);
    // It owns the stream since a moment, and is about to learn what there is of it.
    const core = hub.get(name);
    const due = awaitsSession(key) || core?.session !== undefined || core?.ingest !== undefined;
    return own === undefined || due ? { refused: true, owner: elsewhere } : { gone: true };
  };
}

function isHere(hub: StreamHub, name: StreamName): boolean {
  const core = hub.get(name);
  return core !== undefined && !core.ended && sessionStateOf(core, "") !== undefined;
}
