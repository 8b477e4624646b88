// Goal: whichever worker a client gets, it sees one server: every protocol plays from every worker,
// one API, one set of metrics; workers are replaced one after another without cutting the others.
// Method: a real node with two workers; each protocol is played until both of them have served it.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, type Follower, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh } from "../support/mesh.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { Child, eventually } from "../support/processes.ts";
import { sessionsOf } from "../support/workers.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** Most tries until a connection has got to the other worker: one in a million takes more. */
const TRIES_MAX = 20;

/** Load of the rolling restart. */
const STREAMS = 20;
const VIEWERS = 200;

/** Grain of the clocks that are compared, in milliseconds. */
const CLOCK_MS = 2;

const TWO = { args: ["--workers", "2", "--name", "h"] };

/** The metrics, as lines. */
async function metricsOf(node: TestNode): Promise<string[]> {
  return (await (await fetch(node.httpUrl("metrics"))).text()).split("\n");
}

Deno.test(endToEnd("a stream plays from both workers by every protocol", {
  needs: ["ffmpeg"],
}, async () => {
  await using node = await startTestNode(TWO);
  const publisher = await publishNumbered(node, "live/both");
  const [{ node: home }] = await eventually("the publisher is listed", async () => {
    const sessions = await sessionsOf(node, "live/both");
    return sessions.length === 0 ? undefined : sessions;
  });
  const followers: Follower[] = [];
  const bodies: ReadableStreamDefaultReader<Uint8Array>[] = [];
  const players: Child[] = [];
  /** Plays until a viewer of the protocol is on the other worker. */
  const untilAway = async (protocol: string, play: () => Promise<void>) => {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      await play();
      const sessions = await sessionsOf(node, "live/both");
      if (sessions.some((item) => item.protocol === protocol && item.node !== home)) return;
    }
    throw new Error(`${protocol}: no viewer got to the other worker`);
  };
  for (const protocol of VIEWER_PROTOCOLS) {
    await untilAway(protocol, async () => {
      const follower = await follow(node, protocol, "live/both");
      followers.push(follower);
      await untilPlaying(follower);
    });
  }
  for (const [protocol, ending] of [["http-ts", "ts"], ["http-mp4", "mp4"]]) {
    await untilAway(protocol, async () => {
      const response = await fetch(node.httpUrl(`live/both.${ending}`));
      const reader = response.body!.getReader();
      bodies.push(reader);
      assertEquals((await reader.read()).done, false);
    });
  }
  await untilAway("rtsp", async () => {
    const player = new Child("ffmpeg", [
      ...["-v", "error", "-rtsp_transport", "tcp", "-i", node.rtspUrl("live/both")],
      ...["-c", "copy", "-f", "null", "-"],
    ], { timeoutMs: 60_000 });
    players.push(player);
    const before = (await sessionsOf(node, "live/both")).length;
    await eventually("it plays", async () => (await sessionsOf(node, "live/both")).length > before);
  });
  for (const reader of bodies) await reader.cancel();
  await Promise.all(players.map((player) => player.end("SIGKILL")));
  const last = await publisher.end();
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  }
}));

