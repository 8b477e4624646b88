/**
 * Enhanced RTMP capabilities: what the two ends of a connection tell each other at connect.
 *
 * Source: Enhanced RTMP v2, "Enhancing NetConnection connect Command". `connect_request.ts` and
 * `connect_reply.ts` carry them.
 *
 * @module
 */

/** Bits of capsEx (CapsExMask). */
export const CAPS_EX_BIT = {
  reconnect: 0x01,
  multitrack: 0x02,
  modEx: 0x04,
  timestampNanoOffset: 0x08,
} as const;

/** Extended capabilities of one end. */
export type CapsEx = { readonly [Name in keyof typeof CAPS_EX_BIT]: boolean };

/** A peer that knows nothing of Enhanced RTMP v2. */
export const CAPS_EX_NONE: CapsEx = {
  reconnect: false,
  multitrack: false,
  modEx: false,
  timestampNanoOffset: false,
};

/** Everything that this house understands. */
export const CAPS_EX_ALL: CapsEx = {
  reconnect: true,
  multitrack: true,
  modEx: true,
  timestampNanoOffset: true,
};

/** FourCcInfoMask.CanForward: we pass a codec on, we neither decode nor encode it. */
export const FOURCC_CAN_FORWARD = 0x04;

/** FourCCs of the video codecs that the media core carries. */
export const VIDEO_FOURCCS = ["avc1", "hvc1", "av01", "vp08", "vp09"] as const;

/** FourCCs of the audio codecs that the media core carries. */
export const AUDIO_FOURCCS = ["mp4a", "Opus", ".mp3", "ac-3", "ec-3", "fLaC"] as const;

/** Reads the number that capsEx carries; unknown bits and anything but a number are ignored. */
export function parseCapsEx(value: unknown): CapsEx {
  const mask = typeof value === "number" ? value : 0;
  return {
    reconnect: (mask & CAPS_EX_BIT.reconnect) !== 0,
    multitrack: (mask & CAPS_EX_BIT.multitrack) !== 0,
    modEx: (mask & CAPS_EX_BIT.modEx) !== 0,
    timestampNanoOffset: (mask & CAPS_EX_BIT.timestampNanoOffset) !== 0,
  };
}

/** The number that capsEx carries; the inverse of {@link parseCapsEx}. */
export function writeCapsEx(capsEx: CapsEx): number {
  return (capsEx.reconnect ? CAPS_EX_BIT.reconnect : 0) |
    (capsEx.multitrack ? CAPS_EX_BIT.multitrack : 0) |
    (capsEx.modEx ? CAPS_EX_BIT.modEx : 0) |
    (capsEx.timestampNanoOffset ? CAPS_EX_BIT.timestampNanoOffset : 0);
}
