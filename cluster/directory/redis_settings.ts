/**
 * How the Redis client is set up, for each way to reach Redis.
 *
 * The point of all settings: a call is answered soon or fails soon, and what failed is not sent
 * again behind our back. The caller knows what a late repetition would do, the client does not.
 *
 * @module
 */
import type { ClusterOptions, RedisOptions } from "ioredis";
import type { RedisTarget } from "./redis_url.ts";

/** Longest wait for an answer unless told otherwise, in milliseconds; a healthy Redis takes 1. */
export const CALL_MS = 300;

/** Longest wait for a connection, in milliseconds. */
const CONNECT_MS_MAX = 500;

/**
 * A connection whose commands stay unanswered for this long, in milliseconds, is replaced: the
 * host may be gone without a word.
 */
const DEAF_MS_MAX = 1_000;

/** Longest wait for the goodbye of a closed connection, in milliseconds. */
const GOODBYE_MS_MAX = 200;

/** When the kernel begins to probe an idle connection, in milliseconds. */
const KEEP_ALIVE_MS = 10_000;

/** Wait before the n-th new attempt to connect: 50 ms more each time, half a second at most. */
const RETRY_STEP_MS = 50;
const RETRY_MS_MAX = 500;

/** Redirections within a Cluster that one call may follow, and the wait between some of them. */
const REDIRECTIONS_MAX = 5;
const REDIRECTION_WAIT_MS = 50;

/** What all connections share. */
export interface ClientContext {
  /** Longest wait for an answer, in milliseconds. */
  readonly callMs: number;
  /** Certificates of authorities, PEM, in place of the system's. */
  readonly ca: string | undefined;
  /** A number from 0 to 1: nodes must not come back all at once. */
  readonly chance: () => number;
}

/** For a single server, or for the master that sentinels name. */
export function clientOptions(
  target: RedisTarget & { mode: "single" | "sentinel" },
  context: ClientContext,
): RedisOptions {
  const common = { ...connectionOptions(target, context), db: target.db };
  if (target.mode === "single") return { ...common, ...target.hosts[0] };
  return {
    ...common,
    sentinels: [...target.hosts],
    name: target.name,
    sentinelUsername: target.sentinel.username,
    sentinelPassword: target.sentinel.password,
    sentinelRetryStrategy: retryDelay(context),
    sentinelCommandTimeout: CONNECT_MS_MAX,
    ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(context) } : {}),
  };
}

/** For a Redis Cluster; the hosts of the URL lead to the others. */
export function clusterOptions(
  target: RedisTarget & { mode: "cluster" },
  context: ClientContext,
): ClusterOptions {
  return {
    redisOptions: connectionOptions(target, context),
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelay(context),
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnFailover: REDIRECTION_WAIT_MS,
    retryDelayOnClusterDown: REDIRECTION_WAIT_MS,
    retryDelayOnTryAgain: REDIRECTION_WAIT_MS,
    slotsRefreshTimeout: CONNECT_MS_MAX,
    shardedSubscribers: true,
    // Names stay names: a certificate is for them, and connecting resolves them anyway.
    dnsLookup: (address, callback) => callback(null, address),
  };
}

function connectionOptions(target: RedisTarget, context: ClientContext): RedisOptions {
  return {
    username: target.username,
    password: target.password,
    ...(target.tls ? { tls: tlsOptions(context) } : {}),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false, // We do it ourselves: the client lets go of a promise there.
    commandTimeout: context.callMs,
    connectTimeout: CONNECT_MS_MAX,
    socketTimeout: Math.max(DEAF_MS_MAX, context.callMs),
    disconnectTimeout: GOODBYE_MS_MAX,
    keepAlive: KEEP_ALIVE_MS,
    retryStrategy: retryDelay(context),
    // A master that has become a replica keeps its connections: find the new one.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    disableClientInfo: true, // It would read a file of the package, which nobody allowed it.
  };
}

function tlsOptions({ ca }: ClientContext): { ca?: string } {
  return ca === undefined ? {} : { ca };
}

function retryDelay({ chance }: ClientContext): (attempt: number) => number {
  return (attempt) => Math.min(RETRY_STEP_MS * attempt, RETRY_MS_MAX) * (0.75 + chance() / 4);
}
