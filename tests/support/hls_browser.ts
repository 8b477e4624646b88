/**
 * Headless Chromium playing HLS with hls.js.
 *
 * @module
 */
import { browserLibrary, openPage } from "./browser.ts";

/** Longest that one play may take, in seconds. */
const PLAY_SECONDS_MAX = 60;

/** A glimpse of the player, each tenth of a second. */
export interface HlsGlimpse {
  /** Since the page began to play, in seconds. */
  readonly atSeconds: number;
  readonly currentTime: number;
  /** Behind the live end as hls.js reckons it, in seconds. */
  readonly latency: number;
  /**
   * The clock on the wall less EXT-X-PROGRAM-DATE-TIME of the picture shown, in seconds: from the
   * frame's arrival at the node to the screen. `null` before the first picture.
   */
  readonly behind: number | null;
}

/** What the browser saw. */
export interface HlsPlay {
  /** Pictures that were presented. */
  readonly presented: number;
  /** Presented pictures that were not the one before. */
  readonly changes: number;
  readonly mediaSeconds: number;
  /** Sizes of the picture in order, such as "320x180". */
  readonly sizes: readonly string[];
  /** Bodies that were loaded: whole segments and parts. */
  readonly segmentsLoaded: number;
  readonly partsLoaded: number;
  readonly ended: boolean;
  readonly glimpses: readonly HlsGlimpse[];
  /** Fatal errors, and those of the page and its console. */
  readonly errors: readonly string[];
  /** Errors that hls.js got over by itself. */
  readonly warnings: readonly string[];
}

/** A page with hls.js that waits to be told what to play. */
export interface HlsPage extends AsyncDisposable {
  /**
   * Plays `url` until the stream ends or for some seconds; `config` is hls.js's own.
   */
  play(url: string, seconds: number, config?: HlsConfig): Promise<HlsPlay>;
}

/** hls.js's own settings. */
type HlsConfig = Readonly<Record<string, unknown>>;

/** Plays `url` in a page of its own, as {@link HlsPage} does. */
export async function playHlsInBrowser(
  url: string,
  seconds: number,
  config: HlsConfig = {},
): Promise<HlsPlay> {
  await using page = await openHlsPage();
  return await page.play(url, seconds, config);
}

/** Starts Chromium. */
export async function openHlsPage(): Promise<HlsPage> {
  const library = await browserLibrary("hls.js", "dist/hls.js");
  const page = await openPage((request) => answer(request, library));
  return {
    async play(url, seconds, config = {}) {
      const limit = Math.min(seconds, PLAY_SECONDS_MAX);
      const script = `play(${JSON.stringify(url)}, ${limit}, ${JSON.stringify(config)})`;
      const play = await page.evaluate(script) as HlsPlay;
      return { ...play, errors: [...play.errors, ...page.errors] };
    },
    [Symbol.asyncDispose]: () => page[Symbol.asyncDispose](),
  };
}

function answer(request: Request, library: Uint8Array<ArrayBuffer>): Response {
  const { pathname } = new URL(request.url);
  if (pathname === "/hls.js") {
    return new Response(library, { headers: { "content-type": "text/javascript" } });
  }
  if (pathname !== "/") return new Response(null, { status: 204 }); // The icon.
  return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
}

/** A page whose `play` resolves with an {@link HlsPlay}. */
const PAGE = `<!doctype html>
<title>test</title>
<video id="video" muted autoplay playsinline></video>
<script src="/hls.js"></script>
<script>
async function play(url, seconds, config) {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(32, 18);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const errors = [], warnings = [], times = [], sizes = [], glimpses = [];
  let changes = 0, picture = "", segmentsLoaded = 0, partsLoaded = 0, ended = false;
  const presented = (_now, { mediaTime }) => {
    times.push(mediaTime);
    context.drawImage(video, 0, 0, 32, 18);
    const next = context.getImageData(0, 0, 32, 18).data.join();
    if (next !== picture) changes++;
    picture = next;
    video.requestVideoFrameCallback(presented);
  };
  video.requestVideoFrameCallback(presented);
  video.addEventListener("resize", () => sizes.push(video.videoWidth + "x" + video.videoHeight));
  const over = new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
    video.addEventListener("ended", () => { ended = true; resolve(); });
  });
  const hls = new Hls(config);
  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, reason, response }) => {
    const text = [type, details, reason, response?.code, response?.text].filter(Boolean).join(" ");
    (fatal ? errors : warnings).push(text);
  });
  hls.on(Hls.Events.FRAG_LOADED, (_event, { part }) => part ? partsLoaded++ : segmentsLoaded++);
  hls.loadSource(url);
  hls.attachMedia(video);
  video.play().catch((error) => errors.push(String(error)));
  const startMs = performance.now();
  const timer = setInterval(() => {
    const date = times.length === 0 ? null : hls.playingDate;
    glimpses.push({
      atSeconds: (performance.now() - startMs) / 1000,
      currentTime: video.currentTime,
      latency: hls.latency,
      behind: date ? (Date.now() - date.getTime()) / 1000 : null,
    });
  }, 100);
  await over;
  clearInterval(timer);
  hls.destroy();
  const mediaSeconds = times.length === 0 ? 0 : times.at(-1) - times[0];
  return {
    presented: times.length, changes, mediaSeconds, sizes, segmentsLoaded, partsLoaded, ended,
    glimpses, errors, warnings,
  };
}
</script>
`;
