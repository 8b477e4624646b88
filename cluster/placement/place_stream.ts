/**
 * Where a stream that nobody owns should live.
 *
 * Pure: nodes with different views or loads merely choose differently, and the directory settles
 * it. A stream that has an owner is never placed again, whoever joins.
 *
 * @module
 */
import type { LoadReport, Member } from "../directory/directory.ts";
import { rankNodes } from "./rendezvous.ts";

/** Nodes considered for a stream: its owner, and two who stand in when that one is loaded. */
export const STREAM_CANDIDATES = 3;

/** A node with more than this many times its fair share of streams is passed over. */
export const LOAD_BOUND = 1.25;

/** What placement looks at. */
export interface PlaceStreamOptions {
  readonly key: string;
  readonly members: ReadonlyMap<string, Member>;
  readonly loads: ReadonlyMap<string, LoadReport>;
  /** Node whose socket the publisher is connected to, where there is one. */
  readonly ingest?: string;
  /** Nodes that were tried and could not be reached. */
  readonly avoid?: ReadonlySet<string>;
}

/** Whether a node may be given streams: it is not leaving, and edges own none. */
export function isPlaceable({ state, role }: Member): boolean {
  return state === "up" && role !== "edge";
}

/** The nodes that should have the stream, best first, at most `count`. */
export function streamCandidates(
  key: string,
  members: Iterable<Member>,
  count: number = STREAM_CANDIDATES,
): Member[] {
  return rankNodes(key, [...members].filter(isPlaceable), count);
}

/**
 * Chooses the node for a stream: the ingest's when it is among the candidates, as that saves a
 * hop; else the first candidate that is not loaded beyond {@link LOAD_BOUND}; else the first.
 *
 * @returns `undefined` when no member may own streams.
 */
export function placeStream(options: PlaceStreamOptions): string | undefined {
  const { key, members, loads, ingest, avoid } = options;
  const placeable = [...members.values()].filter((member) =>
    isPlaceable(member) && !avoid?.has(member.node)
  );
  const candidates = rankNodes(key, placeable, STREAM_CANDIDATES);
  if (candidates.some(({ node }) => node === ingest)) return ingest;
  const streamsOf = ({ node }: Member) => loads.get(node)?.streams ?? 0;
  // The stream to be placed counts, so that an empty mesh has room.
  const streams = placeable.reduce((sum, member) => sum + streamsOf(member), 1);
  const weights = placeable.reduce((sum, { weight }) => sum + Math.max(0, weight), 0);
  const bound = LOAD_BOUND * streams / weights;
  const chosen = candidates.find((member) => streamsOf(member) < bound * member.weight);
  return (chosen ?? candidates[0])?.node;
}
