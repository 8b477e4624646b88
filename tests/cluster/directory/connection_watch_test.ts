// Goal: one line when the directory is lost and one when it is back, however often it is tried.
// Method: states on virtual time, and the lines they leave.
import {
  ConnectionWatch,
  WATCH_LINE_EVERY_MS,
} from "../../../cluster/directory/connection_watch.ts";
import { assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function newWatch(): { watch: ConnectionWatch; ports: VirtualPorts; messages: () => string[] } {
  const ports = new VirtualPorts();
  const watch = new ConnectionWatch("redis://h:1/0", ports);
  const messages = () => ports.lines.map(({ level, message }) => `${level} ${message}`);
  return { watch, ports, messages };
}

Deno.test("ConnectionWatch tells lost and back once each", async () => {
  const { watch, ports, messages } = newWatch();
  watch.up();
  watch.up();
  for (let attempt = 0; attempt < 100; attempt++) {
    watch.down(`reason ${attempt}`);
    await ports.advance(500);
  }
  watch.up();
  assertEquals(messages(), [
    "info directory reached",
    "warn directory lost",
    "info directory is back",
  ]);
  assertEquals(ports.lines[1].fields, { redis: "redis://h:1/0", reason: "reason 0" });
});

Deno.test("ConnectionWatch tells of a directory that is not there at the start", () => {
  const { watch, messages } = newWatch();
  watch.down("connect ECONNREFUSED");
  watch.up();
  assertEquals(messages(), ["warn directory lost", "info directory reached"]);
});

Deno.test("ConnectionWatch counts what it does not tell of a flapping connection", async () => {
  const { watch, ports, messages } = newWatch();
  watch.up();
  ports.lines.length = 0;
  for (let flap = 0; flap < 50; flap++) {
    watch.down("x");
    watch.up();
  }
  assertEquals(messages(), ["warn directory lost", "info directory is back"]);
  await ports.advance(WATCH_LINE_EVERY_MS);
  watch.down("y");
  assertEquals(ports.lines[2].fields, { redis: "redis://h:1/0", reason: "y", lostMeanwhile: 49 });
});

Deno.test("ConnectionWatch tells of refusals now and then", async () => {
  const { watch, ports, messages } = newWatch();
  for (let second = 0; second < 20; second++) {
    watch.refused("OOM");
    await ports.advance(1_000);
  }
  assertEquals(messages(), ["warn directory refuses", "warn directory refuses"]);
});
