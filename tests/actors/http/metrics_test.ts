// Goal: a scrape is well formed, tells the snapshot's numbers in base units, and stays small.
import { createHostMetrics, createMetrics } from "../../../actors/http/metrics.ts";
import {
  LABEL_VALUES_MAX,
  type MetricsSnapshot,
  type ProcessUsage,
} from "../../../actors/http/metrics_source.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { EVENT_KINDS } from "../../../actors/http/node_view.ts";
import { parseExposition } from "./exposition.ts";
import { readmeWithMetrics } from "./readme_metrics.ts";

const SNAPSHOT: MetricsSnapshot = {
  connections: { rtmp: 3, http: 9 },
  publishers: { rtmp: 1 },
  viewers: { rtmp: 2, "http-flv": 6, "ws-flv": 1 },
  streams: { live: 1, hold: 0, idle: 2 },
  backups: 2,
  switches: { lost: 3, asked: 1 },
  bytesIn: { rtmp: 1_000_000_000_000 },
  bytesOut: { rtmp: 5, "http-flv": 7 },
  framesIn: 123_456,
  linkFramesIn: 500,
  linkBytesIn: 70_000,
  linkJumpsIn: 3,
  hlsFetches: 21,
  hlsFetchedBytes: 90_001,
  hlsFetchesShared: 17,
  links: {
    bytesIn: { b: 1_000, c: 5 },
    bytesOut: { b: 2_000, c: 6 },
    framesIn: { b: 10, c: 1 },
    framesOut: { b: 20, c: 2 },
    rttMs: { b: 1.5, c: 0 },
    streamsIn: { b: 4, c: 0 },
    streamsOut: { b: 1, c: 7 },
    creditStalls: { b: 0, c: 3 },
    jumps: { b: 0, c: 2 },
  },
  lateJumps: 4,
  viewersTimedOut: 2,
  repairs: { wrap: 1, jump: 3 },
  refused: { "stream-not-found": 8 },
  flushWindowMs: 20,
  loopLatenessMs: { p50: 0.5, p99: 12 },
  mediaMemory: { usedBytes: 1_048_576, limitBytes: 536_870_912 },
  mailboxRefusals: { stream: 1 },
  actors: 12,
  timers: 34,
  redisOk: true,
};

const USAGE: ProcessUsage = {
  userCpuSeconds: 1.5,
  systemCpuSeconds: 0.25,
  residentBytes: 80_000_000,
  heapUsedBytes: 20_000_000,
  startSeconds: 1_795_000_000,
};

