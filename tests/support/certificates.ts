/**
 * Certificates made by openssl, for tests of links in TLS.
 *
 * @module
 */
import type { LinkTls } from "../../cluster/link/deno_transport.ts";
import { runChild } from "./processes.ts";

/** A certificate of its own authority. */
export async function certificate(folder: string, name: string): Promise<LinkTls> {
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
  // Not the address that is dialled: names are not what is checked.
  await Deno.writeTextFile(extensions, "subjectAltName=DNS:nobody.example\n");
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
