/**
 * What strangers and broken nodes say to a real node's mesh port.
 *
 * @module
 */
import { DenoTransport } from "../../cluster/link/deno_transport.ts";
import type { LinkSocket } from "../../cluster/link/transport.ts";
import { FRAME_TYPE, type FrameType, wholeFrame } from "../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../protocols/mrtmp/frame_reader.ts";
import { DialHandshake } from "../../protocols/mrtmp/handshake.ts";
import { type Hello, readRefuse } from "../../protocols/mrtmp/hello.ts";
import type { TestNode } from "./node_process.ts";

/** Longest that a connection takes on loopback, in milliseconds. */
const DIAL_MS_MAX = 5_000;

const dialler = new DenoTransport({ hostname: "127.0.0.1", port: 0, acceptFailed() {} });

/** How a node introduces itself to another one, as the API lists both. */
export interface NodeItem {
  readonly name: string;
  readonly incarnation: number;
  readonly addresses: Readonly<Record<string, string>>;
}

/** A member of the mesh as a node lists it. */
export async function memberOn(node: TestNode, name: string): Promise<NodeItem> {
  const { items } = await node.api<{ items: NodeItem[] }>("nodes");
  const found = items.find((item) => item.name === name);
  if (found === undefined) throw new Error(`${node.ready.node} knows no node ${name}`);
  return found;
}

/** Connects to a mesh port, `host:port`. */
export function dialMesh(address: string): Promise<LinkSocket> {
  const { hostname, port } = new URL(`http://${address}`);
  return dialler.dial(hostname, Number(port), DIAL_MS_MAX);
}

export async function writeAll(socket: LinkSocket, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}

/** Reads until the other end closes. @returns Why it refused, if it said so. */
export async function readToEnd(socket: LinkSocket): Promise<string | undefined> {
  let reason: string | undefined;
  const reader = new FrameReader((frame) => {
    if (frame.type === FRAME_TYPE.refuse) reason = readRefuse(frame);
  }, LIMITS);
  try {
    while (await readSome(socket, reader));
  } catch {
    // Reset: it did not read what we wrote.
  }
  socket.close();
  return reason;
}

const LIMITS = { arenaBytes: 65_536, bodyBytesMax: 2 ** 24 };

async function readSome(socket: LinkSocket, reader: FrameReader): Promise<boolean> {
  const bytes = await socket.read(reader.space());
  if (bytes === null) return false;
  reader.filled(bytes);
  return true;
}

export interface GreetOptions {
  readonly target: NodeItem;
  readonly secret: string;
  readonly node: string;
  readonly incarnation: number;
  readonly channel: Hello["channel"];
  readonly linkId: Uint8Array;
}

/** Shakes hands. @returns The connection, or why it was refused. */
export async function greet(options: GreetOptions): Promise<LinkSocket | string> {
  const { target, secret, node, incarnation, channel, linkId } = options;
  const socket = await dialMesh(target.addresses.mesh);
  const dial = new DialHandshake({
    secret: new TextEncoder().encode(secret),
    hello: {
      ...{ capabilities: [], mesh: "headwater", node, incarnation, channel, linkId },
      ...{ target: target.name, targetIncarnation: target.incarnation },
      nonce: crypto.getRandomValues(new Uint8Array(32)),
    },
  });
  let outcome: string | undefined;
  const replies: Uint8Array[] = [];
  const reader = new FrameReader((frame) => {
    if (outcome !== undefined) return;
    const step = dial.receive(frame);
    if (step.send !== undefined) replies.push(step.send);
    if (step.kind === "done") outcome = "";
    if (step.kind === "refused") outcome = `${step.by}: ${step.reason}`;
  }, LIMITS);
  await writeAll(socket, dial.opening());
  while (outcome === undefined) {
    if (!await readSome(socket, reader)) outcome = "closed";
    for (const reply of replies.splice(0)) await writeAll(socket, reply);
  }
  if (outcome === "") return socket;
  socket.close();
  return outcome;
}

/** Both connections of a link. @throws {Error} One was refused. */
export async function linkTo(
  options: Omit<GreetOptions, "channel" | "linkId">,
): Promise<{ control: LinkSocket; media: LinkSocket }> {
  const linkId = crypto.getRandomValues(new Uint8Array(16));
  const control = await greet({ ...options, linkId, channel: "control" });
  const media = await greet({ ...options, linkId, channel: "media" });
  if (typeof control === "string" || typeof media === "string") {
    throw new Error(`Cannot link: ${control} ${media}`);
  }
  return { control, media };
}

/** Says something on both connections as often as a node must, until stopped; reads nothing. */
export function keepAlive(sockets: readonly LinkSocket[]): () => void {
  const beat = wholeFrame(FRAME_TYPE.beat, 0, new Uint8Array(0));
  const timer = setInterval(() => {
    for (const socket of sockets) writeAll(socket, beat).catch(() => {});
  }, 100);
  return () => clearInterval(timer);
}

/** A frame's header that announces `bytes`. */
export function headerOf(type: FrameType, bytes: number): Uint8Array {
  const header = wholeFrame(type, 0, new Uint8Array(0));
  new DataView(header.buffer).setUint32(8, bytes);
  return header;
}
