/**
 * Lanes: what a flush touches of each connection, side by side in a few arrays.
 *
 * A thousand connections' objects lie scattered over the heap, and a flush that visits them all
 * waits for memory most of its time. So the little that one write needs stands here, by lane
 * number: whether the socket is free, what it was given, what it took. A lane whose viewer is in
 * step with others (see `fan_out.ts`) is served from here alone; its owner hears of nothing.
 *
 * @module
 */

/** The socket of a lane, such as a `Deno.Conn`. */
export interface LaneSocket {
  /** Resolves with how many bytes were taken, rejects when none will be. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Whose socket it is. */
export interface LaneOwner {
  /** All of the last write was taken, and the lane is not in step: it is the owner's turn. */
  wrote(): void;
  /** The socket takes no more. */
  fail(reason: string): void;
  /** The lane is in step and cannot remain so: its viewer is to go its own way. */
  leaveStep(): void;
}

/** A write is outstanding. */
const WRITING = 1;
/** Its viewer has all there is, and gets what comes next together with the others. */
const IN_STEP = 2;
/** Its owner is done with it; it is free once nothing is outstanding. */
const CLOSED = 4;

const LANES_AT_FIRST = 64;

/**
 * Writes begun in one turn of the event loop. The runtime gives a turn 128 operations (tokio's
 * budget of a task); each beyond that is tried in vain, kept and tried again, which costs a
 * quarter more. The rest is left to what is read meanwhile.
 */
const WRITES_A_TURN = 100;

const NOTHING = new Uint8Array(0);

/** Bytes of all connections of one protocol since the start. */
export interface Traffic {
  in: number;
  out: number;
}

/** The lanes of all connections of one protocol, and the bytes that passed. */
export class Lanes implements Traffic {
  #flags = new Uint8Array(LANES_AT_FIRST);
  #bytesOut = new Float64Array(LANES_AT_FIRST);
  /** Place of a lane that is in step among those with it; kept by the fan-out. */
  places = new Uint32Array(LANES_AT_FIRST);
  readonly #sockets: LaneSocket[] = [];
  readonly #owners: LaneOwner[] = [];
  /** The outstanding write, or the last one. */
  readonly #writes: Uint8Array[] = [];
  readonly #onWritten: ((bytes: number) => void)[] = [];
  readonly #onFailed: ((error: unknown) => void)[] = [];
  readonly #free: number[] = [];
  readonly #soon: (callback: () => void) => void;
  /** Writes begun since the last turn that was counted. */
  #begun = 0;
  /** Lanes whose write is to begin in the next turns, and how many of them did. */
  readonly #queue: number[] = [];
  #queueAt = 0;
  /** Kept by whoever reads the sockets. */
  in = 0;
  out = 0;

  /** @param soon Calls back in a later turn of the event loop; without it all writes begin at once. */
  constructor(soon?: (callback: () => void) => void) {
    this.#soon = soon ?? ((callback) => callback());
  }

  /** A lane for a connection; give it back with {@link close}. */
  open(socket: LaneSocket, owner: LaneOwner): number {
    const lane = this.#free.pop() ?? this.#grow();
    this.#flags[lane] = this.#bytesOut[lane] = 0;
    this.#sockets[lane] = socket;
    this.#owners[lane] = owner;
    this.#writes[lane] = NOTHING;
    // Made once per connection: a write must not cost a closure. They know the number alone, for
    // whatever else they knew would be fetched from far away when a write is done.
    this.#onWritten[lane] = (bytes) => {
      this.#bytesOut[lane] += bytes;
      this.out += bytes;
      const all = bytes === this.#writes[lane].length;
      if (all && this.#flags[lane] === (WRITING | IN_STEP)) this.#flags[lane] = IN_STEP;
      else this.#settle(lane, bytes);
    };
    this.#onFailed[lane] = (error) => this.#fail(lane, error);
    return lane;
  }

  /** Gives a lane back; its owner hears of nothing any more. It must not be in step. */
  close(lane: number): void {
    this.#flags[lane] |= CLOSED;
    if (!this.writing(lane)) this.#release(lane);
  }

