/**
 * Who may connect: counts client connections of all protocols and refuses beyond the limits.
 *
 * @module
 */
import { addressKey } from "./address_key.ts";

/** Why something was refused or sent away; also a metric's label. */
export const REFUSALS = [
  "max-connections",
  "max-connections-per-address",
  "application-connections",
  "application-streams",
  "max-publishes",
  "moved",
  "bit-rate",
  "frame-size",
  "head-size",
  "handshake-timeout",
  "idle-timeout",
  "publish-timeout",
  "slow-reader",
  "draining",
  "bad-name",
  "busy",
  "backed-up",
  "full",
  "not-found",
  "unauthorized",
  "tls-handshake",
  "protocol-error",
] as const;
export type Refusal = typeof REFUSALS[number];

/** What clients connect to. */
export const LISTENER_PROTOCOLS = ["rtmp", "rtsp", "http", "rtmps", "rtsps", "https"] as const;
export type ListenerProtocol = typeof LISTENER_PROTOCOLS[number];

export interface AdmissionLimits {
  /** Most connections at a time, all protocols together. */
  readonly connectionsMax: number;
  /** Most of them from one address, see `address_key.ts`. */
  readonly perAddressMax: number;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  /** Connections by address; at most `connectionsMax` entries. */
  readonly #byAddress = new Map<string, number>();
  readonly refused = Object.fromEntries(
    REFUSALS.map((reason) => [reason, 0]),
  ) as Record<Refusal, number>;
  readonly connections = Object.fromEntries(
    LISTENER_PROTOCOLS.map((protocol) => [protocol, 0]),
  ) as Record<ListenerProtocol, number>;
  #size = 0;
  /** Takes nobody new; those who are here may stay. */
  draining = false;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Counts one connection in; a refusal when it must be closed at once.
   *
   * @param hostname The client's address.
   */
  enter(protocol: ListenerProtocol, hostname: string): Refusal | undefined {
    if (this.size >= this.#limits.connectionsMax) return this.refuse("max-connections");
    const key = addressKey(hostname);
    const present = this.#byAddress.get(key) ?? 0;
    if (present >= this.#limits.perAddressMax) return this.refuse("max-connections-per-address");
    this.#byAddress.set(key, present + 1);
    this.connections[protocol]++;
    this.#size++;
    return undefined;
  }

  /** One that was let in has left. */
  leave(protocol: ListenerProtocol, hostname: string): void {
    this.connections[protocol]--;
    this.#size--;
    const key = addressKey(hostname);
    const present = this.#byAddress.get(key) ?? 0;
    if (present > 1) this.#byAddress.set(key, present - 1);
    else this.#byAddress.delete(key);
  }

  /** Counts a refusal and returns it. */
  refuse(reason: Refusal): Refusal {
    this.refused[reason]++;
    return reason;
  }
}
