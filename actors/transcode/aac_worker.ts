/**
 * The worker that turns audio into AAC for all streams of a node: it may do nothing but compute.
 *
 * @module
 */
import { shareWorkers } from "./shared_worker.ts";
import { AacEncoder } from "./aac_encoder.ts";
import { AacTrack } from "./aac_track.ts";
import type { TranscodeReply, TranscodeRequest } from "./messages.ts";

/** The part of the worker's global scope that is used. */
interface WorkerScope {
  onmessage: (event: { readonly data: TranscodeRequest }) => void;
  postMessage(reply: TranscodeReply): void;
}

/** A track, and the end of what it was told so far. */
interface Lane {
  readonly opened: Promise<{ readonly track: AacTrack; readonly encoder: AacEncoder }>;
  last: Promise<void>;
}

const scope = globalThis as unknown as WorkerScope;
const lanes = new Map<number, Lane>();
/** Encoders that nobody uses; as many as there were tracks at a time. */
const idle: AacEncoder[] = [];

shareWorkers();

scope.onmessage = ({ data: request }) => {
  switch (request.kind) {
    case "open":
      return open(request);
    case "frame":
      return frame(request);
    case "close":
      return close(request.id);
  }
};

function open({ id, source }: Extract<TranscodeRequest, { kind: "open" }>): void {
  const opened = encoderFor(source.sampleRate, source.channels)
    .then((encoder) => ({ track: new AacTrack(source, encoder), encoder }));
  lanes.set(id, { opened, last: opened.then(() => {}, (error) => fail(id, error)) });
}

function frame({ id, ptsUs, data }: Extract<TranscodeRequest, { kind: "frame" }>): void {
  const lane = lanes.get(id);
  if (lane === undefined) return;
  lane.last = lane.last.then(async () => {
    if (!lanes.has(id)) return;
    const { track } = await lane.opened;
    scope.postMessage({ kind: "done", id, frames: await track.push(ptsUs, data) });
  }).catch((error) => fail(id, error));
}

function close(id: number): void {
  const lane = lanes.get(id);
  if (lane === undefined) return;
  lanes.delete(id);
  lane.last.then(async () => {
    const { track, encoder } = await lane.opened;
    await track.close();
    idle.push(encoder);
  }).catch(() => {}); // An encoder that failed is not used again.
}

async function encoderFor(sampleRate: number, channels: number): Promise<AacEncoder> {
  const at = idle.findIndex((encoder) =>
    encoder.sampleRate === sampleRate && encoder.channels === channels
  );
  if (at >= 0) return idle.splice(at, 1)[0];
  return await AacEncoder.create(sampleRate, channels);
}

function fail(id: number, error: unknown): void {
  if (!lanes.delete(id)) return;
  const reason = error instanceof Error ? error.message : String(error);
  scope.postMessage({ kind: "failed", id, reason });
}
