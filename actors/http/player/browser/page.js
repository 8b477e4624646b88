/**
 * The player page at work: chooses a way of playing, shows state and latency, and tries again.
 *
 * @module
 */
import { startPlayer } from "./players.js";
import {
  faultSentence,
  isWorthRetrying,
  latencyText,
  mediaUrl,
  playableWays,
  retryMs,
  WAYS,
} from "./sources.js";

/** How often what is shown is brought up to date, in milliseconds. */
const SHOW_MS = 500;

/** Media must stand still for so long before the page says so, in milliseconds. */
const STALL_MS = 4_000;

/** How long a way of playing must have worked until its failed attempts are forgotten. */
const STEADY_MS = 10_000;

const CHOICE_KEY = "headwater.protocol";

const find = (/** @type {string} */ id) => document.getElementById(id);
const root = find("player");
const video = find("video");
const { path, stream, protocols } = root.dataset;
const ways = playableWays(protocols.split(" "), {
  mse: "MediaSource" in globalThis || "ManagedMediaSource" in globalThis,
  nativeHls: video.canPlayType("application/vnd.apple.mpegurl") !== "",
});

/** Rises with each start, so that what an earlier player still says is not heard. */
let round = 0;
let attempt = 0;
let player;
let retryTimer;
let way = firstWay();
/** When the picture last moved on, and where it stood then. */
let moved = { atMs: 0, time: -1 };
let playingSinceMs = 0;

function firstWay() {
  const asked = location.hash.slice(1);
  if (ways.includes(asked)) return asked;
  const chosen = remembered();
  return ways.includes(chosen) ? chosen : ways[0];
}

/** Private windows may refuse storage; the choice then lasts as long as the page. */
function remembered() {
  try {
    return localStorage.getItem(CHOICE_KEY);
  } catch {
    return null;
  }
}

function remember() {
  try {
    localStorage.setItem(CHOICE_KEY, way);
  } catch {
    return;
  }
}

/** @param {"connecting" | "live" | "paused" | "waiting" | "failed"} state */
function show(state, sentence = "") {
  root.dataset.state = state;
  find("state").textContent = {
    connecting: "Connecting",
    live: "Live",
    paused: "Paused",
    waiting: "Waiting",
    failed: "Stopped",
  }[state];
  const message = find("message");
  // A screen reader says it again each time it is set.
  if (message.textContent !== sentence) message.textContent = sentence;
  message.hidden = sentence === "";
}

async function start() {
  const mine = ++round;
  clearTimeout(retryTimer);
  player?.stop();
  player = undefined;
  playingSinceMs = 0;
  moved = { atMs: performance.now(), time: -1 };
  if (attempt === 0) show("connecting");
  const onFault = (fault) => {
    if (mine === round) failed(fault);
  };
  try {
    const started = await startPlayer(way, { video, url: mediaUrl(way, path, location), onFault });
    if (mine !== round) return started.stop();
    player = started;
    await video.play();
  } catch (error) {
    if (mine !== round) return;
    // "AbortError" is a play() that another start overtook; the fault itself is told elsewhere.
    if (error.name === "NotAllowedError") show("paused", "Press play to start the stream.");
    else if (error.name !== "AbortError") failed({ kind: "media" });
  }
}

function failed(fault) {
  round++;
  player?.stop();
  player = undefined;
  if (!isWorthRetrying(fault)) return show("failed", faultSentence(fault, stream));
  show("waiting", faultSentence(fault, stream));
  retryTimer = setTimeout(start, retryMs(attempt++));
}

function choose(/** @type {string} */ chosen) {
  way = chosen;
  attempt = 0;
  remember();
  start();
}

/** Brings state, latency and picture size up to date. */
function refresh() {
  const nowMs = performance.now();
  if (video.currentTime !== moved.time) moved = { atMs: nowMs, time: video.currentTime };
  const advancing = video.currentTime > 0 && nowMs - moved.atMs < STALL_MS;
  if (player !== undefined && video.paused && video.currentTime > 0) show("paused");
  else if (player !== undefined && advancing && !video.paused) {
    if (playingSinceMs === 0) playingSinceMs = nowMs;
    if (nowMs - playingSinceMs > STEADY_MS) attempt = 0;
    show("live");
  } else if (root.dataset.state === "live") {
    show("waiting", "No pictures arrive at the moment; waiting for them.");
  }
  const live = root.dataset.state === "live";
  find("latency").textContent = latencyText(live ? player.latencySeconds() : undefined);
  const { videoWidth, videoHeight } = video;
  find("size").textContent = videoWidth === 0 ? "–" : `${videoWidth} × ${videoHeight}`;
  find("sound").hidden = !live || !video.muted || !hasSound();
}

/** Browsers tell it by names of their own; where none does, sound is assumed. */
function hasSound() {
  return video.mozHasAudio ?? video.webkitAudioDecodedByteCount !== 0;
}

function offerWays() {
  const list = find("ways");
  for (const name of ways) {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "way", value: name, checked: name === way });
    input.addEventListener("change", () => choose(name));
    const text = document.createElement("span");
    text.textContent = WAYS[name].label;
    const label = document.createElement("label");
    label.append(input, text);
    list.append(label);
  }
}

find("sound").addEventListener("click", () => {
  video.muted = false;
  if (video.volume === 0) video.volume = 1;
});
offerWays();
if (way === undefined) {
  show("failed", "This browser can play none of the protocols that the server offers.");
} else {
  setInterval(refresh, SHOW_MS);
  start();
}
