/**
 * Whether a certificate and a key can serve clients; and if not, which of them is to blame.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsPair } from "../actors/edge/tls_terminator.ts";

/** What is wrong, and with which flag's file. */
export interface TlsFault {
  readonly flag: "tls-cert" | "tls-key";
  /** Completes "--flag FILE: ". */
  readonly reason: string;
}

export type CheckedPair =
  | {
    readonly ok: true;
    /** Until when the certificate holds, in milliseconds since 1970. */
    readonly notAfterMs: number;
    /** Why clients may refuse it; it is served all the same. */
    readonly warning?: string;
  }
  | ({ readonly ok: false } & TlsFault);

/** Checks the texts of both files. */
export function checkTlsPair({ cert, key }: TlsPair, nowMs: number): CheckedPair {
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) {
    return fault("tls-cert", "must hold a certificate in PEM (BEGIN CERTIFICATE)");
  }
  if (!/-----BEGIN (\w+ )?PRIVATE KEY-----/.test(key)) {
    return fault("tls-key", "must hold a private key in PEM (BEGIN PRIVATE KEY)");
  }
  if (/ENCRYPTED/.test(key)) {
    return fault("tls-key", "must not be encrypted: nobody is there to say its passphrase");
  }
  const certificate = readOr(() => new X509Certificate(cert));
  if (certificate === undefined) return fault("tls-cert", "is no certificate that can be read");
  const privateKey = readOr(() => createPrivateKey(key));
  if (privateKey === undefined) return fault("tls-key", "is no key that can be read");
  if (!belongTogether(certificate, privateKey)) {
    return fault("tls-key", "is not the key of the certificate");
  }
  const [fromMs, notAfterMs] = [certificate.validFrom, certificate.validTo].map(Date.parse);
  return { ok: true, notAfterMs, warning: warningOf({ fromMs, notAfterMs }, nowMs) };
}

function fault(flag: TlsFault["flag"], reason: string): CheckedPair {
  return { ok: false, flag, reason };
}

/** The libraries' own words name neither file nor line. */
function readOr<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function belongTogether(certificate: X509Certificate, key: KeyObject): boolean {
  return readOr(() => certificate.checkPrivateKey(key)) === true;
}

function warningOf(
  { fromMs, notAfterMs }: { readonly fromMs: number; readonly notAfterMs: number },
  nowMs: number,
): string | undefined {
  if (notAfterMs < nowMs) return `expired at ${new Date(notAfterMs).toISOString()}`;
  if (fromMs > nowMs) return `holds only from ${new Date(fromMs).toISOString()} on`;
  return undefined;
}
