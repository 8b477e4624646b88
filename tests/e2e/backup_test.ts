// Goal: with publish-backup two encoders of one source, on two nodes, are one stream: viewers of
//   any node see the better one, miss a group of pictures at most and see nothing twice.
// Method: real nodes; two encoder processes send the same numbers at the same time, and one is
//   killed, stopped, made to send little, or replaced by an operator; an ffmpeg over RTSP has a
//   backup with another picture size over RTMP.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Witness } from "../chaos/witness.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { EventReader } from "../support/event_reader.ts";
import { checkSteps, readBody, watch } from "../support/held_viewers.ts";
import { watchHls } from "../support/hls_watch.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { move, type StreamItem, streamOn } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
import { Child, delay, eventually } from "../support/processes.ts";
import { Twin, TWIN_GOP_FRAMES, TWIN_GOP_MS } from "../support/twin_encoder.ts";
import { Publisher } from "../support/wire/publisher.ts";

const NEEDS = { needs: ["redis", "ffmpeg"] } as const;

const CONFIG = `
applications:
  pair:
    publish-backup: true
    users:
      - { token: both-encoders, publish: true }
`;

/** Numbers of a group of pictures: each frame has one for its picture and one for its sound. */
const GOP_NUMBERS = 2 * TWIN_GOP_FRAMES;

/** A silent encoder is noticed within this, on a machine that is busy. */
const NOTICED_MS = 2_500;

interface PairItem extends StreamItem {
  readonly ingestHealth: string | null;
  readonly switches: number;
  readonly backup: {
    readonly node: string;
    readonly health: string;
    readonly since: string;
    readonly bitrateKbps: number;
  } | null;
}

let mesh: TestMesh;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-backup-" });
  await Deno.writeTextFile(`${folder}/hw.yaml`, CONFIG);
  mesh = await startMesh(["a", "b", "c"], ["--config", `${folder}/hw.yaml`, "--hls-segment", "1s"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
});

function pairOn(node: TestNode, path: string): Promise<PairItem> {
  return streamOn(node, path) as Promise<PairItem>;
}

/** Both encoders, at a and b, and viewers at all nodes; c owns it where `owner` says so. */
class Stage implements AsyncDisposable {
  readonly path: string;
  readonly twins: [Twin, Twin];
  readonly witnesses: readonly Witness[];
  readonly #originMs: number;

  private constructor(
    path: string,
    originMs: number,
    twins: [Twin, Twin],
    witnesses: readonly Witness[],
  ) {
    this.path = path;
    this.#originMs = originMs;
    this.twins = twins;
    this.witnesses = witnesses;
  }

  static async open(name: string, owner?: string): Promise<Stage> {
    const [a, b, c] = mesh.nodes;
    const path = `pair/${name}`;
    const key = `${path}?token=both-encoders`;
    const originMs = Date.now();
    const one = await Twin.start(a, key, { originMs, phase: 0 });
    if (owner !== undefined) await move(a, path, owner);
    const two = await Twin.start(b, key, { originMs, phase: 4 });
    const witnesses = await Promise.all([
      Witness.open(a, "rtmp", path),
      Witness.open(b, "http-flv", path),
      Witness.open(c, "rtmp", path),
    ]);
    const stage = new Stage(path, originMs, [one, two], witnesses);
    await stage.until("a", "b");
    await delay(2_500); // What is usual has to be seen first.
    for (const witness of witnesses) witness.mark();
    return stage;
  }

  /** Waits until that node's publisher is played, and that of the other stands by. */
  async until(ingest: string, backup: string | null): Promise<PairItem> {
    let item: PairItem | undefined;
    const reached = eventually(`${ingest} is played, ${backup} stands by`, async () => {
      item = await pairOn(mesh.nodes[2], this.path);
      if (item.state !== "live" || item.ingest !== ingest) return undefined;
      if ((item.backup?.node ?? null) !== backup) return undefined;
      return item.backup?.bitrateKbps === 0 ? undefined : item;
    });
    return await reached.catch((error) => {
      const lines = mesh.nodes.flatMap((node) => node.logs().slice(-15));
      throw new Error(`${error.message}: ${JSON.stringify(item)}\n${JSON.stringify(lines)}`);
    });
  }

