/**
 * Uses the directory in Redis and says so: run with no permission but that Redis's address, by an
 * end-to-end test.
 *
 * @module
 */
import type { Member } from "../../../cluster/directory/directory.ts";
import { RedisDirectory } from "../../../cluster/directory/redis_directory.ts";
import { parseRedisUrl } from "../../../cluster/directory/redis_url.ts";
import { systemPorts } from "../../../cluster/system_ports.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const url = parseRedisUrl(Deno.args[0]);
if (!url.ok) throw new Error(`The URL must ${url.reason}`);
const directory = new RedisDirectory({
  ...{ target: url.target, mesh: "m", ports: systemPorts(silent), callMs: 10_000 },
});
directory.onHint(() => {});

const member: Member = {
  ...{ node: "a", incarnation: 0, address: "127.0.0.1", port: 1, host: "a", zone: "" },
  role: "any",
  state: "up",
  addresses: {},
  weight: 1,
};
for (let attempt = 0; attempt < 100; attempt++) {
  try {
    await directory.join(member, 1_000);
    break;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
console.log(`joined, ${(await directory.members()).members.size} member`);
await directory.close();
