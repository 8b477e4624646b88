/**
 * The certificate of the client ports: read at the start, and again whenever its files change.
 *
 * @module
 */
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import { type TlsPair, TlsTerminator } from "../actors/edge/tls_terminator.ts";
import type { Config } from "./config.ts";
import { StartError } from "./start_error.ts";
import { checkTlsPair, type TlsFault } from "./tls_pair.ts";

/** How often the files are looked at, in milliseconds: nobody waits for a renewal. */
const LOOK_MS = 2_000;

/** Largest file that is read, in bytes; a certificate with all of its authorities has some KiB. */
const FILE_BYTES_MAX = 1024 * 1024;

/** What tells one state of the files from another. */
type Stamp = string;

export interface TlsCertificateOptions {
  readonly certPath: string;
  readonly keyPath: string;
  readonly ports: Ports;
}

/**
 * Opens what `--tls-cert` and `--tls-key` name; `undefined` without them, and on an origin.
 *
 * @throws {StartError} One of them is lacking, cannot be read, or they are no pair.
 */
export function openTls(
  { role, tlsCert, tlsKey }: Pick<Config, "role" | "tlsCert" | "tlsKey">,
  ports: Ports,
): TlsCertificate | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsKey === undefined) throw new StartError(`--tls-cert ${tlsCert}: needs --tls-key as well`);
  if (tlsCert === undefined) throw new StartError(`--tls-key ${tlsKey}: needs --tls-cert as well`);
  if (role === "origin") return undefined;
  return new TlsCertificate({ certPath: tlsCert, keyPath: tlsKey, ports });
}

export class TlsCertificate {
  readonly terminator: TlsTerminator;
  readonly #options: TlsCertificateOptions;
  /** The files that are in use, or were refused. */
  #known: Stamp;
  /** As they were at the last look. */
  #seen: Stamp;
  #timer: Timer | undefined;

  /** @throws {StartError} A file cannot be read, or they are no pair. */
  constructor(options: TlsCertificateOptions) {
    this.#options = options;
    this.#known = this.#seen = this.#stampOf();
    const read = this.#read();
    if ("flag" in read) throw new StartError(this.#explain(read));
    this.terminator = usable(() => new TlsTerminator(read, options.ports.timers), (reason) => {
      throw new StartError(this.#explain({ flag: "tls-cert", reason }));
    });
    this.#look();
  }

  /** Takes nobody any more, and looks at the files no longer. */
  stop(): void {
    this.#timer?.cancel();
    this.terminator.stop();
  }

  #look(): void {
    this.#timer = this.#options.ports.timers.after(LOOK_MS, () => {
      this.#compare();
      this.#look();
    });
  }

  /** Whoever renews writes two files: they are read once both have stayed the same for a while. */
  #compare(): void {
    const stamp = this.#stampOf();
    const settled = stamp === this.#seen;
    this.#seen = stamp;
    if (!settled || stamp === this.#known) return;
    this.#known = stamp;
    const read = this.#read();
    if ("flag" in read) return this.#refuse(read);
    usable(() => this.terminator.renew(read), (reason) => {
      this.#refuse({ flag: "tls-cert", reason });
    });
  }

  #refuse(fault: TlsFault): void {
    const reason = this.#explain(fault);
    this.#options.ports.log.error("renewed certificate refused, the old one stays", { reason });
  }

  /** The pair that the files hold. */
  #read(): TlsPair | TlsFault {
    const { certPath, keyPath, ports: { clock, log } } = this.#options;
    const cert = readFile("tls-cert", certPath);
    if (typeof cert === "object") return cert;
    const key = readFile("tls-key", keyPath);
    if (typeof key === "object") return key;
    const checked = checkTlsPair({ cert, key }, clock.wallMs());
    if (!checked.ok) return checked;
    const { warning, notAfterMs } = checked;
    const certificate = { file: certPath, until: new Date(notAfterMs).toISOString() };
    if (warning === undefined) log.info("certificate for TLS read", certificate);
    else log.warn("certificate for TLS will be refused by clients", { ...certificate, warning });
    return { cert, key };
  }

  #stampOf(): Stamp {
    const { certPath, keyPath } = this.#options;
    return [certPath, keyPath].map((path) => {
      try {
        const { mtime, size, ino } = Deno.statSync(path);
        return `${mtime?.getTime()} ${size} ${ino}`;
      } catch {
        return "none"; // What is wrong is said when it is read.
      }
    }).join(", ");
  }

  #explain({ flag, reason }: TlsFault): string {
    const { certPath, keyPath } = this.#options;
    return `--${flag} ${flag === "tls-cert" ? certPath : keyPath}: ${reason}`;
  }
}

function readFile(flag: TlsFault["flag"], path: string): string | TlsFault {
  try {
    if (Deno.statSync(path).size > FILE_BYTES_MAX) {
      return { flag, reason: `must be at most ${FILE_BYTES_MAX} bytes long` };
    }
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown error";
    return { flag, reason: `must be a file that can be read, not ${reason}` };
  }
}

/** What our check let through and the TLS library will not have: an unusual kind of key, say. */
function usable<Value>(make: () => Value, refused: (reason: string) => Value): Value {
  try {
    return make();
  } catch (error) {
    return refused(`cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}
