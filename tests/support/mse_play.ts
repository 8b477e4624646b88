/**
 * Headless Chromium given an init segment and fragments through Media Source Extensions.
 *
 * @module
 */
import { chromium } from "playwright-core";

/** Where Debian puts Chromium. */
const CHROMIUM = "/usr/bin/chromium";

/** Longest any single step of the browser may take, in milliseconds. */
const STEP_TIMEOUT_MS = 60_000;

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--autoplay-policy=no-user-gesture-required"],
];

/** What to append to one source buffer. */
export interface MseInput {
  /** As `addSourceBuffer` takes it, with codecs. */
  readonly type: string;
  /** Appended one behind the other, each when the one before is in. */
  readonly pieces: readonly Uint8Array[];
}

/** What came of it. */
export interface MsePlay {
  /** Start and end of each buffered range, in seconds. */
  readonly buffered: readonly (readonly [number, number])[];
  readonly width: number;
  readonly height: number;
  /** How far the video had played when it ended or time was up, in seconds. */
  readonly playedSeconds: number;
  /** Pictures that were decoded. */
  readonly pictures: number;
  readonly errors: readonly string[];
}

/** Appends, then plays to the end of what was appended. */
export async function playThroughMse(input: MseInput): Promise<MsePlay> {
  const profile = await Deno.makeTempDir({ prefix: "headwater-chromium-" });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } }),
  );
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    timeout: STEP_TIMEOUT_MS,
  });
  try {
    const page = context.pages()[0] ?? await context.newPage();
    page.setDefaultTimeout(STEP_TIMEOUT_MS);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${server.addr.port}/`);
    const pieces = input.pieces.map((piece) => piece.toBase64());
    const script = `play(${JSON.stringify(input.type)}, ${JSON.stringify(pieces)})`;
    const play = await page.evaluate(script) as MsePlay;
    return { ...play, errors: [...play.errors, ...errors] };
  } finally {
    await context.close();
    await Deno.remove(profile, { recursive: true });
  }
}

/** A page whose `play` resolves with an {@link MsePlay}. */
const PAGE = `<!doctype html>
<title>test</title>
<link rel="icon" href="data:,">
<video id="video" muted playsinline></video>
<script>
const once = (target, name) =>
  new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
async function play(type, pieces) {
  const video = document.getElementById("video");
  const errors = [];
  if (!MediaSource.isTypeSupported(type)) errors.push("not supported: " + type);
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  video.addEventListener("error", () => errors.push(video.error.message));
  await once(source, "sourceopen");
  const buffer = source.addSourceBuffer(type);
  buffer.addEventListener("error", () => errors.push("append failed"));
  for (const piece of pieces) {
    if (errors.length > 0) break;
    buffer.appendBuffer(Uint8Array.from(atob(piece), (character) => character.charCodeAt(0)));
    await once(buffer, "updateend");
  }
  const buffered = Array.from({ length: buffer.buffered.length }, (_, index) =>
    [buffer.buffered.start(index), buffer.buffered.end(index)]);
  if (errors.length === 0) {
    source.endOfStream();
    video.currentTime = buffered[0][0];
    const late = new Promise((resolve) => setTimeout(resolve, 15000));
    video.play().catch((error) => errors.push(String(error)));
    await Promise.race([once(video, "ended"), once(video, "error"), late]);
  }
  return {
    buffered,
    width: video.videoWidth,
    height: video.videoHeight,
    playedSeconds: video.currentTime - (buffered[0]?.[0] ?? 0),
    pictures: video.getVideoPlaybackQuality().totalVideoFrames,
    errors,
  };
}
</script>
`;
