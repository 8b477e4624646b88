// Goal: whoever starts a node with wrong files is told which one is wrong, and why.
// Method: certificates and keys made by OpenSSL 3.0.17 (`openssl req -x509 -days 36500`, `openssl ec`,
// `rsa -traditional` and `pkcs8` for the other forms of keys), and texts that are none.
import { assertEquals } from "../support/assert.ts";
import { checkTlsPair } from "../../cluster/tls_pair.ts";

/** Within the time of all of them, which is from 2026-11-21T08:15 to 2126-10-28. */
const NOW_MS = Date.parse("2027-01-01T00:00:00Z");

function vector(name: string): string {
  return Deno.readTextFileSync(new URL(`../vectors/tls/${name}`, import.meta.url));
}

function check(cert: string, key: string, nowMs = NOW_MS) {
  return checkTlsPair({ cert, key }, nowMs);
}

for (
  const [cert, key] of [
    ["ec.crt", "ec.key"],
    ["ec.crt", "ec_sec1.key"],
    ["rsa.crt", "rsa.key"],
    ["rsa.crt", "rsa_pkcs1.key"],
  ]
) {
  Deno.test(`checkTlsPair() takes ${cert} with ${key}, also with others behind it`, () => {
    for (const text of [vector(cert), vector(cert) + vector("rsa.crt")]) {
      const checked = check(text, vector(key));
      assertEquals(checked.ok && checked.warning, undefined);
      assertEquals(checked.ok && checked.notAfterMs > Date.parse("2126-10-01"), true);
    }
  });
}

Deno.test("checkTlsPair() warns of a certificate that is over, or still to come", () => {
  const rows = [
    ["2127-01-01", "expired at 2126-10-28T08:15:02.000Z"],
    ["2026-11-21", "holds only from 2026-11-21T08:15:02.000Z on"],
  ];
  for (const [day, warning] of rows) {
    const checked = check(vector("ec.crt"), vector("ec.key"), Date.parse(day));
    assertEquals(checked.ok && checked.warning, warning);
  }
});

const BROKEN = vector("ec.crt").replace("MII", "!!!");
const CUT = vector("ec.key").split("\n").toSpliced(1, 1).join("\n");

const FAULTS: readonly (readonly [string, string, string, string])[] = [
  ["", vector("ec.key"), "tls-cert", "must hold a certificate in PEM (BEGIN CERTIFICATE)"],
  [
    vector("ec.key"),
    vector("ec.crt"),
    "tls-cert",
    "must hold a certificate in PEM (BEGIN CERTIFICATE)",
  ],
  [BROKEN, vector("ec.key"), "tls-cert", "is no certificate that can be read"],
  [
    vector("ec.crt"),
    vector("ec.crt"),
    "tls-key",
    "must hold a private key in PEM (BEGIN PRIVATE KEY)",
  ],
  [vector("ec.crt"), CUT, "tls-key", "is no key that can be read"],
  [vector("ec.crt"), vector("other.key"), "tls-key", "is not the key of the certificate"],
  [vector("ec.crt"), vector("rsa.key"), "tls-key", "is not the key of the certificate"],
  [vector("rsa.crt"), vector("ec.key"), "tls-key", "is not the key of the certificate"],
  ...["ec_encrypted.key", "ec_sec1_encrypted.key"].map((name) =>
    [
      vector("ec.crt"),
      vector(name),
      "tls-key",
      "must not be encrypted: nobody is there to say its passphrase",
    ] as const
  ),
];

for (const [index, [cert, key, flag, reason]] of FAULTS.entries()) {
  Deno.test(`checkTlsPair() blames --${flag}: ${reason} (${index})`, () => {
    assertEquals(check(cert, key), { ok: false, flag, reason } as ReturnType<typeof check>);
  });
}
