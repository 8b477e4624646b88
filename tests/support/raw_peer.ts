/**
 * A node of the mesh made by hand: it knows the secret, and says what a test wants it to say.
 *
 * @module
 */
import type { LinkSocket } from "../../cluster/link/transport.ts";
import { FRAME_TYPE, type FrameType, wholeFrame } from "../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../protocols/mrtmp/frame_reader.ts";
import { DialHandshake } from "../../protocols/mrtmp/handshake.ts";
import type { Hello } from "../../protocols/mrtmp/hello.ts";
import { SECRET } from "./link_mesh.ts";
import type { LinkMesh, LinkNode } from "./link_mesh.ts";

/** A frame that has come, its body copied. */
export interface RawFrame {
  readonly type: number;
  readonly handle: number;
  readonly body: Uint8Array;
}

/** One connection. */
export class RawConnection {
  readonly frames: RawFrame[] = [];
  /** The other end has closed it. */
  over = false;
  readonly #socket: LinkSocket;
  readonly #reader: FrameReader;
  #written: Promise<unknown> = Promise.resolve();
  /** Called with each frame before it is written down. */
  onFrame: (frame: RawFrame) => void = () => {};

  constructor(socket: LinkSocket) {
    this.#socket = socket;
    this.#reader = new FrameReader(({ type, handle, bytes, start, end }) => {
      const frame = { type, handle, body: bytes.slice(start, end) };
      this.onFrame(frame);
      if (type !== FRAME_TYPE.beat) this.frames.push(frame);
    }, { arenaBytes: 65_536, bodyBytesMax: 2 ** 24 });
    this.#read();
  }

  /** Types of what has come, BEATs aside. */
  get types(): number[] {
    return this.frames.map(({ type }) => type);
  }

  /** Writes bytes behind what was written before. */
  write(bytes: Uint8Array): void {
    this.#written = this.#written.then(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    }).catch(() => {});
  }

  send(type: FrameType, handle = 0, body = new Uint8Array(0)): void {
    this.write(wholeFrame(type, handle, body));
  }

  close(): void {
    this.#socket.close();
  }

  async #read(): Promise<void> {
    try {
      while (true) {
        const bytes = await this.#socket.read(this.#reader.space());
        if (bytes === null) break;
        this.#reader.filled(bytes);
      }
    } catch {
      // Reset.
    }
    this.over = true;
  }
}

/** Dials a node without saying anything. */
export async function dialRaw(mesh: LinkMesh, node: LinkNode): Promise<RawConnection> {
  const dial = mesh.network.transport("raw").dial(node.name, node.port, 1_000);
  await mesh.advance(5);
  return new RawConnection(await dial);
}

/** A whole handshake; the connection is then the test's. */
export async function greetRaw(
  mesh: LinkMesh,
  node: LinkNode,
  change: Partial<Hello> = {},
  secret = SECRET,
): Promise<RawConnection> {
  const connection = await dialRaw(mesh, node);
  const dial = new DialHandshake({
    secret,
    hello: {
      capabilities: [],
      mesh: "test",
      node: "raw",
      incarnation: 1,
      target: node.name,
      targetIncarnation: node.incarnation,
      channel: "control",
      linkId: new Uint8Array(16),
      nonce: new Uint8Array(32),
      ...change,
    },
  });
  let done = false;
  connection.onFrame = ({ type, handle, body }) => {
    if (done) return;
    const view = new DataView(body.buffer);
    const frame = { type, flags: 0, handle, bytes: body, view, start: 0, end: body.length };
    const step = dial.receive(frame);
    done = step.kind !== "wait";
    if (step.send !== undefined) connection.write(step.send);
  };
  connection.write(dial.opening());
  await mesh.advance(5);
  return connection;
}

/** Both connections of a link. */
export async function linkRaw(
  mesh: LinkMesh,
  node: LinkNode,
): Promise<{ control: RawConnection; media: RawConnection }> {
  const control = await greetRaw(mesh, node);
  const media = await greetRaw(mesh, node, { channel: "media" });
  control.frames.length = media.frames.length = 0;
  return { control, media };
}

/** Says that it lives on both connections, as a node would, for so long. */
export async function liveRaw(
  mesh: LinkMesh,
  connections: readonly RawConnection[],
  ms: number,
): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 100) {
    for (const connection of connections) connection.send(FRAME_TYPE.beat);
    await mesh.advance(Math.min(100, ms - passedMs));
  }
}
