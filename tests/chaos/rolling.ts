/**
 * Every node is restarted in turn while streams run through all of them: encoders and players at
 * the node that goes are asked to go elsewhere, and nobody elsewhere notices.
 *
 * @module
 */
import { delay, eventually } from "../support/processes.ts";
import { RoamingStream } from "../support/wire/roaming.ts";
import type { Ground } from "./ground.ts";
import { HlsWitness } from "./hls_witness.ts";
import { placeAt, PROTOCOLS, type RunResult } from "./scene.ts";
import { Witness } from "./witness.ts";

/** How long everything runs undisturbed before each restart, in milliseconds. */
const QUIET_MS = 1_000;

/** How long is watched after a node is back, in milliseconds. */
const WATCH_MS = 500;

/** Streams whose encoder is connected to each node, and viewers of all streams at each of them. */
const STREAMS_EACH = 3;

interface Stream {
  readonly path: string;
  readonly encoder: RoamingStream;
}

/** What viewers saw of one restart. */
interface Phase {
  readonly gapMs: number;
  readonly quietMs: number;
  readonly witnesses: readonly Witness[];
  readonly faults: readonly string[];
}

/** Restarts every node once. */
export async function roll(ground: Ground, path: string): Promise<RunResult> {
  const { names } = ground;
  const encoders = names.flatMap((name) => Array.from({ length: STREAMS_EACH }, () => name));
  const streams = await Promise.all(encoders.map(async (name, index) => {
    const own = `${path}-${index}`;
    const encoder = new RoamingStream(ground.node(name).address("rtmp"), own);
    await eventually(`${own} is published`, () => encoder.last > 0);
    await placeAt(ground.node(name), own, names[(names.indexOf(name) + 1) % names.length]);
    return { path: own, encoder };
  }));
  const up = () => ground.up;
  const hls = [false, true].map((lowLatency, index) =>
    new HlsWitness(up, streams[index].path, { lowLatency })
  );
  const phases: Phase[] = [];
  const startMs = performance.now();
  for (const name of names) phases.push(await restart(ground, name, streams));
  const takeoverMs = (performance.now() - startMs) / names.length;
  for (const player of hls) await player.agree(ground.up);
  await Promise.all(hls.map((player) => player.stop()));
  await Promise.all(streams.map(({ encoder }) => encoder.end()));
  const witnesses = phases.flatMap((phase) => phase.witnesses);
  const sum = (count: (witness: Witness) => number) =>
    witnesses.reduce((total, witness) => total + count(witness), 0);
  return {
    gapMs: Math.max(...phases.map(({ gapMs }) => gapMs)),
    quietMs: Math.max(...phases.map(({ quietMs }) => quietMs)),
    lost: sum(({ check }) => check.lost),
    doubled: sum(({ check }) => check.doubled),
    backwards: sum(({ backwards }) => backwards),
    stepMs: Math.max(...witnesses.map(({ stepMs }) => stepMs)),
    owner: "",
    takeoverMs,
    reconnects: streams.reduce((total, { encoder }) => total + encoder.addresses.length - 1, 0),
    compared: hls.reduce((total, { compared }) => total + compared, 0),
    faults: [...phases, ...hls].flatMap(({ faults }) => faults),
  };
}

/** Restarts one node under the eyes of viewers at all of them. */
async function restart(
  ground: Ground,
  name: string,
  streams: readonly Stream[],
): Promise<Phase> {
  const others = ground.names.filter((other) => other !== name);
  const witnesses = await Promise.all(
    streams.flatMap(({ path }, index) =>
      others.map((other) => Witness.open(ground.node(other), PROTOCOLS[index % 2], path))
    ),
  );
  const leaving = await Promise.all(
    streams.map(({ path }) => Witness.open(ground.node(name), "rtmp", path)),
  );
  await delay(QUIET_MS);
  const quietMs = Math.max(...witnesses.map((witness) => witness.mark()));
  const restarted = ground.restart(name);
  const faults: string[] = [];
  await Promise.all(leaving.map(async (witness) => {
    await eventually(`${witness.name} is asked`, () => {
      return witness.asked !== undefined || witness.ended !== undefined;
    });
    if (witness.asked === undefined) faults.push(`${witness.name} was not asked: ${witness.ended}`);
    witness.close();
  }));
  await restarted;
  await ground.whole();
  await delay(WATCH_MS);
  const lasts = streams.map(({ encoder }) => encoder.last);
  for (const [index, witness] of witnesses.entries()) {
    const last = lasts[Math.floor(index / others.length)];
    await eventually(`${witness.name} sees ${last}`, () => witness.check.last >= last);
    if (witness.ended !== undefined) faults.push(`${witness.name}: ${witness.ended}`);
  }
  const gapMs = Math.max(...witnesses.map((witness) => witness.gapNowMs()));
  for (const witness of witnesses) witness.close();
  return { gapMs, quietMs, witnesses, faults };
}
