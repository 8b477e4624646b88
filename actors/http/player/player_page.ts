/**
 * The player page of one stream: a document that names the stream and the ways it may be played;
 * all that happens on it is in `browser/`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { html } from "hono/html";
import { playerAssetPath } from "./player_assets.ts";

/** A way to play that a node may offer on its page. */
export type PlayerProtocol = "ll-hls" | "http-flv" | "ws-flv";

/** What the page is about. */
export interface PlayerPageOptions {
  /** APP and NAME, decoded. */
  readonly app: string;
  readonly name: string;
  /** In the order of preference. */
  readonly protocols: readonly PlayerProtocol[];
}

/** The page, ready to be sent with status 200. */
export interface PlayerPage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Content-Security-Policy of the page: our files alone, and media from wherever a node redirects.
 * The libraries hand the browser media, and run a worker, by way of blobs. Other sites may put the
 * page into a frame, as players are used.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "connect-src http: https: ws: wss:",
  "media-src blob: http: https:",
  "worker-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A wave; the browser would ask for /favicon.ico otherwise. */
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0b9ab0" ' +
    'stroke-width="2.6" stroke-linecap="round"><path d="M2 9c3.3-4 6.7-4 10 0s6.7 4 10 0' +
    'M2 17c3.3-4 6.7-4 10 0s6.7 4 10 0"/></svg>',
);

/** Renders the page; every name in it is escaped. */
export function playerPage({ app, name, protocols }: PlayerPageOptions): PlayerPage {
  const path = `/${[app, ...name.split("/")].map(encodeURIComponent).join("/")}`;
  const body = String(document({ path, stream: `${app}/${name}`, protocols }));
  const tag = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return {
    body,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": POLICY,
      // The page's query may carry credentials; nobody else needs to see it.
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-cache",
      "ETag": `"${tag}"`,
    },
  };
}

interface DocumentOptions {
  /** "/APP/NAME", percent-encoded. */
  readonly path: string;
  /** The same as people read it. */
  readonly stream: string;
  readonly protocols: readonly PlayerProtocol[];
}

function document({ path, stream, protocols }: DocumentOptions) {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
        <meta name="color-scheme" content="light dark">
        <meta name="theme-color" content="#f3f6f8" media="(prefers-color-scheme: light)">
        <meta name="theme-color" content="#0b1218" media="(prefers-color-scheme: dark)">
        <title>${stream} · Headwater</title>
        <link rel="icon" href="${ICON}">
        <link rel="stylesheet" href="${playerAssetPath("page.css")}">
        <script type="module" src="${playerAssetPath("page.js")}"></script>
      </head>
      <body>
        <main
          id="player"
          data-path="${path}"
          data-stream="${stream}"
          data-protocols="${protocols.join(" ")}"
          data-state="connecting"
        >
          <header>
            <svg
              viewBox="0 0 24 24"
              fill="none"
              stroke="currentColor"
              stroke-width="2.4"
              stroke-linecap="round"
              aria-hidden="true"
            >
              <path d="M2 9c3.3-4 6.7-4 10 0s6.7 4 10 0M2 17c3.3-4 6.7-4 10 0s6.7 4 10 0" />
            </svg>
            <h1 title="${stream}">${stream}</h1>
            <span id="state" role="status">Connecting</span>
          </header>
          <div class="screen">
            <video id="video" controls autoplay muted playsinline></video>
            <button id="sound" type="button" hidden>Turn sound on</button>
            <p id="message" role="alert" hidden></p>
          </div>
          <section class="panel" aria-label="Playback">
            <fieldset id="ways">
              <legend>Protocol</legend>
            </fieldset>
            <dl>
              <div>
                <dt>Behind live</dt>
                <dd id="latency">–</dd>
              </div>
              <div>
                <dt>Picture</dt>
                <dd id="size">–</dd>
              </div>
            </dl>
          </section>
          <noscript><p class="panel">This player needs JavaScript.</p></noscript>
          <footer>
            Headwater · <a href="${playerAssetPath("licenses.txt")}">licenses of the players</a>
          </footer>
        </main>
      </body>
    </html>
  `;
}
