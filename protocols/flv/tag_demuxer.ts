/**
 * Tag bodies to tracks, frames and data: what a publisher sends, in the house's own form.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4; Enhanced RTMP v2. RTMP audio, video and data messages
 * have the same bodies (RTMP 1.0, 7.1). Timestamps are handed on as received; the ingest repairs
 * them. What cannot be used is counted, never fatal; what breaks the format is.
 *
 * @module
 */
import { DATA_BYTES_MAX } from "../media/record.ts";
import { AudioDemuxer } from "./audio_demuxer.ts";
import { parseScriptTag } from "./script_tag.ts";
import { DROP_REASON, type TagSink } from "./tag_sink.ts";
import { VideoDemuxer } from "./video_demuxer.ts";

export { DROP_REASON, type DropReason, type TagSink } from "./tag_sink.ts";

/** Reads the tags of one publish session; holds its tracks' configurations and nothing else. */
export class TagDemuxer {
  readonly #sink: TagSink;
  readonly #audio: AudioDemuxer;
  readonly #video: VideoDemuxer;

  constructor(sink: TagSink) {
    this.#sink = sink;
    this.#audio = new AudioDemuxer(sink);
    this.#video = new VideoDemuxer(sink);
  }

  /**
   * Takes the body of an audio tag (TagType 8). The bodies stay with the sink: views of them are
   * handed on.
   *
   * @throws {ProtocolError} A header is cut short, or a configuration cannot be read.
   */
  audio(body: Uint8Array, timestampMs: number): void {
    this.#audio.body(body, timestampMs);
  }

  /**
   * Takes the body of a video tag (TagType 9).
   *
   * @throws {ProtocolError} As {@link audio}.
   */
  video(body: Uint8Array, timestampMs: number): void {
    this.#video.body(body, timestampMs);
  }

  /** Takes the body of a script tag (TagType 18), with or without "@setDataFrame". */
  script(body: Uint8Array, timestampMs: number): void {
    if (body.length === 0) return;
    const tag = parseScriptTag(body);
    if (tag === undefined) return this.#sink.dropped(DROP_REASON.unnamed);
    if (tag.payload.length > DATA_BYTES_MAX) return this.#sink.dropped(DROP_REASON.dataBytes);
    this.#sink.data("script", tag.name, tag.payload, timestampMs);
  }
}
