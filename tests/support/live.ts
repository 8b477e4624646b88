/**
 * A numbered stream on a node and viewers that follow it, in a line each.
 *
 * @module
 */
import type { TestNode } from "./node_process.ts";
import { eventually } from "./processes.ts";
import { NumberedCheck, NumberedStream } from "./wire/numbered.ts";
import { Publisher } from "./wire/publisher.ts";
import { openViewer, type Viewer, type ViewerProtocol } from "./wire/viewer.ts";

/** A stream of little weight: 25 frames a second, a key frame each 0.4 s, with sound. */
export const LIGHT = { framesPerSecond: 25, gopFrames: 10, frameBytes: 1_000, audioBytes: 100 };

/** Publishes a numbered stream. @throws {Error} The publish was refused. */
export async function publishNumbered(
  node: TestNode,
  path: string,
  app?: string,
): Promise<NumberedStream> {
  const publisher = await Publisher.open(node.address("rtmp"), path, app);
  if (publisher.code === "NetStream.Publish.Start") return new NumberedStream(publisher, LIGHT);
  publisher.drop();
  throw new Error(`Cannot publish ${path}: ${publisher.code}`);
}

/** A viewer and what it has seen. */
export interface Follower extends Disposable {
  readonly viewer: Viewer;
  readonly check: NumberedCheck;
}

/** Asks to play a numbered stream. */
export async function follow(
  node: TestNode,
  protocol: ViewerProtocol,
  path: string,
  app?: string,
): Promise<Follower> {
  const check = new NumberedCheck();
  const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
  const onMessage = check.message.bind(check);
  const viewer = await openViewer({ protocol, address, path, app, onMessage });
  return { viewer, check, [Symbol.dispose]: () => viewer.close() };
}

/** Waits until a follower has seen `frames` messages. @throws {Error} It has not, in time. */
export async function untilPlaying({ viewer, check }: Follower, frames = 5): Promise<void> {
  const ended = viewer.ended.then((reason) => {
    throw new Error(`Cannot play: ${reason}`);
  });
  ended.catch(() => {}); // When the viewer ends later, nobody listens any more.
  const playing = eventually(
    "frames come",
    () => check.first >= 0 && check.last >= check.first + frames,
  );
  await Promise.race([playing, ended]);
}
