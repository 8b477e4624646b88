/**
 * What a membership needs of its node.
 *
 * @module
 */
import type { Ports } from "../../actors/runtime/ports.ts";
import type { Directory, LoadReport, Member } from "../directory/directory.ts";

/** A node as it introduces itself; the directory gives the incarnation. */
export type Introduction = Omit<Member, "incarnation" | "state">;

export interface MembershipOptions {
  readonly directory: Directory;
  readonly ports: Ports;
  readonly self: Introduction;
  /** What to report with the next renewal. */
  readonly load: () => LoadReport;
  /** How late the event loop is of late, in milliseconds. */
  readonly latenessMs: () => number;
  /** This incarnation is dead: whatever it owned is not ours any more. Awaited before rejoining. */
  readonly onFenced: () => void | Promise<void>;
  /** The directory lost its data: what this incarnation owns must be written again. */
  readonly onReassert: () => void | Promise<void>;
  /** This node stood still for so long that others may have taken its place. */
  readonly onJump: (ms: number) => void;
}
