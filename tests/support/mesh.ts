/**
 * A mesh of real nodes on this machine: a redis-server of its own, and nodes that share it.
 *
 * @module
 */
import { startTestNode, type TestNode } from "./node_process.ts";
import { RedisServer } from "./redis_server.ts";

export class TestMesh implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly nodes: TestNode[] = [];

  constructor(redis: RedisServer) {
    this.redis = redis;
  }

  /** Starts one more node. */
  async add(
    name: string,
    args: readonly string[] = [],
    program?: string,
  ): Promise<TestNode> {
    const mesh = ["--redis", `redis://127.0.0.1:${this.redis.port}`, "--mesh-port", "0"];
    const node = await startTestNode({ args: [...mesh, "--name", name, ...args], program });
    this.nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.redis[Symbol.asyncDispose]();
  }
}

/** Starts a mesh of nodes with these names; `program` is run instead of the real one. */
export async function startMesh(
  names: readonly string[],
  args: readonly string[] = [],
  program?: string,
): Promise<TestMesh> {
  const mesh = new TestMesh(await RedisServer.start());
  try {
    await Promise.all(names.map((name) => mesh.add(name, args, program)));
    mesh.nodes.sort((a, b) => names.indexOf(a.ready.node) - names.indexOf(b.ready.node));
  } catch (error) {
    await mesh[Symbol.asyncDispose]();
    throw error;
  }
  return mesh;
}
