/**
 * Audio tag bodies to tracks and frames.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4.2; Enhanced RTMP v2, section Enhanced Audio. Channel
 * layouts (MultichannelConfig) have no place in a track and are passed over: the codecs that have
 * more than two channels describe them themselves.
 *
 * @module
 */
import { equalBytes } from "../bytes/equal.ts";
import { parseAc3FrameHeader } from "../codecs/ac3.ts";
import { parseMp3FrameHeader } from "../codecs/mp3.ts";
import { type AudioHint, audioTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import { type AudioCodec, type AudioTrack, TRACKS_PER_KIND_MAX } from "../media/track.ts";
import {
  AAC_PACKET_TYPE,
  AUDIO_PACKET_TYPE,
  audioCodecOfFourCc,
  parseSoundFlags,
  SOUND_FORMAT,
} from "./audio_tag.ts";
import { ENHANCED_AUDIO, forEachEnhancedTrack, parseEnhancedHeader } from "./enhanced_tag.ts";
import { DROP_REASON, type TagSink } from "./tag_sink.ts";

/** A track as its publisher configured it, or as its first frame told. */
interface Slot {
  readonly track: AudioTrack;
  /** The configuration as it was sent, to tell a repeated one from a new one. */
  readonly config: Uint8Array;
  /** Bits of a frame's header that say rate and channels; those that change make a new track. */
  readonly traits: number;
}

/** One track's part of a body, on its way to the sink. */
interface Part {
  readonly codec: AudioCodec;
  readonly index: number;
  readonly timestampMs: number;
  readonly nanoOffset: number;
}

/** Codecs whose frames say all there is to know: no sequence header is needed or heeded. */
const SELF_DESCRIBING: ReadonlySet<AudioCodec> = new Set([
  "mp3",
  "g711a",
  "g711u",
  "ac3",
  "eac3",
]);

/** G.711 in FLV is 8 kHz: SoundRate has no value for it, and encoders fill in what they like. */
const G711_SAMPLE_RATE = 8_000;

const NO_TRAITS = -1;
const NOTHING = new Uint8Array(0);
const FLAGS_BYTES = 1;
const AAC_HEADER_BYTES = 2;

export class AudioDemuxer {
  readonly #sink: TagSink;
  readonly #slots: (Slot | undefined)[] = new Array(TRACKS_PER_KIND_MAX).fill(undefined);

  constructor(sink: TagSink) {
    this.#sink = sink;
  }

  /**
   * Takes one body. Empty bodies and ends of sequence say nothing and are ignored.
   *
   * @throws {ProtocolError} A header is cut short, or a configuration cannot be read.
   */
  body(body: Uint8Array, timestampMs: number): void {
    if (body.length === 0) return;
    const { format, channels, sampleRate } = parseSoundFlags(body[0]);
    const data = body.subarray(FLAGS_BYTES);
    switch (format) {
      case SOUND_FORMAT.enhanced:
        return this.#enhanced(body, timestampMs);
      case SOUND_FORMAT.aac:
        return this.#aac(body, timestampMs);
      case SOUND_FORMAT.mp3:
        return this.#selfDescribing("mp3", data, timestampMs, { sampleRate, channels });
      case SOUND_FORMAT.mp3At8kHz:
        return this.#selfDescribing("mp3", data, timestampMs, { sampleRate: 8_000, channels });
      case SOUND_FORMAT.g711a:
      case SOUND_FORMAT.g711u: {
        const codec = format === SOUND_FORMAT.g711a ? "g711a" : "g711u";
        const hint = { sampleRate: G711_SAMPLE_RATE, channels };
        return this.#selfDescribing(codec, data, timestampMs, hint);
      }
      default:
        this.#sink.dropped(DROP_REASON.audioCodec);
    }
  }

  #aac(body: Uint8Array, timestampMs: number): void {
    if (body.length < AAC_HEADER_BYTES) {
      throw new ProtocolError(`Cannot read AAC tag: no AACPacketType`, {
        protocol: "FLV",
        section: "E.4.2.1",
        offset: body.length,
      });
    }
    const part: Part = { codec: "aac", index: 0, timestampMs, nanoOffset: 0 };
    const data = body.subarray(AAC_HEADER_BYTES);
    if (body[1] === AAC_PACKET_TYPE.sequenceHeader) return this.#configure(part, data);
    if (body[1] === AAC_PACKET_TYPE.raw) return this.#frame(part, data);
    this.#sink.dropped(DROP_REASON.packetType);
  }

  #selfDescribing(
    codec: AudioCodec,
    data: Uint8Array,
    timestampMs: number,
    hint: AudioHint,
  ): void {
    this.#frame({ codec, index: 0, timestampMs, nanoOffset: 0 }, data, hint);
  }

  #enhanced(body: Uint8Array, timestampMs: number): void {
    const header = parseEnhancedHeader(body, ENHANCED_AUDIO);
    const { packetType, nanoOffset } = header;
    forEachEnhancedTrack(body, header, ENHANCED_AUDIO, (fourCc, index, data) => {
      const codec = audioCodecOfFourCc(fourCc);
      if (codec === undefined) return this.#sink.dropped(DROP_REASON.audioCodec);
      if (index >= TRACKS_PER_KIND_MAX) return this.#sink.dropped(DROP_REASON.trackNumber);
      this.#part(packetType, { codec, index, timestampMs, nanoOffset }, data);
    });
  }

  #part(packetType: number, part: Part, data: Uint8Array): void {
    switch (packetType) {
      case AUDIO_PACKET_TYPE.sequenceStart:
        return this.#configure(part, data);
      case AUDIO_PACKET_TYPE.codedFrames:
        return this.#frame(part, data);
      case AUDIO_PACKET_TYPE.sequenceEnd:
      case AUDIO_PACKET_TYPE.multichannelConfig:
        return;
      default:
        this.#sink.dropped(DROP_REASON.packetType);
    }
  }

  #configure(part: Part, config: Uint8Array): void {
    const { codec, index, timestampMs } = part;
    if (SELF_DESCRIBING.has(codec)) return;
    if (config.length === 0 && codec !== "opus") return;
    const slot = this.#slots[index];
    if (slot !== undefined && slot.track.codec === codec && equalBytes(slot.config, config)) return;

    const own = config.slice(); // The track lives on; the body it came in need not.
    const track = audioTrack(codec, index, own);
    this.#slots[index] = { track, config: own, traits: NO_TRAITS };
    this.#sink.track(track, timestampMs);
  }

  #frame(part: Part, data: Uint8Array, hint?: AudioHint): void {
    const { codec, index, timestampMs, nanoOffset } = part;
    if (data.length === 0) return;
    if (SELF_DESCRIBING.has(codec)) this.#announce(part, data, hint);
    // Mono and stereo Opus is decoded without its header, and some publishers send none.
    else if (codec === "opus" && this.#slots[index]?.track.codec !== codec) {
      this.#configure(part, NOTHING);
    }
    const slot = this.#slots[index];
    if (slot === undefined || slot.track.codec !== codec) {
      return this.#sink.dropped(DROP_REASON.unconfigured);
    }
    if (data.length > FRAME_BYTES_MAX) return this.#sink.dropped(DROP_REASON.frameBytes);
    this.#sink.frame(slot.track, timestampMs, nanoOffset, 0, true, data);
  }

  /** Makes or replaces the track of a codec without sequence header when a frame says so. */
  #announce(part: Part, data: Uint8Array, flags: AudioHint | undefined): void {
    const { codec, index, timestampMs } = part;
    const slot = this.#slots[index];
    const known = slot !== undefined && slot.track.codec === codec;
    const traits = traitsOf(codec, data, flags);
    if (known && (slot.traits === traits || traits === NO_TRAITS)) return;

    const track = audioTrack(codec, index, NOTHING, frameHint(codec, data) ?? flags);
    const { sampleRate, channels } = track;
    const same = known && slot.track.sampleRate === sampleRate && slot.track.channels === channels;
    this.#slots[index] = { track: same ? slot.track : track, config: NOTHING, traits };
    if (!same) this.#sink.track(track, timestampMs);
  }
}

