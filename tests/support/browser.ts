/**
 * Headless Chromium playing a live stream with mpegts.js.
 *
 * @module
 */
import { chromium } from "playwright-core";
import { runTool } from "./processes.ts";

/** Where Debian puts Chromium. */
export const CHROMIUM = "/usr/bin/chromium";

/** Longest any single step of the browser may take, in milliseconds. */
const STEP_TIMEOUT_MS = 60_000;

/** Without a screen, and without a word to anybody but us. */
export const CHROMIUM_FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--autoplay-policy=no-user-gesture-required", "--ignore-certificate-errors"],
];

/** What the browser saw. */
export interface BrowserPlay {
  /** Frames that were really presented. */
  readonly presented: number;
  /** Media time from the first presented frame to the last, in seconds. */
  readonly mediaSeconds: number;
  /** How far the player's clock went, in seconds; also without video. */
  readonly clockSeconds: number;
  /** Presented frames whose picture was not the one before. */
  readonly changes: number;
  readonly width: number;
  readonly height: number;
  /** Errors of the player, the page and its console. */
  readonly errors: readonly string[];
}

/** A page in a Chromium of its own. */
export interface OpenPage extends AsyncDisposable {
  /** Errors of the page and its console so far. */
  readonly errors: readonly string[];
  evaluate(script: string): Promise<unknown>;
}

/**
 * Starts Chromium with a page that `answer` serves, from another origin than the node's, as
 * players on web sites are.
 */
export async function openPage(answer: (request: Request) => Response): Promise<OpenPage> {
  await using stack = new AsyncDisposableStack();
  const profile = await Deno.makeTempDir({ prefix: "headwater-chromium-" });
  stack.defer(() => Deno.remove(profile, { recursive: true }));
  const server = stack.use(
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer),
  );
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: CHROMIUM_FLAGS,
    timeout: STEP_TIMEOUT_MS,
  });
  stack.defer(() => context.close());
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${server.addr.port}/`);
  const open = stack.move();
  return {
    errors,
    evaluate: (script) => page.evaluate(script),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** A page with mpegts.js that waits to be told what to play. */
export interface FlvPage extends AsyncDisposable {
  /** Plays `url` (HTTP-FLV or WebSocket-FLV) for some seconds. */
  play(url: string, seconds: number): Promise<BrowserPlay>;
}

/** Plays `url` in a page of its own, as {@link FlvPage} does. */
export async function playInBrowser(url: string, seconds: number): Promise<BrowserPlay> {
  await using page = await openFlvPage();
  return await page.play(url, seconds);
}

/** Starts Chromium. */
export async function openFlvPage(): Promise<FlvPage> {
  const library = await browserLibrary("mpegts.js", "dist/mpegts.js");
  const page = await openPage((request) => answer(request, library));
  return {
    async play(url, seconds) {
      const script = `play(${JSON.stringify(url)}, ${seconds})`;
      const play = await page.evaluate(script) as BrowserPlay;
      return { ...play, errors: [...play.errors, ...page.errors] };
    },
    [Symbol.asyncDispose]: () => page[Symbol.asyncDispose](),
  };
}

function answer(request: Request, library: Uint8Array<ArrayBuffer>): Response {
  const { pathname } = new URL(request.url);
  if (pathname === "/mpegts.js") {
    return new Response(library, { headers: { "content-type": "text/javascript" } });
  }
  if (pathname !== "/") return new Response(null, { status: 204 }); // The icon.
  return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
}

/** A file of a package that the imports of deno.json name, as it is shipped for browsers. */
export async function browserLibrary(
  name: string,
  file: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const specifier = import.meta.resolve(name);
  const text = await runTool(Deno.execPath(), ["info", "--json", specifier], {
    timeoutMs: STEP_TIMEOUT_MS,
  });
  const { npmPackages } = JSON.parse(text) as {
    npmPackages: Record<string, { name: string; localPath: string }>;
  };
  const found = Object.values(npmPackages).find((known) => known.name === name);
  if (found === undefined) throw new Error(`Cannot find ${name}: Deno does not know the package`);
  return await Deno.readFile(`${found.localPath}/${file}`);
}

/** A page whose `play` resolves with a {@link BrowserPlay}. */
const PAGE = `<!doctype html>
<title>test</title>
<video id="video" muted autoplay playsinline></video>
<script src="/mpegts.js"></script>
<script>
async function play(url, seconds) {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(32, 18);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const errors = [];
  const times = [];
  let changes = 0;
  let picture = "";
  let clockStart;
  video.addEventListener("timeupdate", () => clockStart ??= video.currentTime);
  const presented = (_now, { mediaTime }) => {
    times.push(mediaTime);
    context.drawImage(video, 0, 0, 32, 18);
    const next = context.getImageData(0, 0, 32, 18).data.join();
    if (next !== picture) changes++;
    picture = next;
    video.requestVideoFrameCallback(presented);
  };
  video.requestVideoFrameCallback(presented);
  const player = mpegts.createPlayer({ type: "flv", isLive: true, url }, { enableStashBuffer: false });
  player.on(mpegts.Events.ERROR, (type, detail) => errors.push(type + ": " + detail));
  player.attachMediaElement(video);
  player.load();
  player.play().catch((error) => errors.push(String(error)));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { videoWidth: width, videoHeight: height } = video;
  const mediaSeconds = times.length === 0 ? 0 : times.at(-1) - times[0];
  const clockSeconds = clockStart === undefined ? 0 : video.currentTime - clockStart;
  player.destroy();
  return { presented: times.length, mediaSeconds, clockSeconds, changes, width, height, errors };
}
</script>
`;
