/**
 * A front door of many nodes without any memory: each request goes to the next node.
 *
 * @module
 */

/** Where requests go. */
export interface FrontNode {
  httpUrl(path: string): string;
}

/** A running front. */
export interface RotatingFront extends AsyncDisposable {
  httpUrl(path: string): string;
  /** Requests that each node has got, in the order of the nodes. */
  readonly requests: readonly number[];
  /** Answers that were neither 200 nor 204, as "503 /path". */
  readonly refusals: readonly string[];
}

/** Starts a front of these nodes on a free port of the loopback interface. */
export function startFront(nodes: readonly FrontNode[]): RotatingFront {
  const requests = nodes.map(() => 0);
  const refusals: string[] = [];
  let turn = 0;
  const answer = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const chosen = turn++ % nodes.length;
    requests[chosen]++;
    const target = nodes[chosen].httpUrl(`${pathname.slice(1)}${search}`);
    const response = await fetch(target, { method: request.method });
    if (response.status > 204) refusals.push(`${response.status} ${pathname}${search}`);
    const headers = new Headers(response.headers);
    // The body comes unpacked.
    if (headers.has("content-encoding")) {
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
    return new Response(response.body, { status: response.status, headers });
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    // A player that has gone meanwhile needs no answer.
    (request) => answer(request).catch(() => new Response(null, { status: 502 })),
  );
  return {
    httpUrl: (path) => `http://127.0.0.1:${server.addr.port}/${path}`,
    requests,
    refusals,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
