/**
 * The viewers of one encoding that are in step: they have all there is, and their sockets are free.
 *
 * A flush hands them all the same bytes in one walk over {@link Lanes}, and asks none of them. Who
 * falls behind, is told something or wants something else leaves, and is asked again from then on.
 *
 * @module
 */
import type { Lanes } from "./lanes.ts";

/** What is fanned out: bytes that grow at their end. */
export interface FanOutSource {
  /** Offset after the last byte made. */
  readonly end: number;
  /** Bytes from `position` on, possibly not up to the end; `undefined` when they are gone. */
  read(position: number): Uint8Array | undefined;
}

export class FanOut {
  readonly #source: FanOutSource;
  readonly #members: number[] = [];
  /** Whose numbers the members are. */
  #lanes: Lanes | undefined;
  /** What all of them were given reaches here. */
  #position = 0;

  constructor(source: FanOutSource) {
    this.#source = source;
  }

  /** Offset up to which those in step were given everything. */
  get position(): number {
    return this.#position;
  }

  /**
   * Takes in a lane that was given everything and has nothing outstanding.
   *
   * @returns False when those in step are not there yet: after the next flush they are.
   */
  enter(lanes: Lanes, lane: number): boolean {
    const { end } = this.#source;
    if (this.#members.length === 0) {
      this.#position = end;
      this.#lanes = lanes;
    } else if (this.#position !== end || this.#lanes !== lanes) return false;
    lanes.places[lane] = this.#members.length;
    this.#members.push(lane);
    lanes.enterStep(lane);
    return true;
  }

  /** Lets a lane go. */
  leave(lane: number): void {
    const lanes = this.#lanes!;
    const place = lanes.places[lane];
    const last = this.#members.pop()!;
    if (last !== lane) {
      this.#members[place] = last;
      lanes.places[last] = place;
    }
    lanes.leaveStep(lane);
  }

  /** Gives all of them what was made since; those that cannot take it now leave. */
  flush(): void {
    const { end } = this.#source;
    if (this.#members.length === 0 || this.#position === end) return;
    const bytes = this.#source.read(this.#position);
    // What is gone, or takes several writes, is a matter between each viewer and its socket.
    if (bytes === undefined || this.#position + bytes.length !== end) return this.dissolve();
    this.#lanes!.writeInStep(this.#members, bytes);
    this.#position = end;
  }

  /** Sends all of them their own way. */
  dissolve(): void {
    for (let i = this.#members.length - 1; i >= 0; i--) this.#lanes!.sendOff(this.#members[i]);
  }
}