Deno.test(endToEnd("HLS is the same bytes whichever worker answers", {
  needs: ["ffmpeg"],
}, async () => {
  await using node = await startTestNode(TWO);
  const publisher = publish(node.rtmpUrl("live/hls"), await mediaFile("h264_aac"));
  const get = async (target: string) => {
    const response = await fetch(node.httpUrl(target), { headers: { connection: "close" } });
    assertEquals(response.status, 200, target);
    return new Uint8Array(await response.arrayBuffer());
  };
  const text = async (target: string) => new TextDecoder().decode(await get(target));
  await eventually("the stream is live", async () => {
    return (await sessionsOf(node, "live/hls")).length > 0;
  });
  const master = await text("live/hls.m3u8");
  const media = `live/${master.split("\n").find((line) => line.endsWith(".m3u8"))!}`;
  const folder = media.slice(0, media.lastIndexOf("/") + 1);
  const segments = await eventually("two segments are there", async () => {
    const uris = [...(await text(media)).matchAll(/^[^#\n].*$/gm)].map(([line]) => line);
    return uris.length >= 2 ? uris : undefined;
  });
  for (const segment of segments.slice(0, 2)) {
    const bodies = await Promise.all(Array.from({ length: 8 }, () => get(folder + segment)));
    assertEquals(new Set(bodies.map((body) => body.toHex())).size, 1, segment);
  }
  publisher.signal("SIGTERM");
  await publisher.ended;
}));

Deno.test(endToEnd("the metrics are the host's, whichever worker answers", {}, async () => {
  await using node = await startTestNode(TWO);
  const publisher = await publishNumbered(node, "live/metrics");
  const followers = await Promise.all(
    Array.from({ length: 10 }, () => follow(node, "rtmp", "live/metrics")),
  );
  await Promise.all(followers.map((follower) => untilPlaying(follower)));
  for (let scrape = 0; scrape < 8; scrape++) {
    const lines = await metricsOf(node);
    assert(lines.includes('headwater_viewers{protocol="rtmp"} 10'), lines.join("\n"));
    assert(lines.includes('headwater_publishers{protocol="rtmp"} 1'));
    const cpu = lines.filter((line) => line.startsWith("process_cpu_seconds_total{"));
    assertEquals(cpu.map((line) => /worker="(.*?)"/.exec(line)?.[1]).sort(), ["h.0", "h.1"]);
  }
  for (const follower of followers) follower[Symbol.dispose]();
  await publisher.stop();
}));

/** Viewers of many streams, one after another, so that the worker of each is known. */
async function followAll(node: TestNode): Promise<{ follower: Follower; worker: string }[]> {
  const seen = new Set<string>();
  const viewers: { follower: Follower; worker: string }[] = [];
  for (let at = 0; at < VIEWERS; at++) {
    const path = `live/s${at % STREAMS}`;
    const follower = await follow(node, "rtmp", path);
    const worker = await eventually("the viewer is listed", async () => {
      const items = await sessionsOf(node, path);
      const found = items.find(({ id, role }) => role === "play" && !seen.has(id));
      if (found !== undefined) seen.add(found.id);
      return found?.node;
    });
    viewers.push({ follower, worker });
  }
  await Promise.all(viewers.map(({ follower }) => untilPlaying(follower)));
  return viewers;
}

Deno.test(endToEnd("workers are replaced one after another", { timeoutMs: 120_000 }, async () => {
  await using node = await startTestNode({ args: [...TWO.args, "--drain-timeout", "4s"] });
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, (_, at) => publishNumbered(node, `live/s${at}`)),
  );
  const viewers = await followAll(node);
  const publishedOn = await Promise.all(streams.map(async (_, at) => {
    return (await sessionsOf(node, `live/s${at}`)).find(({ role }) => role === "publish")!.node;
  }));
  const endedAtMs = new Map<Follower, number>();
  for (const { follower } of viewers) {
    follower.viewer.ended.then(() => endedAtMs.set(follower, Date.now()));
  }
  const answer = await node.fetchApi("nodes/h/restart", "POST");
  assertEquals([answer.status, await answer.text()], [202, ""]);
  await node.waitForLog("all are replaced", ({ message }) => message === "workers restarted");
  assertEquals(replaced(node).map(({ worker }) => worker), [0, 1]);

  // Whoever watched on the second worker what was published there noticed nothing of the first.
  const firstAtMs = replaced(node)[0].atMs;
  const stayed = viewers.filter(({ worker }, at) => {
    return worker === "h.1" && publishedOn[at % STREAMS] === "h.1";
  });
  assert(stayed.length > 0);
  for (const { follower } of stayed) {
    const atMs = endedAtMs.get(follower) ?? Infinity;
    assert(atMs >= firstAtMs - CLOCK_MS, `ended ${firstAtMs - atMs} ms before`);
  }
  for (const { follower: { check } } of viewers) assertEquals([check.lost, check.doubled], [0, 0]);

  const again = await publishNumbered(node, "live/again");
  using late = await follow(node, "rtmp", "live/again");
  await untilPlaying(late);
  await Promise.all([again, ...streams].map((stream) => stream.stop()));
  assertEquals((await node.fetchApi("nodes/nobody/restart", "POST")).status, 404);
}));

/** The workers that were replaced, in that order. */
function replaced(node: TestNode): { readonly worker: number; readonly atMs: number }[] {
  return node.logs().filter(({ message }) => message === "worker replaced")
    .map(({ worker, time }) => ({ worker: worker as number, atMs: Date.parse(time as string) }));
}

Deno.test(endToEnd("a stream's copy is on another host, not on another worker", {
  needs: ["redis"],
}, async () => {
  await using mesh = await startMesh(["a", "b"], ["--workers", "2"]);
  const [a] = mesh.nodes;
  for (let at = 0; at < 4; at++) {
    const path = `live/copy${at}`;
    const publisher = await publishNumbered(a, path);
    const standby = await eventually("another node gets the stream", async () => {
      const { edges } = await a.api<{ edges: { node: string }[] }>(`streams/${path}`);
      return edges.length > 0 && edges.map(({ node }) => node);
    });
    assert(standby.some((name) => name.startsWith("b.")), `${path}: ${standby}`);
    await publisher.end();
  }
}));
