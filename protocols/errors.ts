/**
 * The one error that a parser throws when a peer broke the rules of its protocol.
 *
 * Input that merely ends too early is never an error: parsers return `undefined` for it.
 * A caller's own mistake is a `TypeError` or `RangeError`.
 *
 * @module
 */

/** Where a rule was broken. */
export interface ProtocolErrorOptions {
  /** The protocol's usual name: "RTMP", "FLV", "H.264". */
  readonly protocol: string;
  /** Section of the specification that states the rule, for example "5.3.1.2". */
  readonly section: string;
  /** Byte offset of the offending element within the input given to the parser. */
  readonly offset: number;
}

/** A peer sent bytes that its specification does not allow; ends that peer's connection only. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly protocol: string;
  readonly section: string;
  readonly offset: number;

  constructor(message: string, options: ProtocolErrorOptions) {
    super(message);
    this.protocol = options.protocol;
    this.section = options.section;
    this.offset = options.offset;
  }
}