async function scrape(change: Partial<MetricsSnapshot> = {}) {
  const source = { snapshot: () => ({ ...SNAPSHOT, ...change }) };
  const { contentType, body } = await createMetrics(source, () => USAGE)();
  assertEquals(contentType, "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(body);
}

function values(families: Awaited<ReturnType<typeof scrape>>, name: string) {
  const samples = families.get(name)?.samples ?? [];
  return Object.fromEntries(
    samples.map(({ labels, value }) => [Object.values(labels).join(), value]),
  );
}

const EXPECTED: Record<string, Record<string, number>> = {
  headwater_connections: { rtmp: 3, http: 9 },
  headwater_publishers: { rtmp: 1 },
  headwater_viewers: { rtmp: 2, "http-flv": 6, "ws-flv": 1 },
  headwater_switches_total: { lost: 3, asked: 1 },
  headwater_backups: { "": 2 },
  headwater_streams: { live: 1, hold: 0, idle: 2 },
  headwater_received_bytes_total: { rtmp: 1_000_000_000_000 },
  headwater_sent_bytes_total: { rtmp: 5, "http-flv": 7 },
  headwater_received_frames_total: { "": 123_456 },
  headwater_edge_received_frames_total: { "": 500 },
  headwater_edge_received_bytes_total: { "": 70_000 },
  headwater_edge_jumps_total: { "": 3 },
  headwater_hls_fetches_total: { "": 21 },
  headwater_hls_fetched_bytes_total: { "": 90_001 },
  headwater_hls_fetches_shared_total: { "": 17 },
  headwater_link_received_bytes_total: { b: 1_000, c: 5 },
  headwater_link_sent_bytes_total: { b: 2_000, c: 6 },
  headwater_link_received_frames_total: { b: 10, c: 1 },
  headwater_link_sent_frames_total: { b: 20, c: 2 },
  headwater_link_rtt_seconds: { b: 0.0015, c: 0 },
  headwater_link_streams_received: { b: 4, c: 0 },
  headwater_link_streams_sent: { b: 1, c: 7 },
  headwater_link_credit_stalls_total: { b: 0, c: 3 },
  headwater_link_jumps_total: { b: 0, c: 2 },
  headwater_late_jumps_total: { "": 4 },
  headwater_viewer_timeouts_total: { "": 2 },
  headwater_repairs_total: { wrap: 1, jump: 3 },
  headwater_refused_total: { "stream-not-found": 8 },
  headwater_flush_window_seconds: { "": 0.02 },
  headwater_loop_lateness_p50_seconds: { "": 0.0005 },
  headwater_loop_lateness_p99_seconds: { "": 0.012 },
  headwater_media_memory_used_bytes: { "": 1_048_576 },
  headwater_media_memory_limit_bytes: { "": 536_870_912 },
  headwater_mailbox_refusals_total: { stream: 1 },
  headwater_actors: { "": 12 },
  headwater_timers: { "": 34 },
  headwater_redis_ok: { "": 1 },
  process_cpu_user_seconds_total: { "": 1.5 },
  process_cpu_system_seconds_total: { "": 0.25 },
  process_cpu_seconds_total: { "": 1.75 },
  process_resident_memory_bytes: { "": 80_000_000 },
  headwater_heap_used_bytes: { "": 20_000_000 },
  process_start_time_seconds: { "": 1_795_000_000 },
};

Deno.test("createMetrics() tells every number of the snapshot, and no other", async () => {
  const families = await scrape();
  assertEquals(new Set(families.keys()), new Set(Object.keys(EXPECTED)));
  for (const [name, numbers] of Object.entries(EXPECTED)) {
    assertEquals(values(families, name), numbers, name);
  }
});

Deno.test("createMetrics() names counters _total, gives units and explains", async () => {
  for (const [name, { type, help }] of await scrape()) {
    assertEquals(type === "counter", name.endsWith("_total"), name);
    assert(help.length > 20, `${name}: ${help}`);
    assert(!/_(ms|kb|us|milliseconds)(_|$)/.test(name), name);
  }
});

Deno.test("createMetrics() follows the snapshot from scrape to scrape", async () => {
  let viewers: Record<string, number> = { rtmp: 5 };
  let lateJumps = 4;
  const source = { snapshot: () => ({ ...SNAPSHOT, viewers, lateJumps }) };
  const metrics = createMetrics(source, () => USAGE);
  await metrics();
  viewers = { "http-flv": 1 };
  lateJumps = 9;
  const families = parseExposition((await metrics()).body);
  assertEquals(values(families, "headwater_viewers"), { "http-flv": 1 });
  assertEquals(values(families, "headwater_late_jumps_total"), { "": 9 });
});

Deno.test("createMetrics() gives each of two scrapes at once its own snapshot", async () => {
  let framesIn = 0;
  const metrics = createMetrics({ snapshot: () => ({ ...SNAPSHOT, framesIn: ++framesIn }) });
  const bodies = (await Promise.all([metrics(), metrics()])).map(({ body }) => body);
  const seen = bodies.map((body) =>
    values(parseExposition(body), "headwater_received_frames_total")
  );
  assertEquals(seen, [{ "": 1 }, { "": 2 }]);
});

Deno.test("createMetrics() answers although a number is odd", async () => {
  const families = await scrape({
    loopLatenessMs: { p50: NaN, p99: Infinity },
    framesIn: -1,
    repairs: { wrap: NaN },
  });
  assertEquals(values(families, "headwater_loop_lateness_p50_seconds"), { "": 0 });
  assertEquals(values(families, "headwater_loop_lateness_p99_seconds"), { "": 0 });
  assertEquals(values(families, "headwater_received_frames_total"), { "": 0 });
  assertEquals(values(families, "headwater_repairs_total"), { wrap: 0 });
});

Deno.test("createMetrics() keeps odd label values apart and escaped", async () => {
  const refused = { 'a"b': 1, "a\\b": 2, "a\nb": 3, "a,b": 4, "a}b": 5, "a:b": 6, "": 7 };
  assertEquals(values(await scrape({ refused }), "headwater_refused_total"), refused);
});

Deno.test("createMetrics() sums the label values past its limit", async () => {
  const refused = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`reason-${i}`, 2]));
  const shown = values(await scrape({ refused }), "headwater_refused_total");
  assertEquals(Object.keys(shown).length, LABEL_VALUES_MAX);
  assertEquals(shown.other, (500 - LABEL_VALUES_MAX + 1) * 2);
});

