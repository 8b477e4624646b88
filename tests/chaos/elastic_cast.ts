/**
 * Who takes part in ElasticChaos: encoders that come back wherever a node is well, and viewers that
 * notice what they may not.
 *
 * @module
 */
import type { TestNode } from "../support/node_process.ts";
import type { NumberedOptions } from "../support/wire/numbered.ts";
import { Encoder } from "./encoder.ts";
import { Witness } from "./witness.ts";

/** A hundred of them are one stream's worth of work. */
const SMALL: NumberedOptions = {
  ...{ framesPerSecond: 5, gopFrames: 5, frameBytes: 200, audioBytes: 0 },
};

/** Encoders that begin at once. */
const AT_ONCE = 10;

/** Tells of nodes. */
export interface Nodes {
  /** Any node that nothing is done to. */
  any(): TestNode;
  /** How often something was done to a node. */
  strokes(name: string): number;
}

export class Cast {
  readonly encoders = new Map<string, Encoder>();
  readonly #viewers = new Map<number, Watching>();
  readonly #nodes: Nodes;
  /** Numbers that viewers missed whose encoder or node suffered. */
  lostWithCause = 0;
  viewersSeen = 0;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  async publish(paths: readonly string[]): Promise<void> {
    for (let at = 0; at < paths.length; at += AT_ONCE) {
      await Promise.all(
        paths.slice(at, at + AT_ONCE).map(async (path) => {
          const elsewhere = () => this.#nodes.any();
          this.encoders.set(
            path,
            await Encoder.open(elsewhere(), path, { elsewhere, shape: SMALL }),
          );
        }),
      );
    }
  }

  /** Lets a viewer watch in the place of another one; what that one saw is judged. */
  async watch(place: number, path: string): Promise<string[]> {
    const wrong = this.judge(place);
    this.#viewers.get(place)?.witness.close();
    this.#viewers.delete(place);
    const encoder = this.encoders.get(path)!;
    const node = this.#nodes.any();
    const strokes = this.#strokes(node.ready.node, encoder);
    const { reconnects } = encoder;
    try {
      const witness = await Witness.open(node, "rtmp", path);
      this.#viewers.set(place, { witness, path, encoder, reconnects, strokes });
      this.viewersSeen++;
    } catch (error) {
      // Its node, or its stream's, may have suffered since.
      const unmoved = strokes === this.#strokes(node.ready.node, encoder);
      if (unmoved && encoder.reconnects === reconnects && encoder.at !== undefined) {
        wrong.push(`${path} is not played at ${node.ready.node}: ${messageOf(error)}`);
      }
    }
    return wrong;
  }

  /** What a viewer saw that none may see. */
  judge(place: number): string[] {
    const viewer = this.#viewers.get(place);
    if (viewer === undefined) return [];
    const { witness: { name, check, backwards, ended, node }, path, encoder } = viewer;
    const wrong: string[] = [];
    const say = (text: string) => wrong.push(`viewer of ${path}, ${name}: ${text}`);
    if (check.doubled > 0) say(`${check.doubled} doubled`);
    if (backwards > 0) say(`${backwards} timestamps went back`);
    const suffered = viewer.reconnects !== encoder.reconnects || encoder.at === undefined ||
      viewer.strokes !== this.#strokes(node, encoder);
    if (suffered) this.lostWithCause += check.lost;
    else if (check.lost > 0) say(`${check.lost} lost, though neither node nor encoder suffered`);
    if (!suffered && ended !== undefined) say(`it ended: ${ended}`);
    return wrong;
  }

  /** Viewers at a node, or of what is published there. */
  placesAt(name: string): number[] {
    return [...this.#viewers].filter(([, { witness }]) => witness.node === name)
      .map(([place]) => place);
  }

  async end(): Promise<void> {
    for (const { witness } of this.#viewers.values()) witness.close();
    await Promise.all([...this.encoders.values()].map((encoder) => encoder.drop()));
  }

  #strokes(node: string, { at }: Encoder): number {
    return this.#nodes.strokes(node) + (at === undefined ? 0 : this.#nodes.strokes(at));
  }
}

/** A viewer, and how things stood when it came. */
interface Watching {
  readonly witness: Witness;
  readonly path: string;
  readonly encoder: Encoder;
  readonly reconnects: number;
  readonly strokes: number;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
