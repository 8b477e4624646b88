/**
 * The metrics of a worker: names, units and what each tells.
 *
 * @module
 */
import type { ByLabel, MetricsSnapshot, ProcessUsage } from "./metrics_source.ts";

/** What a family of metrics is called. */
export interface Described {
  readonly type: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  /** A sum over the workers of a host would say nothing. */
  readonly perWorker?: boolean;
}

/** A family of one number. */
export interface Single<From> extends Described {
  read(from: From): number;
}

/** A family with a label. */
export interface Labelled extends Described {
  readonly label: string;
  read(snapshot: MetricsSnapshot): ByLabel;
}

/** Families of a worker's numbers with a label. */
export const LABELLED: readonly Labelled[] = [
  {
    type: "gauge",
    name: "headwater_connections",
    help: "Client connections that are open",
    label: "protocol",
    read: ({ connections }) => connections,
  },
  {
    type: "gauge",
    name: "headwater_publishers",
    help: "Publishers that are connected to this process",
    label: "protocol",
    read: ({ publishers }) => publishers,
  },
  {
    type: "gauge",
    name: "headwater_viewers",
    help: "Viewers that are connected to this process",
    label: "protocol",
    read: ({ viewers }) => viewers,
  },
  {
    type: "gauge",
    name: "headwater_streams",
    help: "Streams of this process: live with a publisher, hold while its return is awaited, " +
      "idle before the first",
    label: "state",
    read: ({ streams }) => streams,
  },
  {
    type: "counter",
    name: "headwater_switches_total",
    help: "Times that a stream owned by this process went over to its backup publisher",
    label: "reason",
    read: ({ switches }) => switches,
  },
  {
    type: "counter",
    name: "headwater_received_bytes_total",
    help: "Bytes read from client sockets",
    label: "protocol",
    read: ({ bytesIn }) => bytesIn,
  },
  {
    type: "counter",
    name: "headwater_sent_bytes_total",
    help: "Bytes written to client sockets",
    label: "protocol",
    read: ({ bytesOut }) => bytesOut,
  },
  {
    type: "counter",
    name: "headwater_repairs_total",
    help: "Faults in publishers' timestamps that were mended",
    label: "kind",
    read: ({ repairs }) => repairs,
  },
  {
    type: "counter",
    name: "headwater_refused_total",
    help: "Connections, publishers and viewers that were refused",
    label: "reason",
    read: ({ refused }) => refused,
  },
  {
    type: "counter",
    name: "headwater_mailbox_refusals_total",
    help: "Messages to actors that were refused because the mailbox was full",
    label: "actor",
    read: ({ mailboxRefusals }) => mailboxRefusals,
  },
  {
    type: "counter",
    name: "headwater_link_received_bytes_total",
    help: "Bytes that came over the links with another node",
    label: "peer",
    read: ({ links }) => links.bytesIn,
  },
  {
    type: "counter",
    name: "headwater_link_sent_bytes_total",
    help: "Bytes that went over the links with another node",
    label: "peer",
    read: ({ links }) => links.bytesOut,
  },
  {
    type: "counter",
    name: "headwater_link_received_frames_total",
    help: "Frames that came over the links with another node: media and messages",
    label: "peer",
    read: ({ links }) => links.framesIn,
  },
  {
    type: "counter",
    name: "headwater_link_sent_frames_total",
    help: "Frames that went over the links with another node: media and messages",
    label: "peer",
    read: ({ links }) => links.framesOut,
  },
  {
    type: "gauge",
    perWorker: true,
    name: "headwater_link_rtt_seconds",
    help: "Round-trip time to another node, smoothed; 0 until it is known",
    label: "peer",
    read: ({ links }) => inSeconds(links.rttMs),
  },
  {
    type: "gauge",
    name: "headwater_link_streams_received",
    help: "Streams that come from another node: one subscription each, however many watch",
    label: "peer",
    read: ({ links }) => links.streamsIn,
  },
  {
    type: "gauge",
    name: "headwater_link_streams_sent",
    help: "Streams that go to another node",
    label: "peer",
    read: ({ links }) => links.streamsOut,
  },
  {
    type: "counter",
    name: "headwater_link_credit_stalls_total",
    help: "Times a stream waited for another node to take more",
    label: "peer",
    read: ({ links }) => links.creditStalls,
  },
  {
    type: "counter",
    name: "headwater_link_jumps_total",
    help: "Times a stream to another node that was too far behind went on at a newer key frame",
    label: "peer",
    read: ({ links }) => links.jumps,
  },
];