  /** Entries of the queue, those that had their turn included: a small multiple of the lanes. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Bytes the lane's socket took. */
  bytesOut(lane: number): number {
    return this.#bytesOut[lane];
  }

  /** A write is outstanding. */
  writing(lane: number): boolean {
    return (this.#flags[lane] & WRITING) !== 0;
  }

  inStep(lane: number): boolean {
    return (this.#flags[lane] & IN_STEP) !== 0;
  }

  /** Writes to a lane with nothing outstanding; tells its owner later, never before it returns. */
  write(lane: number, bytes: Uint8Array): void {
    this.#flags[lane] |= WRITING;
    this.#writes[lane] = bytes;
    if (this.#begun < WRITES_A_TURN) this.#begin(lane);
    else this.#queue.push(lane);
  }

  /** Writes to all of `lanes`, which are in step; those not done with the last write leave it. */
  writeInStep(lanes: readonly number[], bytes: Uint8Array): void {
    // Backwards: one that leaves is replaced by the last, which had its turn.
    for (let i = lanes.length - 1; i >= 0; i--) {
      const lane = lanes[i];
      if (this.#flags[lane] === IN_STEP) this.write(lane, bytes);
      else this.#owners[lane].leaveStep();
    }
  }

  /** A lane with nothing outstanding comes into step. */
  enterStep(lane: number): void {
    this.#flags[lane] = IN_STEP;
  }

  /** A lane is its owner's again, who is told when an outstanding write is done. */
  leaveStep(lane: number): void {
    this.#flags[lane] &= ~IN_STEP;
  }

  /** Tells the owner of a lane to leave step. */
  sendOff(lane: number): void {
    this.#owners[lane].leaveStep();
  }

  #begin(lane: number): void {
    this.#sockets[lane].write(this.#writes[lane]).then(this.#onWritten[lane], this.#onFailed[lane]);
    if (++this.#begun === WRITES_A_TURN) this.#soon(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#begun = 0;
    const queue = this.#queue;
    while (this.#queueAt < queue.length && this.#begun < WRITES_A_TURN) {
      const lane = queue[this.#queueAt++];
      if ((this.#flags[lane] & CLOSED) === 0) this.#begin(lane);
      else this.#release(lane);
    }
    // What had its turn goes: on a node that is never done, the queue would grow for ever.
    if (2 * this.#queueAt < queue.length) return;
    queue.copyWithin(0, this.#queueAt);
    queue.length -= this.#queueAt;
    this.#queueAt = 0;
  };

  /** Some of a write was taken, or all of one that does not go by itself. */
  #settle(lane: number, bytes: number): void {
    const rest = this.#writes[lane].subarray(bytes);
    if ((this.#flags[lane] & CLOSED) !== 0) return this.#release(lane);
    if (rest.length > 0) return this.write(lane, rest);
    this.#flags[lane] &= ~WRITING;
    this.#writes[lane] = NOTHING;
    this.#owners[lane].wrote();
  }

  #fail(lane: number, error: unknown): void {
    if ((this.#flags[lane] & CLOSED) !== 0) return this.#release(lane);
    this.#flags[lane] &= ~WRITING;
    this.#owners[lane].fail(error instanceof Error ? error.message : String(error));
  }

  #release(lane: number): void {
    this.#owners[lane] = NOBODY;
    this.#sockets[lane] = NOWHERE;
    this.#writes[lane] = NOTHING;
    this.#free.push(lane);
  }

  #grow(): number {
    const lane = this.#sockets.length;
    if (lane < this.#flags.length) return lane;
    this.#flags = copyInto(new Uint8Array(lane * 2), this.#flags);
    this.#bytesOut = copyInto(new Float64Array(lane * 2), this.#bytesOut);
    this.places = copyInto(new Uint32Array(lane * 2), this.places);
    return lane;
  }
}

/** Owner and socket of a lane that nobody has. */
const NOBODY: LaneOwner = { wrote: () => {}, fail: () => {}, leaveStep: () => {} };
const NOWHERE: LaneSocket = { write: (bytes) => Promise.resolve(bytes.length) };

function copyInto<Array extends { set(from: Array): void }>(target: Array, from: Array): Array {
  target.set(from);
  return target;
}
