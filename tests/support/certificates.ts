/**
 * Certificates made by openssl, for tests of links and clients in TLS.
 *
 * @module
 */
import type { LinkTls } from "../../cluster/link/deno_transport.ts";
import { runChild } from "./processes.ts";

/** Names of a server that clients of this machine connect to. */
export const LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1";

/**
 * A certificate of its own authority, in `name.crt`, its key in `name.key`. Links do not look at
 * names.
 */
export async function certificate(
  folder: string,
  name: string,
  names = "DNS:nobody.example",
): Promise<LinkTls> {
  const [key, cert, ca, caKey] = ["key", "crt", "ca.crt", "ca.key"].map((end) =>
    `${folder}/${name}.${end}`
  );
  const openssl = async (...args: string[]) => {
    const { code, stderr } = await runChild("openssl", args, { timeoutMs: 20_000 });
    if (code !== 0) throw new Error(stderr);
  };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    ...["req", "-x509", ...curve, "-keyout", caKey, "-out", ca, "-days", "1"],
    ...["-subj", `/CN=${name} authority`],
  );
  const csr = `${folder}/${name}.csr`;
  const extensions = `${folder}/${name}.ext`;
  await Deno.writeTextFile(extensions, `subjectAltName=${names}\n`);
  await openssl("req", ...curve, "-keyout", key, "-out", csr, "-subj", "/CN=node");
  await openssl(
    ...["x509", "-req", "-in", csr, "-CA", ca, "-CAkey", caKey, "-CAcreateserial"],
    ...["-out", cert, "-days", "1", "-extfile", extensions],
  );
  const [keyText, certText, caText] = await Promise.all(
    [key, cert, ca].map((path) => Deno.readTextFile(path)),
  );
  return { key: keyText, cert: certText, ca: caText };
}