  /** Another encoder in the place of the first. */
  async replace(): Promise<void> {
    const key = `${this.path}?token=both-encoders`;
    this.twins[0] = await Twin.start(mesh.nodes[0], key, { originMs: this.#originMs, phase: 7 });
  }

  /** Nobody saw anything twice, or a gap or a loss beyond these. */
  async check(bounds: { gapMs: number; lost: number; doubled?: number }): Promise<void> {
    await delay(600);
    for (const witness of this.witnesses) {
      const { name, gapMs, check: { lost, doubled }, backwards, stepMs, ended } = witness;
      const told = `${name}: ${gapMs} ms, ${lost} lost, ${doubled} doubled, ${stepMs} ms step`;
      assert(gapMs <= bounds.gapMs && lost <= bounds.lost, told);
      assert(doubled <= (bounds.doubled ?? 0), told);
      assert(backwards === 0 && stepMs <= 120 && ended === undefined, `${told}, ${ended}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const witness of this.witnesses) witness.close();
    await Promise.all(this.twins.map((twin) => twin[Symbol.asyncDispose]()));
  }
}

/** Slower where others use the machine, too. */
const SLACK_MS = 250;

Deno.test(endToEnd("an encoder is killed, and its stream ended by an operator", NEEDS, async () => {
  const [a, b] = mesh.nodes;
  await using stage = await Stage.open("killed", "c");
  await using events = await EventReader.open(b);
  const { generation } = await stage.until("a", "b");
  stage.twins[0].signal("SIGKILL");
  const after = await stage.until("b", null);
  assert(after.generation > generation);
  assertEquals(after.switches, 1);
  await stage.check({ gapMs: TWIN_GOP_MS + SLACK_MS, lost: GOP_NUMBERS });
  const event = await events.wait("switched", ({ kind }) => kind === "stream-switched");
  assertEquals([event.from, event.to, event.reason], ["a", "b", "lost"]);
  await stage.replace();
  await eventually("both are well", async () => {
    const { backup, ingestHealth } = await stage.until("b", "a");
    return backup?.health === "ok" && ingestHealth === "ok";
  });
  const third = await Publisher.open(a.address("rtmp"), `${stage.path}?token=both-encoders`);
  assertEquals(third.code, "NetStream.Publish.BadName");
  third.drop();
  const stranger = await Publisher.open(a.address("rtmp"), stage.path).then(({ code }) => code);
  assertEquals(stranger, "NetStream.Publish.Unauthorized");
  await stage.check({ gapMs: TWIN_GOP_MS + SLACK_MS, lost: GOP_NUMBERS });
  const deleted = await b.fetchApi(`streams/${stage.path}`, "DELETE");
  assertEquals([deleted.status, await deleted.text()], [204, ""]);
  await eventually("all viewers have seen the end", () => {
    return stage.witnesses.every(({ ended }) => ended === "end of stream");
  });
  const sessions = await b.api<{ items: { role: string; name: string }[] }>("sessions");
  const { items } = sessions;
  assertEquals(items.filter(({ name }) => stage.path.endsWith(name)), []);
}));

Deno.test(endToEnd("an encoder stands still, and comes back as the backup", NEEDS, async () => {
  await using stage = await Stage.open("stopped");
  stage.twins[0].signal("SIGSTOP");
  await stage.until("b", "a");
  await stage.check({ gapMs: NOTICED_MS + TWIN_GOP_MS, lost: 2 * NOTICED_MS / 40 + GOP_NUMBERS });
  stage.twins[0].signal("SIGCONT");
  await eventually("it is well again", async () => {
    return (await pairOn(mesh.nodes[1], stage.path)).backup?.health === "ok";
  }, 12_000);
  assertEquals((await stage.until("b", "a")).switches, 1);
}));

Deno.test(
  endToEnd("an encoder's bit rate collapses; an operator switches back", NEEDS, async () => {
    await using stage = await Stage.open("thin", "c");
    stage.twins[0].signal("SIGUSR1");
    await stage.until("b", "a");
    // Both ran on: the other one stood down when the backup's key frame was there.
    await stage.check({ gapMs: 200 + SLACK_MS, lost: 8, doubled: 8 });
    const metrics = await (await mesh.nodes[2].fetchMetrics()).text();
    assertMatch(metrics, /^headwater_switches_total\{reason="bit-rate"\} 1$/m);
    const ask = () => mesh.nodes[0].fetchApi(`streams/${stage.path}/switch`, "POST");
    const asked = await ask();
    assertEquals([asked.status, await asked.text()], [204, ""]);
    await stage.until("a", "b");
    await stage.check({ gapMs: 200 + SLACK_MS, lost: 16, doubled: 16 });
    stage.twins[1].signal("SIGKILL");
    await stage.until("a", null);
    const refused = await ask();
    assertEquals(refused.status, 409);
    assertMatch((await refused.json()).detail, /it has no backup/);
    assert(Number.isFinite(await stage.twins[0].end()));
    await eventually("the stream has ended", () => {
      return stage.witnesses.every(({ ended }) => ended === "end of stream");
    });
  }),
);

Deno.test(endToEnd("RTSP with a backup of another size over RTMP", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "pair/sizes";
  const push = async (media: "quarter" | "large", to: readonly string[]) =>
    new Child("ffmpeg", [
      ...["-nostdin", "-v", "error", "-re", "-stream_loop", "3", "-i", await mediaFile(media)],
      ...["-c", "copy", ...to],
    ], { timeoutMs: 60_000 });
  const rtsp = `rtsp://${a.address("rtsp")}/${path}?token=both-encoders`;
  await using first = await push("quarter", ["-f", "rtsp", "-rtsp_transport", "tcp", rtsp]);
  await eventually(
    "it is live",
    async () => (await pairOn(b, path).catch(() => undefined))?.ingest,
  );
  const rtmp = `rtmp://${b.address("rtmp")}/${path}?token=both-encoders`;
  await using second = await push("large", ["-f", "flv", rtmp]);
  await eventually("it has a backup", async () => (await pairOn(b, path)).backup?.node === "b");
  const viewers = await Promise.all([watch(c, "rtmp", path), watch(a, "http-flv", path)]);
  const mp4 = readBody(c, `${path}.mp4`);
  const hls = watchHls(c, path, "fmp4");
  for (const pending of [mp4, hls]) pending.catch(() => {}); // Awaited below.
  await delay(1_500);
  first.signal("SIGKILL");
  await eventually("the backup is played", async () => (await pairOn(b, path)).ingest === "b");
  assert(await mp4 > 10_000, "a body that cannot go on has ended");
  await delay(1_500);
  const { tracks } = await pairOn(c, path) as unknown as { tracks: { width?: number }[] };
  assertEquals(tracks.find(({ width }) => width !== undefined)?.width, 640);
  await second.end("SIGINT"); // ffmpeg says goodbye, and the stream ends with the last of two.
  for (const viewer of viewers) {
    assertEquals(await viewer.ended, "end of stream");
    checkSteps(viewer);
  }
  const { segments } = await hls;
  assertEquals(segments.at(-1)!.discontinuities - segments[0].discontinuities, 1);
  assertEquals(new Set(segments.map(({ map }) => map)).size, 2, "an init segment each");
}));
