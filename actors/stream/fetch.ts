/**
 * Getting single files of a stream's HLS from its owner, instead of the whole stream.
 *
 * The mesh implements {@link Fetcher} over its links; {@link HlsFetches} uses it.
 *
 * @module
 */
import type { StreamName } from "./stream_key.ts";

/** Which file of which stream. */
export interface FileRequest {
  readonly name: StreamName;
  /** Its name beside the media playlist; empty for the multivariant playlist. */
  readonly file: string;
  /** Query of the request, as far as it changes what is in a playlist; empty for none. */
  readonly query: string;
  /** What the URIs in a playlist carry on; empty for nothing. */
  readonly carry: string;
}

/** An answer of the owner: what its own clients would get. */
export interface FoundFile {
  /** HTTP status. */
  readonly status: number;
  readonly type: string;
  /** The file with status 200, else the reason as a text. Never written to. */
  readonly bytes: Uint8Array;
  /** How long it stays right, in seconds. */
  readonly maxAgeSeconds: number;
  /** When to ask again, in seconds; 0 when nothing is said of it. */
  readonly retryAfterSeconds: number;
  /** The stream is over: somebody may have begun it anew elsewhere. */
  readonly ended: boolean;
}

/** A file, or why the node does not say anything of it. */
export type ServedFile =
  | FoundFile
  /** The stream is not decided about here; `owner` says who might. */
  | { readonly refused: true; readonly owner?: string }
  /** This node owns it, and has nothing of it. */
  | { readonly gone: true };

/** Answers another node, which knows of owners up to `epoch`; in bounded time. */
export type ServeFile = (request: FileRequest & { readonly epoch: number }) => Promise<ServedFile>;

/** How a fetch ended. */
export type FetchResult =
  | { readonly kind: "found"; readonly file: FoundFile }
  /** That node does not decide about the stream; `owner` says who might. */
  | { readonly kind: "refused"; readonly owner?: string }
  /** It decides about the stream, and has nothing of it. */
  | { readonly kind: "gone" }
  /** The link is gone or the node did not answer in time. */
  | { readonly kind: "lost" }
  /** It cannot be had so: the node knows nothing of it, or there is no room for it here. */
  | { readonly kind: "unable" };

export interface FetchRequest extends FileRequest {
  readonly node: string;
  /** Highest epoch known; an owner of a lower one must refuse. */
  readonly epoch: number;
  /** Asked once the size is known, before any memory is taken; called at most once. */
  readonly room: (bytes: number) => boolean;
}

export interface Fetcher {
  /** Never rejects, and ends in bounded time. */
  getFile(request: FetchRequest): Promise<FetchResult>;
}
