/**
 * Which encoding an RTSP viewer reads, and what its stream is made of.
 *
 * @module
 */
import { RtpPageEncoder, type RtpPageTrack } from "../../protocols/rtp/page_encoder.ts";
import { reframeInterleaved } from "../../protocols/rtp/interleaved.ts";
import { type DescribedTrack, describeTracks } from "../../protocols/rtsp/sdp_writer.ts";
import { trackId } from "../../protocols/media/track.ts";
import type { Random } from "../runtime/ports.ts";
import type { EncodingClass } from "../stream/encodings.ts";
import type { StreamCore } from "../stream/stream_core.ts";

/** Name of the source in reports; it tells nothing that addresses do not. */
const CNAME = "headwater";

/** What a stream was described with; its viewers get just this. */
export interface RtspOffer {
  readonly core: StreamCore;
  readonly tracks: readonly DescribedTrack[];
  /** Changes with what players are told. */
  readonly sessionId: number;
}

/** Channels of a medium's packets and reports, by medium; those left out are not wanted. */
export type MediaChannels = ReadonlyMap<number, readonly [rtp: number, rtcp: number]>;

/** What a stream offers at the moment; `undefined` when its tracks are not all known yet. */
export function offerOf(core: StreamCore): RtspOffer | undefined {
  const { log } = core;
  const anchor = log.anchorAt(log.nextSeq);
  if (!log.settled || anchor === undefined) return undefined;
  return { core, tracks: describeTracks(log.head.tracks), sessionId: anchor.generation };
}

/** The channels of those who take everything, in our order. */
export function usualChannels({ tracks }: RtspOffer): MediaChannels {
  return new Map(tracks.map((_, media) => [media, [2 * media, 2 * media + 1]]));
}

/** The class for viewers with these channels; viewers with equal ones share one. */
export function rtspClass(
  offer: RtspOffer,
  channels: MediaChannels,
  random: Random,
): EncodingClass {
  const usual = usualChannels(offer);
  const formats = offer.tracks.map(({ track, format }) =>
    `${trackId(track)}:${format.payloadType}:${format.encoding}/${format.clockHz}`
  );
  const base = `rtsp/${formats.join("+")}`;
  const usualClass: EncodingClass = {
    key: base,
    original: true,
    createEncoder: () => encoderOf(offer, usual, random),
  };
  if (isSame(channels, usual)) return usualClass;
  const shape = [...channels].sort(([a], [b]) => a - b).map(([media, pair]) => `${media}=${pair}`);
  const map = reframeMap(usual, channels);
  return {
    key: `${base}/${shape.join("+")}`,
    original: true,
    createEncoder: () => encoderOf(offer, channels, random),
    fallback: { usual: usualClass, reframe: (bytes) => reframeInterleaved(bytes, map) },
  };
}

function encoderOf(
  { core: { log }, tracks }: RtspOffer,
  channels: MediaChannels,
  random: Random,
): RtpPageEncoder {
  const anchor = log.anchorAt(log.nextSeq);
  const wallOffsetUs = anchor === undefined ? 0 : anchor.wallUs - anchor.dtsUs;
  const chance = (limit: number) => Math.floor(random.next() * limit);
  return new RtpPageEncoder({
    cname: CNAME,
    wallOffsetUs,
    tracks: tracks.flatMap(({ track, format: { payloadType } }, media): RtpPageTrack[] => {
      const pair = channels.get(media);
      if (pair === undefined) return [];
      return [{
        track,
        payloadType,
        channel: pair[0],
        reportChannel: pair[1],
        ssrc: chance(2 ** 32),
        // Half of what there is, so that no player sees them wrap in its first packets.
        sequence: chance(2 ** 15),
        timestamp: chance(2 ** 31),
      }];
    }),
  });
}

function isSame(a: MediaChannels, b: MediaChannels): boolean {
  return a.size === b.size &&
    a.entries().every(([media, [rtp, rtcp]]) => {
      const other = b.get(media);
      return other !== undefined && other[0] === rtp && other[1] === rtcp;
    });
}

/** By channel of the usual class, that of the viewer. */
function reframeMap(usual: MediaChannels, wanted: MediaChannels): (number | undefined)[] {
  const map: (number | undefined)[] = [];
  for (const [media, [rtp, rtcp]] of usual) [map[rtp], map[rtcp]] = wanted.get(media) ?? [];
  return map;
}