Deno.test("createMetrics() reads this process without further permissions", async () => {
  const { body } = await createMetrics({ snapshot: () => SNAPSHOT })();
  const families = parseExposition(body);
  const of = (name: string) => families.get(name)?.samples[0].value ?? 0;
  assert(of("process_resident_memory_bytes") > 1e7);
  assert(of("headwater_heap_used_bytes") > 1e6);
  assert(of("process_cpu_seconds_total") > 0.01);
  assert(of("process_start_time_seconds") > 1.7e9);
});

Deno.test("parseExposition() refuses what is not the format", () => {
  const head = "# HELP a Words.\n# TYPE a gauge\n";
  assertEquals(parseExposition(`${head}a{b="c"} 1\n`).size, 1);
  const broken = ["a 1", "a 1\n# TYPE a gauge\n", `${head}b 1\n`, `${head}a Nan\n`];
  broken.push(`${head}a 1\na 1\n`, `${head}a{b=c} 1\n`, `${head}a{b="c} 1\n`, `${head}a  1\n`);
  broken.push(`${head}a{b="c",b="d"} 1\n`, `${head}${head}`, `${head}a{b="\\q"} 1\n`);
  for (const text of broken) assertThrows(() => parseExposition(text), Error);
});

Deno.test("createHostMetrics() sums what is there, and tells counters of each worker apart", async () => {
  const part = (worker: string, change: Partial<MetricsSnapshot> = {}) => {
    return { worker, snapshot: { ...SNAPSHOT, ...change }, usage: USAGE };
  };
  const parts = [part("h.0"), part("h.1", { viewers: { rtmp: 1, rtsp: 4 }, lateJumps: 9 })];
  const families = parseExposition((await createHostMetrics(() => Promise.resolve(parts))()).body);
  assertEquals(new Set(families.keys()), new Set(Object.keys(EXPECTED)));
  assertEquals(values(families, "headwater_viewers"), {
    rtmp: 3,
    "http-flv": 6,
    "ws-flv": 1,
    rtsp: 4,
  });
  assertEquals(values(families, "headwater_media_memory_limit_bytes"), { "": 1_073_741_824 });
  assertEquals(values(families, "headwater_late_jumps_total"), { "h.0": 4, "h.1": 9 });
  assertEquals(values(families, "headwater_sent_bytes_total"), {
    "rtmp,h.0": 5,
    "http-flv,h.0": 7,
    "rtmp,h.1": 5,
    "http-flv,h.1": 7,
  });
  for (const name of ["headwater_flush_window_seconds", "process_resident_memory_bytes"]) {
    assertEquals(Object.keys(values(families, name)), ["h.0", "h.1"]);
  }
});

Deno.test("README.md has the table of metrics that a scrape gives", () => {
  const readme = Deno.readTextFileSync(new URL("../../../README.md", import.meta.url));
  assertEquals(
    readme,
    readmeWithMetrics(readme),
    "deno run --allow-read --allow-write=README.md tests/actors/http/readme_metrics.ts",
  );
});

Deno.test("README.md says of every event what to do", () => {
  const readme = Deno.readTextFileSync(new URL("../../../README.md", import.meta.url));
  for (const kind of EVENT_KINDS) assert(readme.includes(`| \`${kind}\``), kind);
});
