/**
 * An HTTP client that adds no header of its own and decodes nothing.
 *
 * @module
 */
import { request } from "node:http";

export interface RawRequest {
  readonly hostname: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** As it was sent: compressed when the headers say so. */
  readonly body: Uint8Array;
}

/** GET with exactly these headers, but for Host and Connection. */
export function rawGet(options: RawRequest): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const outgoing = request({ ...options, agent: false }, (response) => {
    const parts: Uint8Array[] = [];
    response.on("data", (part: Uint8Array) => parts.push(part));
    response.on("error", reject);
    response.on("end", async () => {
      const body = await new Blob(parts as Uint8Array<ArrayBuffer>[]).bytes();
      const headers = new Map(
        Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
      );
      resolve({ status: response.statusCode ?? 0, headers, body });
    });
  });
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}