/** Families of one number of a worker. */
export const SINGLE: readonly Single<MetricsSnapshot>[] = [
  {
    type: "counter",
    name: "headwater_received_frames_total",
    help: "Media frames taken from publishers",
    read: ({ framesIn }) => framesIn,
  },
  {
    type: "counter",
    name: "headwater_edge_received_frames_total",
    help: "Media frames of streams that came from other nodes",
    read: ({ linkFramesIn }) => linkFramesIn,
  },
  {
    type: "counter",
    name: "headwater_edge_received_bytes_total",
    help: "Payload bytes of streams that came from other nodes",
    read: ({ linkBytesIn }) => linkBytesIn,
  },
  {
    type: "counter",
    name: "headwater_edge_jumps_total",
    help: "Times such a stream went on at a newer key frame because records were left out",
    read: ({ linkJumpsIn }) => linkJumpsIn,
  },
  {
    type: "counter",
    name: "headwater_hls_fetches_total",
    help: "Playlists and segments of HLS that were fetched one by one from streams' owners",
    read: ({ hlsFetches }) => hlsFetches,
  },
  {
    type: "counter",
    name: "headwater_hls_fetched_bytes_total",
    help: "Bytes of the playlists and segments that were fetched",
    read: ({ hlsFetchedBytes }) => hlsFetchedBytes,
  },
  {
    type: "counter",
    name: "headwater_hls_fetches_shared_total",
    help: "Requests that took no fetch of their own: the file was kept, or on its way already",
    read: ({ hlsFetchesShared }) => hlsFetchesShared,
  },
  {
    type: "counter",
    name: "headwater_late_jumps_total",
    help: "Times a viewer that could not keep up was moved to the newest key frame",
    read: ({ lateJumps }) => lateJumps,
  },
  {
    type: "counter",
    name: "headwater_viewer_timeouts_total",
    help: "Viewers dropped because they took nothing, or next to nothing, for --viewer-timeout",
    read: ({ viewersTimedOut }) => viewersTimedOut,
  },
  {
    type: "gauge",
    name: "headwater_backups",
    help: "Publishers connected to this process that stand by as the backup of another one",
    read: ({ backups }) => backups,
  },
  {
    type: "gauge",
    perWorker: true,
    name: "headwater_flush_window_seconds",
    help: "How long frames are gathered before they are written to viewers; widens with load " +
      "unless --flush fixes it",
    read: ({ flushWindowMs }) => flushWindowMs / 1_000,
  },
  {
    type: "gauge",
    perWorker: true,
    name: "headwater_loop_lateness_p50_seconds",
    help: "How late the event loop ran its timers over the last seconds, median",
    read: ({ loopLatenessMs }) => loopLatenessMs.p50 / 1_000,
  },
  {
    type: "gauge",
    perWorker: true,
    name: "headwater_loop_lateness_p99_seconds",
    help: "How late the event loop ran its timers over the last seconds, 99th percentile; " +
      "steadily above 0.1 the process is overloaded",
    read: ({ loopLatenessMs }) => loopLatenessMs.p99 / 1_000,
  },
  {
    type: "gauge",
    name: "headwater_media_memory_used_bytes",
    help: "Memory that the logs and encoded pages of all streams hold",
    read: ({ mediaMemory }) => mediaMemory.usedBytes,
  },
  {
    type: "gauge",
    name: "headwater_media_memory_limit_bytes",
    help: "Most memory that they may hold (--media-memory)",
    read: ({ mediaMemory }) => mediaMemory.limitBytes,
  },
  {
    type: "gauge",
    name: "headwater_actors",
    help: "Actors that are awake; those that hear nothing for a while are forgotten",
    read: ({ actors }) => actors,
  },
  {
    type: "gauge",
    name: "headwater_timers",
    help: "Timers that were started and have neither fired nor been cancelled",
    read: ({ timers }) => timers,
  },
  {
    type: "gauge",
    name: "headwater_redis_ok",
    help: "1 while Redis answers; without it everything goes on as it is, so no reason to restart",
    read: ({ redisOk }) => redisOk ? 1 : 0,
  },
];

/**
 * prom-client's own default metrics are not used: without the right to read /proc they report a
 * resident memory of 0. These carry the names that dashboards know.
 */
export const PROCESS: readonly Single<ProcessUsage>[] = [
  {
    type: "counter",
    name: "process_cpu_user_seconds_total",
    help: "CPU time spent in the program itself",
    read: ({ userCpuSeconds }) => userCpuSeconds,
  },
  {
    type: "counter",
    name: "process_cpu_system_seconds_total",
    help: "CPU time the system spent for this process",
    read: ({ systemCpuSeconds }) => systemCpuSeconds,
  },
  {
    type: "counter",
    name: "process_cpu_seconds_total",
    help: "CPU time of this process, program and system together",
    read: (usage) => usage.userCpuSeconds + usage.systemCpuSeconds,
  },
  {
    type: "gauge",
    name: "process_resident_memory_bytes",
    help: "Memory that this process occupies",
    read: ({ residentBytes }) => residentBytes,
  },
  {
    type: "gauge",
    name: "headwater_heap_used_bytes",
    help: "JavaScript heap in use; media pages lie outside of it",
    read: ({ heapUsedBytes }) => heapUsedBytes,
  },
  {
    type: "gauge",
    name: "process_start_time_seconds",
    help: "When this process started, in seconds since 1970",
    read: ({ startSeconds }) => startSeconds,
  },
];

function inSeconds(ms: ByLabel): ByLabel {
  return Object.fromEntries(Object.entries(ms).map(([label, value]) => [label, value / 1_000]));
}
