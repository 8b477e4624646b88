/**
 * Plays a stream to its end with the tests' own viewer.
 *
 * @module
 */
import { FrameCollector } from "../flv_frames.ts";
import { openViewer, type ViewerOptions } from "./viewer.ts";

export interface Collected {
  readonly collector: FrameCollector;
  /** Why nothing more came. */
  readonly ended: string;
}

/** Collects every frame; what the server sends must be correct to the last byte. */
export async function collect(options: Omit<ViewerOptions, "onMessage">): Promise<Collected> {
  const collector = new FrameCollector();
  const viewer = await openViewer({
    ...options,
    onMessage: (message) => collector.message(message),
  });
  return { collector, ended: await viewer.ended };
}
