/**
 * The three ways to bring a stream into a video element, behind one shape: hls.js, mpegts.js and
 * the browser itself. The libraries are loaded when they are first needed.
 *
 * A player is `{ latencySeconds(), stop() }`; it tells `onFault` once and is then of no more use.
 *
 * @module
 */
import { WAYS } from "./sources.js";

/**
 * How far behind the newest picture a viewer of FLV stays, from where on the player plays faster to
 * get there, and from where on it jumps: who joins late in a long GOP starts with all of it.
 */
const FLV_BEHIND_SECONDS = 0.5;
const FLV_HURRY_SECONDS = 1.2;
const FLV_JUMP_SECONDS = 2.5;

/** Media errors of the element that say the format is not for this browser (HTML, 4.8.11.1). */
const UNDECODABLE = [3, 4];

/**
 * @typedef {{ kind: "status" | "network" | "codec" | "media" | "ended", status?: number }} Fault
 * @typedef {{ latencySeconds(): number | undefined, stop(): void }} Player
 * @typedef {{ video: HTMLVideoElement, url: string, onFault(fault: Fault): void }} Setup
 */

/** @param {string} way @param {Setup} setup @returns {Promise<Player>} */
export async function startPlayer(way, setup) {
  switch (WAYS[way].needs) {
    case "hls":
      return playHls(await library("hls.js", "Hls"), setup);
    case "mpegts":
      return playFlv(await library("mpegts.js", "mpegts"), setup);
    default:
      return playNative(setup);
  }
}

/** A picture that stands this near the announced end is the last one. */
const HLS_END_SECONDS = 0.5;

/** @param {Setup} setup */
function playHls(Hls, { video, url, onFault }) {
  const hls = new Hls({ lowLatencyMode: true, backBufferLength: 30 });
  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, response, reason }) => {
    if (!fatal) return;
    const status = response?.code ?? 0;
    if (status >= 400) return onFault({ kind: "status", status });
    if (type === Hls.ErrorTypes.NETWORK_ERROR) return onFault({ kind: "network" });
    const undecodable = /Codec|Incompatible/i.test(`${details} ${reason ?? ""}`);
    onFault({ kind: undecodable ? "codec" : "media" });
  });
  const ended = () => onFault({ kind: "ended" });
  // hls.js leaves the element open when it had the last part before the end was announced.
  let endSeconds = Number.POSITIVE_INFINITY;
  const checkEnd = () => {
    if (video.currentTime > endSeconds - HLS_END_SECONDS) ended();
  };
  hls.on(Hls.Events.LEVEL_UPDATED, (_event, { details }) => {
    if (!details.live) endSeconds = details.edge;
    checkEnd();
  });
  video.addEventListener("ended", ended);
  video.addEventListener("waiting", checkEnd);
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    // Before the first playlist hls.js says 0, which would be a lie.
    latencySeconds: () => hls.latency > 0 ? hls.latency : undefined,
    stop() {
      video.removeEventListener("ended", ended);
      video.removeEventListener("waiting", checkEnd);
      hls.destroy();
    },
  };
}

/** @param {Setup} setup */
function playFlv(mpegts, { video, url, onFault }) {
  const player = mpegts.createPlayer({ type: "flv", isLive: true, url }, {
    enableStashBuffer: false,
    liveSync: true,
    liveSyncMaxLatency: FLV_HURRY_SECONDS,
    liveSyncTargetLatency: FLV_BEHIND_SECONDS,
    liveBufferLatencyChasing: true,
    liveBufferLatencyMaxLatency: FLV_JUMP_SECONDS,
    liveBufferLatencyMinRemain: FLV_BEHIND_SECONDS,
    autoCleanupSourceBuffer: true,
  });
  player.on(mpegts.Events.ERROR, (type, detail, info) => {
    if (detail === mpegts.ErrorDetails.NETWORK_STATUS_CODE_INVALID) {
      return onFault({ kind: "status", status: info?.code });
    }
    if (type === mpegts.ErrorTypes.NETWORK_ERROR) return onFault({ kind: "network" });
    const undecodable = detail === mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED ||
      detail === mpegts.ErrorDetails.MEDIA_FORMAT_UNSUPPORTED;
    onFault({ kind: undecodable ? "codec" : "media" });
  });
  player.on(mpegts.Events.LOADING_COMPLETE, () => onFault({ kind: "ended" }));
  player.attachMediaElement(video);
  player.load();
  return { latencySeconds: () => behindBuffered(video), stop: () => player.destroy() };
}

/** @param {Setup} setup */
function playNative({ video, url, onFault }) {
  const failed = () => {
    const code = video.error?.code ?? 0;
    if (!UNDECODABLE.includes(code)) return onFault({ kind: "network" });
    // A playlist that is not there also counts as "not supported"; asking again tells which it is.
    fetch(url, { cache: "no-store" }).then(
      ({ status }) => onFault(status >= 400 ? { kind: "status", status } : { kind: "codec" }),
      () => onFault({ kind: "network" }),
    );
  };
  const ended = () => onFault({ kind: "ended" });
  video.addEventListener("error", failed);
  video.addEventListener("ended", ended);
  video.src = url;
  return {
    latencySeconds() {
      const { seekable, currentTime } = video;
      return seekable.length === 0 ? undefined : seekable.end(seekable.length - 1) - currentTime;
    },
    stop() {
      video.removeEventListener("error", failed);
      video.removeEventListener("ended", ended);
      video.removeAttribute("src");
      video.load();
    },
  };
}

/** What has arrived and is not shown yet. @param {HTMLVideoElement} video */
function behindBuffered({ buffered, currentTime }) {
  return buffered.length === 0 ? undefined : buffered.end(buffered.length - 1) - currentTime;
}

/** Loads a library that lies beside this file; it leaves one global name. */
function library(/** @type {string} */ file, /** @type {string} */ name) {
  if (globalThis[name] !== undefined) return Promise.resolve(globalThis[name]);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(file, import.meta.url).href;
    script.onload = () => resolve(globalThis[name]);
    script.onerror = () => {
      script.remove();
      reject(new Error(`Cannot load ${file}`));
    };
    document.head.append(script);
  });
}
