/**
 * A strict reader of transport streams for the tests, with code of its own: continuity, clock,
 * tables and PES lengths as ISO/IEC 13818-1 and TR 101 290 want them.
 *
 * @module
 */

/** What a strict reader saw. */
export interface TsFindings {
  /** Every broken rule, in words. */
  readonly faults: string[];
  /** Packets with payload of each PID. */
  readonly packets: Map<number, number>;
  /** PIDs of packets in order. */
  readonly order: number[];
  /** PCRs in seconds. */
  readonly pcrs: number[];
  /** PES packets of each PID. */
  readonly pes: Map<number, TsPes[]>;
}

export interface TsPes {
  readonly pts: number;
  readonly dts: number;
  readonly randomAccess: boolean;
  readonly payload: number[];
  /** Seconds of the last PCR before it. */
  readonly clock: number;
}

interface OpenPes {
  bytes: number[];
  randomAccess: boolean;
  clock: number;
}

/** Longest time between two PCRs that 13818-1 allows, in seconds, and what rounding may add. */
const PCR_DISTANCE_MAX = 0.1 + 1 / 45_000;

const AUDIO_AND_PRIVATE = (streamId: number) => streamId < 0xe0;

class Checker {
  readonly findings: TsFindings = {
    faults: [],
    packets: new Map(),
    order: [],
    pcrs: [],
    pes: new Map(),
  };
  readonly #counters = new Map<number, number>();
  readonly #open = new Map<number, OpenPes>();
  readonly #pmtPid = 0x1000;

  packet(p: Uint8Array, number: number): void {
    const fault = (text: string) => this.findings.faults.push(`packet ${number}: ${text}`);
    if (p[0] !== 0x47) return void fault("no sync byte");
    const pid = ((p[1] & 0x1f) << 8) + p[2];
    const control = (p[3] & 0x30) >> 4;
    const counter = p[3] & 15;
    const fieldBytes = control >= 2 ? p[4] + 1 : 0;
    const flags = fieldBytes > 1 ? p[5] : 0;
    if (p[1] & 0x80 || p[3] & 0xc0 || control === 0) fault("error, scrambled or reserved");
    if (pid === 0x1fff) fault("null packet");
    if (control === 2 && fieldBytes !== 184) fault("adaptation field does not fill the packet");
    if (control === 3 && fieldBytes > 183) fault("no payload where it is announced");
    this.#continuity(pid, counter, control !== 2, (flags & 0x80) !== 0, fault);
    this.findings.order.push(pid);
    if (flags & 0x10) this.#pcr(p, fault);
    if (control === 2) return;
    this.findings.packets.set(pid, (this.findings.packets.get(pid) ?? 0) + 1);
    const payload = [...p.subarray(4 + fieldBytes)];
    if (pid !== 0 && pid !== this.#pmtPid) {
      this.#payload(pid, payload, (p[1] & 0x40) !== 0, (flags & 0x40) !== 0, fault);
    }
  }

  end(): void {
    for (const pid of [...this.#open.keys()]) this.#close(pid);
  }

  #continuity(
    pid: number,
    counter: number,
    hasPayload: boolean,
    meant: boolean,
    fault: (text: string) => void,
  ): void {
    const last = this.#counters.get(pid);
    const expected = last === undefined || meant ? counter : hasPayload ? (last + 1) % 16 : last;
    if (counter !== expected) fault(`counter of ${pid} is ${counter}, not ${expected}`);
    this.#counters.set(pid, counter);
  }

  #pcr(p: Uint8Array, fault: (text: string) => void): void {
    const bits = [...p.subarray(6, 12)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const seconds = (parseInt(bits.slice(0, 33), 2) * 300 + parseInt(bits.slice(39), 2)) / 27e6;
    const last = this.findings.pcrs.at(-1);
    if (last !== undefined && seconds <= last) fault(`PCR ${seconds} after ${last}`);
    if (last !== undefined && seconds - last > PCR_DISTANCE_MAX) fault(`PCR ${seconds - last} off`);
    this.findings.pcrs.push(seconds);
  }

  #payload(
    pid: number,
    payload: number[],
    start: boolean,
    randomAccess: boolean,
    fault: (text: string) => void,
  ): void {
    if (start) this.#close(pid);
    const clock = this.findings.pcrs.at(-1);
    if (clock === undefined) fault("payload before any PCR");
    if (start) this.#open.set(pid, { bytes: [], randomAccess, clock: clock ?? NaN });
    const open = this.#open.get(pid);
    if (open === undefined) return void fault("payload before a PES packet");
    for (const byte of payload) open.bytes.push(byte);
  }

  #close(pid: number): void {
    const open = this.#open.get(pid);
    if (open === undefined) return;
    this.#open.delete(pid);
    const { bytes, randomAccess, clock } = open;
    const fault = (text: string) => this.findings.faults.push(`PES of ${pid}: ${text}`);
    if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 1) return void fault("no start code");
    const length = bytes[4] * 256 + bytes[5];
    if (length !== 0 && length !== bytes.length - 6) fault(`length ${length}, ${bytes.length}`);
    if (length === 0 && AUDIO_AND_PRIVATE(bytes[3])) fault("no length, but no video");
    if (length === 0 && bytes.length - 6 <= 0xffff) fault("no length where it fits");
    const pts = timestamp(bytes, 9);
    const dts = bytes[7] >> 6 === 3 ? timestamp(bytes, 14) : pts;
    if (dts > pts) fault(`DTS ${dts} after PTS ${pts}`);
    if (dts < clock) fault(`DTS ${dts} before the clock ${clock}`);
    const list = this.findings.pes.get(pid) ?? [];
    if (list.length > 0 && dts <= list[list.length - 1].dts) fault(`DTS ${dts} does not rise`);
    list.push({ pts, dts, randomAccess, clock, payload: bytes.slice(9 + bytes[8]) });
    this.findings.pes.set(pid, list);
  }
}

/** Looks at every packet. */
export function checkTs(bytes: Uint8Array): TsFindings {
  const checker = new Checker();
  if (bytes.length % 188 !== 0) checker.findings.faults.push("no whole number of packets");
  for (let at = 0; at + 188 <= bytes.length; at += 188) {
    checker.packet(bytes.subarray(at, at + 188), at / 188);
  }
  checker.end();
  return checker.findings;
}

/** Seconds; every marker bit must be there. */
function timestamp(bytes: number[], at: number): number {
  const bits = bytes.slice(at, at + 5).map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (bits[7] + bits[23] + bits[39] !== "111") return NaN;
  return parseInt(bits.slice(4, 7) + bits.slice(8, 23) + bits.slice(24, 39), 2) / 90_000;
}
