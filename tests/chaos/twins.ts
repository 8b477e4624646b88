/**
 * Two encoders of one source at two nodes, of which the one that is played is killed, and comes
 * back as the backup.
 *
 * @module
 */
import { streamOn } from "../support/mesh_api.ts";
import { fromFileUrl } from "../support/paths.ts";
import { delay, eventually } from "../support/processes.ts";
import { Twin, TWIN_GOP_FRAMES } from "../support/twin_encoder.ts";
import type { Ground } from "./ground.ts";
import { HlsWitness } from "./hls_witness.ts";
import { placeAt, PROTOCOLS, type RunResult } from "./scene.ts";
import { Witness } from "./witness.ts";

/** What the nodes are told: the application whose streams may have a backup. */
export const TWINS_CONFIG = fromFileUrl(new URL("./twins.yaml", import.meta.url));

/** How long both run undisturbed first, and how long is watched afterwards, in milliseconds. */
const QUIET_MS = 1_200;
const WATCH_MS = 1_500;

/** Numbers that may be lost: a group of pictures and its sound. */
const LOST_MAX = 2 * TWIN_GOP_FRAMES;

/** Kills the encoder at a; in every other run its node owns the stream, too, else c does. */
export async function killEncoder(
  ground: Ground,
  path: string,
  round: number,
): Promise<RunResult> {
  const own = path.replace(/^live/, "pair");
  const originMs = Date.now();
  const phase = (round * 3) % TWIN_GOP_FRAMES;
  await using first = await Twin.start(ground.node("a"), own, { originMs, phase: 0 });
  if (round % 2 === 0) await placeAt(ground.node("a"), own, "c");
  await using second = await Twin.start(ground.node("b"), own, { originMs, phase });
  const witnesses = await Promise.all(
    ground.names.flatMap((name) =>
      PROTOCOLS.map((protocol) => Witness.open(ground.node(name), protocol, own))
    ),
  );
  const up = () => ground.up;
  const hls = [false, true].map((lowLatency) => new HlsWitness(up, own, { lowLatency }));
  try {
    await untilPaired(ground, own, "a", "b");
    await delay(QUIET_MS);
    const quietMs = Math.max(...witnesses.map((witness) => witness.mark()));
    first.signal("SIGKILL");
    await untilPaired(ground, own, "b", undefined);
    await delay(WATCH_MS);
    const gapMs = Math.max(...witnesses.map((witness) => witness.gapNowMs()));
    await using back = await Twin.start(ground.node("a"), own, { originMs, phase: 0 });
    await untilPaired(ground, own, "b", "a");
    await back.end();
    await untilPaired(ground, own, "b", undefined);
    await Promise.all(hls.map((player) => player.stop()));
    const last = await second.end();
    const ends = await Promise.all(witnesses.map((witness) => witness.fault(last)));
    return { ...seen(witnesses, hls, ends), gapMs, quietMs };
  } finally {
    for (const witness of witnesses) witness.close();
    await Promise.all(hls.map((player) => player.stop()));
  }
}

/** Waits until these nodes' encoders are played and stand by. */
async function untilPaired(
  ground: Ground,
  path: string,
  ingest: string,
  backup: string | undefined,
): Promise<void> {
  await eventually(`${ingest} is played, ${backup ?? "nobody"} stands by`, async () => {
    const item = await streamOn(ground.node("c"), path);
    return item.ingest === ingest && item.backup?.node === backup;
  });
}

/** What came of it besides the gap. */
function seen(
  witnesses: readonly Witness[],
  hls: readonly HlsWitness[],
  ends: readonly (string | undefined)[],
): Omit<RunResult, "gapMs" | "quietMs"> {
  const sum = (count: (witness: Witness) => number) =>
    witnesses.reduce((total, witness) => total + count(witness), 0);
  const many = witnesses.filter(({ check }) => check.lost > LOST_MAX);
  return {
    lost: sum(({ check }) => check.lost),
    doubled: sum(({ check }) => check.doubled),
    backwards: sum(({ backwards }) => backwards),
    stepMs: Math.max(...witnesses.map(({ stepMs }) => stepMs)),
    owner: "",
    takeoverMs: 0,
    reconnects: 1,
    compared: hls.reduce((total, { compared }) => total + compared, 0),
    faults: [
      ...many.map(({ name, check }) => `${name} lost ${check.lost}`),
      ...ends.filter((text) => text !== undefined),
      ...hls.flatMap(({ faults }) => faults),
    ],
  };
}
