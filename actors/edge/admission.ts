/**
 * Who may connect: counts client connections of all protocols and refuses beyond the limits.
 *
 * @module
 */

/** Why something was refused; also a metric's label. */
export type Refusal =
  | "max-connections"
  | "draining"
  | "bad-name"
  | "busy"
  | "full"
  | "not-found"
  | "unauthorized"
  | "protocol-error";

export class Admission {
  readonly #connectionsMax: number;
  readonly refused: Record<Refusal, number> = {
    "max-connections": 0,
    draining: 0,
    "bad-name": 0,
    busy: 0,
    full: 0,
    "not-found": 0,
    unauthorized: 0,
    "protocol-error": 0,
  };
  readonly connections = { rtmp: 0, http: 0 };
  /** Takes nobody new; those who are here may stay. */
  draining = false;

  /** @param connectionsMax Most connections at a time, all protocols together. */
  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  get size(): number {
    return this.connections.rtmp + this.connections.http;
  }

  /** Counts one connection in; a refusal when it must be closed at once. */
  enter(protocol: "rtmp" | "http"): Refusal | undefined {
    if (this.size >= this.#connectionsMax) return this.refuse("max-connections");
    this.connections[protocol]++;
    return undefined;
  }

  leave(protocol: "rtmp" | "http"): void {
    this.connections[protocol]--;
  }

  /** Counts a refusal and returns it. */
  refuse(reason: Refusal): Refusal {
    this.refused[reason]++;
    return reason;
  }
}
