/**
 * Which nodes something ails, and until when: of the others nothing may be taken.
 *
 * @module
 */
import type { Action } from "./schedule.ts";

/** What ailed a node may show for this long after it is over, in milliseconds. */
const ECHO_MS = 6_000;

export class Troubles {
  readonly #names: readonly string[];
  readonly #untilMs = new Map<string, number>();

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Something happens at `nowMs`. */
  note(action: Action, nowMs: number): void {
    const spanMs = "forMs" in action ? action.forMs : 0;
    for (const node of this.#ailedBy(action)) {
      const untilMs = Math.max(this.#untilMs.get(node) ?? 0, nowMs + spanMs + ECHO_MS);
      this.#untilMs.set(node, untilMs);
    }
  }

  /** Whether something ails a node, or did a moment ago. */
  ails(node: string, nowMs: number): boolean {
    return nowMs < (this.#untilMs.get(node) ?? 0);
  }

  #ailedBy(action: Action): readonly string[] {
    switch (action.kind) {
      // These must do no harm to anybody: nobody can tell the directory anything.
      case "directory-stall":
      case "directory-away":
      case "directory-wipe":
      case "failover":
      // These are no fault of a node.
      case "move":
      case "republish":
      case "zap":
      case "wall-jump":
        return [];
      case "split":
      case "usurp":
      case "directory-lossy":
      case "directory-crawl":
        return this.#names;
      default:
        return "peer" in action ? [action.node, action.peer] : [action.node];
    }
  }
}
