/**
 * Bounds on what the clients of a node may do, from its configuration.
 *
 * @module
 */

/** Bounds of the node; those of an application, where it has any, stand in front of them. */
export interface EdgeLimits {
  /** Streams that one connection may publish at a time. */
  readonly publishesMax: number;
  /** Time for a handshake and connect, or for a request, in milliseconds. */
  readonly handshakeMs: number;
  /**
   * How long a connection is kept that does nothing, in milliseconds: an RTMP client that neither
   * publishes nor plays, an HTTP client between two requests.
   */
  readonly idleMs: number;
  /** How long a publisher may send no frame, in milliseconds. */
  readonly publishSilenceMs: number;
  /** Longest head of a request, in bytes. */
  readonly headBytesMax: number;
  /** Most bits per second of a publisher whose application says nothing. */
  readonly publishBitsPerSecondMax: number;
  /** Largest frame of such a publisher, in bytes. */
  readonly frameBytesMax: number;
}
