/**
 * The status page: streams and nodes for a person who looks in. One HTML document, made here,
 * without scripts; it loads nothing and reloads itself.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { NodeInfo, Page, StreamInfo, TrackInfo } from "./node_view.ts";

/** What the page shows. */
export interface StatusPageOptions {
  readonly streams: Page<StreamInfo>;
  readonly nodes: Page<NodeInfo>;
  /** Version of this program. */
  readonly version: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; }
td { overflow-wrap: anywhere; }
.live { color: #178a3a; } .hold { color: #b36b00; }
`;

/** Content-Security-Policy of the page: our style by its hash, and nothing else at all. */
export const statusPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Renders the page; every value in it is escaped. */
export function statusPage({ streams, nodes, version }: StatusPageOptions) {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta http-equiv="refresh" content="5">
        <title>Headwater</title>
        <style>${raw(STYLE)}</style>
      </head>
      <body>
        <h1>Headwater ${version}</h1>
        <h2>Streams</h2>
        ${streamTable(streams)}
        <h2>Nodes</h2>
        ${nodeTable(nodes)}
        <p>
          <a href="/api/v1">API</a>
          <a href="/api/v1/openapi.json">OpenAPI</a>
          <a href="/metrics">metrics</a>
        </p>
      </body>
    </html>
  `;
}

function streamTable({ items, next }: Page<StreamInfo>) {
  if (items.length === 0) return html`<p>No streams.</p>`;
  return html`
    <table>
      <thead>
        <tr>
          <th>Stream</th>
          <th>State</th>
          <th>Owner</th>
          <th>Tracks</th>
          <th>kbit/s</th>
          <th>Viewers</th>
          <th>Late jumps</th>
          <th>Repairs</th>
        </tr>
      </thead>
      <tbody>${items.map(streamRow)}</tbody>
    </table>${more(next)}
  `;
}

function streamRow(stream: StreamInfo) {
  return html`
    <tr>
      <td>${stream.app}/${stream.name}</td>
      <td class="${stream.state}">${stream.state}</td>
      <td>${stream.owner}</td>
      <td>${stream.tracks.map(trackText).join(", ")}</td>
      <td>${Math.round(stream.bitrateKbps)}</td>
      <td>${stream.viewers.total}</td>
      <td>${stream.drops}</td>
      <td>${stream.repairs}</td>
    </tr>
  `;
}

function trackText(track: TrackInfo): string {
  if (track.kind === "video") return `${track.codec} ${track.width}×${track.height}`;
  return `${track.codec} ${track.sampleRate} Hz`;
}

function nodeTable({ items, next }: Page<NodeInfo>) {
  return html`
    <table>
      <thead>
        <tr>
          <th>Node</th>
          <th>Host</th>
          <th>State</th>
          <th>Cores used</th>
          <th>Lateness</th>
          <th>Egress kbit/s</th>
          <th>Streams</th>
          <th>Viewers</th>
        </tr>
      </thead>
      <tbody>${items.map(nodeRow)}</tbody>
    </table>${more(next)}
  `;
}

function nodeRow({ name, host, state, load }: NodeInfo) {
  return html`
    <tr>
      <td>${name}</td>
      <td>${host}</td>
      <td>${state}</td>
      <td>${load.cpu.toFixed(2)}</td>
      <td>${load.lagMs.toFixed(1)} ms</td>
      <td>${Math.round(load.egressKbps)}</td>
      <td>${load.streams}</td>
      <td>${load.viewers}</td>
    </tr>
  `;
}

function more(next: string | null) {
  return next === null ? "" : html`<p>And more: the API lists all of them.</p>`;
}
