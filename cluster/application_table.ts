/**
 * The applications of a node: the flags as the defaults, and what the file says of each.
 *
 * @module
 */
import {
  ACCESS_PROTOCOLS,
  type ApplicationSettings,
  type ApplicationTable,
} from "../actors/edge/application.ts";
import type { GivenConfig, GivenOptions } from "./config.ts";

/** The options that are settings of applications: a change needs no restart. */
export const APPLICATION_OPTIONS = [
  "playWaitMs",
  "holdMs",
  "publishTakeover",
  "hlsSegmentMs",
  "hlsPartMs",
  "hlsWindow",
] as const satisfies readonly (keyof GivenOptions)[];

/** What every application has where the file says nothing of it. */
export function applicationDefaults(options: GivenOptions): ApplicationSettings {
  const { playWaitMs, holdMs, publishTakeover } = options;
  return {
    protocols: { publish: ACCESS_PROTOCOLS, play: ACCESS_PROTOCOLS },
    users: [],
    rtmpChallenge: false,
    playWaitMs,
    holdMs,
    publishTakeover,
    publishBackup: false,
    hls: {
      segmentUs: options.hlsSegmentMs * 1000,
      partUs: options.hlsPartMs * 1000,
      windowSegments: options.hlsWindow,
    },
    limits: {},
  };
}

/** The table that a configuration means. */
export function applicationTable(config: GivenConfig): ApplicationTable {
  return { defaults: applicationDefaults(config), named: config.applications };
}
