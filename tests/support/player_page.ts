/**
 * Headless Chromium on a node's own player page.
 *
 * @module
 */
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM, CHROMIUM_FLAGS } from "./browser.ts";
import { eventually } from "./processes.ts";

/** Longest any single step of the browser may take, in milliseconds. */
const STEP_TIMEOUT_MS = 60_000;

/** What a person sees on the page, and what the video element says. */
export interface PlayerPageView {
  readonly state: string;
  /** Empty when none is shown. */
  readonly message: string;
  readonly latency: string;
  readonly size: string;
  /** The protocol that is chosen. */
  readonly protocol: string;
  readonly currentTime: number;
  /** Frames that were decoded and not dropped. */
  readonly frames: number;
}

/** An open page. */
export interface OpenPlayerPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the page, its console and its policy. */
  readonly errors: readonly string[];
  look(): Promise<PlayerPageView>;
  currentTime(): Promise<number>;
  choose(protocol: string): Promise<void>;
  /** Waits until the page is in a state: "live", "waiting", ... */
  untilState(state: string): Promise<void>;
}

/** Looks of the page that pictures may be taken of. */
export interface PlayerPageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

const LOOK = `(() => {
  const text = (id) => document.getElementById(id).hidden ? "" :
    document.getElementById(id).textContent;
  const video = document.getElementById("video");
  const quality = video.getVideoPlaybackQuality();
  return {
    state: text("state"),
    message: text("message"),
    latency: text("latency"),
    size: text("size"),
    protocol: document.querySelector("#ways input:checked")?.value ?? "",
    currentTime: video.currentTime,
    frames: quality.totalVideoFrames - quality.droppedVideoFrames,
  };
})()`;

/** Opens a player page. */
export async function openPlayerPage(
  url: string,
  options: PlayerPageOptions = {},
): Promise<OpenPlayerPage> {
  const profile = await Deno.makeTempDir({ prefix: "headwater-chromium-" });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: CHROMIUM_FLAGS,
    timeout: STEP_TIMEOUT_MS,
    viewport: { width: options.width ?? 1_280, height: options.height ?? 800 },
    colorScheme: options.colorScheme ?? "light",
  });
  try {
    return await pageOf(context, profile, url);
  } catch (error) {
    await close(context, profile);
    throw error;
  }
}

async function pageOf(
  context: BrowserContext,
  profile: string,
  url: string,
): Promise<OpenPlayerPage> {
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  const look = () => page.evaluate(LOOK) as Promise<PlayerPageView>;
  return {
    page,
    errors,
    look,
    currentTime: async () => (await look()).currentTime,
    choose: (protocol) => page.check(`#ways input[value="${protocol}"]`, { force: true }),
    async untilState(state) {
      const reached = async () => await page.getAttribute("#player", "data-state") === state;
      try {
        await eventually(`the page is ${state}`, reached, STEP_TIMEOUT_MS);
      } catch (error) {
        throw new Error(`${(error as Error).message}: ${JSON.stringify(await look())}, ${errors}`);
      }
    },
    [Symbol.asyncDispose]: () => close(context, profile),
  };
}

async function close(context: BrowserContext, profile: string): Promise<void> {
  await context.close();
  await Deno.remove(profile, { recursive: true });
}