/** The bits in front of a frame that rate and channels depend on; {@link NO_TRAITS} without any. */
function traitsOf(codec: AudioCodec, data: Uint8Array, flags: AudioHint | undefined): number {
  switch (codec) {
    case "mp3":
      // Version and layer, rate, and whether mono: joint stereo comes and goes.
      if (data.length < 4 || data[0] !== 0xff || data[1] < 0xe0) return NO_TRAITS;
      return ((data[1] & 0x1e) << 16) | ((data[2] & 0x0c) << 8) | (data[3] >>> 6 === 3 ? 1 : 0);
    case "ac3":
    case "eac3":
      if (data.length < 8 || data[0] !== 0x0b || data[1] !== 0x77) return NO_TRAITS;
      // fscod; bsid; acmod and what stands beside it up to lfeon.
      return codec === "ac3"
        ? ((data[4] & 0xc0) << 16) | ((data[5] & 0xf8) << 8) | data[6]
        : data[4];
    default:
      return flags?.channels ?? NO_TRAITS;
  }
}

/** What a frame's own header says; `undefined` when it has none or it cannot be read. */
function frameHint(codec: AudioCodec, data: Uint8Array): AudioHint | undefined {
  try {
    if (codec === "mp3") return parseMp3FrameHeader(data);
    return codec === "ac3" || codec === "eac3" ? parseAc3FrameHeader(data) : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // The flags must do.
    throw error;
  }
}
