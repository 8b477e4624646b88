/**
 * CPU time and memory of other processes, from Linux's `/proc`.
 *
 * @module
 */

/** Clock ticks a second in `/proc/PID/stat`; the same on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** The clock of all threads of a process, living and ended (kernel, `CPUCLOCK_SCHED`). */
const SCHEDULER_CLOCK = 2;

/** Of a process that is gone, `clock_gettime` says this. */
const FAILED = -1;

const libc = openLibc();

/**
 * User and system time of a process since its start, in seconds. Exact: `/proc/PID/stat` counts in
 * ticks of 10 ms, of which a few hundred viewers at a wide window use three in four seconds.
 *
 * @throws {Deno.errors.NotFound} There is no such process.
 */
export function cpuSeconds(pid: number): number {
  if (libc === undefined) return cpuSecondsInTicks(pid);
  const time = new BigInt64Array(2);
  if (libc.clock_gettime((~pid << 3) | SCHEDULER_CLOCK, time) === FAILED) {
    throw new Deno.errors.NotFound(`Cannot read the clock of process ${pid}: it is gone`);
  }
  return Number(time[0]) + Number(time[1]) / 1e9;
}

function cpuSecondsInTicks(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name before it may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** `undefined` where the C library has another name; 64-bit `timespec` only. */
function openLibc() {
  try {
    const clock_gettime = { parameters: ["i32", "buffer"], result: "i32" } as const;
    return Deno.dlopen("libc.so.6", { clock_gettime }).symbols;
  } catch {
    return undefined;
  }
}

/** Time a core was not idle since boot, in seconds. */
export function coreBusySeconds(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(Deno.readTextFileSync("/proc/stat"));
  const [user, nice, system, _idle, _wait, irq, softirq, steal] = (line?.[1] ?? "").split(" ")
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** Processes of the benchmark that live, and the core each is bound to. */
const own = new Map<number, number>();

/** Makes a process that is bound to `core` one of {@link ownCpuSeconds}; no stranger's then. */
export function countAsOwn(pid: number, core: number): void {
  own.set(pid, core);
}

/** CPU time of each process of the benchmark that lives and is bound to `core`, in seconds. */
export function ownCpuSeconds(core: number): Map<number, number> {
  const seconds = new Map<number, number>();
  for (const [pid, bound] of own) {
    if (bound !== core) continue;
    try {
      seconds.set(pid, cpuSeconds(pid));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      own.delete(pid);
    }
  }
  return seconds;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Binds all threads of a process of the benchmark to one core. @throws {Error} `taskset` failed. */
export async function pinTo(core: number, pid: number): Promise<void> {
  const { success, stderr } = await new Deno.Command("taskset", {
    args: ["-a", "-c", "-p", String(core), String(pid)],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Cannot pin ${pid}: ${new TextDecoder().decode(stderr)}`);
  countAsOwn(pid, core);
}
