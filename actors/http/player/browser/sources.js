/**
 * What the player page knows without a browser: the addresses of a stream, which way of playing
 * fits, and how faults read. Plain JavaScript: it is served as it stands.
 *
 * @module
 */

/** Ways of playing, as the page offers them, and what each needs of the browser. */
export const WAYS = {
  "ll-hls": { label: "LL-HLS", suffix: ".m3u8", needs: "hls" },
  "http-flv": { label: "HTTP-FLV", suffix: ".flv", needs: "mpegts" },
  "ws-flv": { label: "WS-FLV", suffix: ".flv", needs: "mpegts" },
  "native-hls": { label: "HLS", suffix: ".m3u8", needs: "native" },
};

/**
 * The ways that are offered and that this browser can play, in the order they are offered. Where
 * there are no media source extensions (iPhones before iOS 17.1), the browser's own HLS remains.
 *
 * @param {readonly string[]} offered As the node lists them; what we do not know is passed over.
 * @param {{ mse: boolean, nativeHls: boolean }} browser
 * @returns {string[]}
 */
export function playableWays(offered, { mse, nativeHls }) {
  const ways = offered.filter((way) => Object.hasOwn(WAYS, way) && way !== "native-hls");
  const playable = mse ? ways : [];
  if (nativeHls && offered.includes("ll-hls")) playable.push("native-hls");
  return playable;
}

/**
 * The address of the media. The page's query goes along: it may carry the viewer's credentials.
 *
 * @param {string} way One of {@link WAYS}.
 * @param {string} path "/APP/NAME", percent-encoded.
 * @param {{ origin: string, search: string }} location
 */
export function mediaUrl(way, path, { origin, search }) {
  const base = way === "ws-flv" ? origin.replace(/^http/, "ws") : origin;
  return `${base}${path}${WAYS[way].suffix}${search}`;
}

/**
 * One sentence for a person.
 *
 * @param {{ kind: "status" | "network" | "codec" | "media" | "ended", status?: number }} fault
 * @param {string} stream What the person knows the stream by.
 */
export function faultSentence(fault, stream) {
  switch (fault.kind) {
    case "status":
      return statusSentence(fault.status ?? 0, stream);
    case "network":
      return "The connection to the server is lost; trying again.";
    case "codec":
      return "This browser cannot decode the stream; another protocol or browser may.";
    case "ended":
      return `${stream} has ended; waiting for it to come back.`;
    default:
      return "The stream could not be played; trying again.";
  }
}

/** @param {number} status @param {string} stream */
function statusSentence(status, stream) {
  if (status === 401 || status === 403) return `You are not allowed to watch ${stream}.`;
  if (status === 404) return `${stream} is not live yet; waiting for it.`;
  if (status === 503) return "The server takes no more viewers at the moment; trying again.";
  return `The server answered ${status}; trying again.`;
}

/** Whether trying again may help. @param {{ kind: string, status?: number }} fault */
export function isWorthRetrying({ kind, status }) {
  if (kind === "codec") return false;
  return !(kind === "status" && (status === 401 || status === 403));
}

/** Pause before the `attempt`-th try, from 0, in milliseconds: 1 s, then up to 8 s. */
export function retryMs(/** @type {number} */ attempt) {
  return 1_000 * 2 ** Math.min(attempt, 3);
}

/**
 * How far behind, as text.
 *
 * @param {number | undefined} seconds
 */
export function latencyText(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return "–";
  return seconds < 9.95 ? `${Math.max(0, seconds).toFixed(1)} s` : `${Math.round(seconds)} s`;
}
