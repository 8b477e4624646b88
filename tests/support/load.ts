/**
 * Starts {@link load_viewer.ts} and reads its reports.
 *
 * @module
 */
import type { LoadResult } from "./load_viewer.ts";
import { fromFileUrl, REPOSITORY } from "./paths.ts";
import { Child } from "./processes.ts";
import type { ViewerProtocol } from "./wire/viewer.ts";

export interface LoadOptions {
  readonly protocol: ViewerProtocol;
  readonly address: string;
  readonly path: string;
  readonly viewers: number;
  /** One more viewer asks to play and reads nothing. */
  readonly stall?: boolean;
  readonly timeoutMs: number;
}

/** Viewers that play in a process of their own. */
export class Load implements AsyncDisposable {
  /** Fulfilled when each viewer has its first frame. */
  readonly playing: Promise<void>;
  /** Fulfilled when every viewer's connection has ended. */
  readonly done: Promise<LoadResult>;
  readonly #child: Child;

  constructor(options: LoadOptions) {
    const playing = Promise.withResolvers<void>();
    const done = Promise.withResolvers<LoadResult>();
    const script = fromFileUrl(new URL("load_viewer.ts", import.meta.url));
    const { protocol, address, path, viewers, stall, timeoutMs } = options;
    const target = [protocol, address, path, String(viewers), ...(stall ? ["stall"] : [])];
    this.#child = new Child(Deno.execPath(), ["run", "--allow-net", script, ...target], {
      cwd: REPOSITORY,
      timeoutMs,
      onLine: (line) => {
        const report = JSON.parse(line) as { event: "playing" } | LoadResult;
        if (report.event === "playing") playing.resolve();
        else done.resolve(report);
      },
    });
    this.#child.ended.then(({ stderr, code }) => {
      const error = new Error(`The viewers ended with ${code}: ${stderr.slice(-600)}`);
      playing.reject(error);
      done.reject(error);
    });
    this.playing = playing.promise;
    this.done = done.promise;
    for (const promise of [this.playing, this.done]) promise.catch(() => {}); // Awaited by tests.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end();
  }
}
