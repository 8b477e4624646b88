// Goal: the Log port through LogTape: levels, fields that add up, a writer that never waits.
// Method: a fake file whose writes are held back and let go by hand.
import { assert, assertEquals } from "../support/assert.ts";
import type { LogLevel } from "../../cluster/config.ts";
import { LineWriter } from "../../cluster/line_writer.ts";
import { openLog } from "../../cluster/log_tape.ts";

/** A file that takes what it is given when told to. */
class FakeFile {
  text = "";
  writes = 0;
  #held: PromiseWithResolvers<void> | undefined;

  readonly writeAll = async (bytes: Uint8Array): Promise<void> => {
    this.writes++;
    await this.#held?.promise;
    this.text += new TextDecoder().decode(bytes);
  };

  hold(): void {
    this.#held = Promise.withResolvers();
  }

  letGo(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }
}

async function logged(level: LogLevel): Promise<Record<string, unknown>[]> {
  const file = new FakeFile();
  const { log, close } = openLog({ level, format: "json", writeAll: file.writeAll });
  log.debug("d");
  log.info("i", { a: 1 });
  log.warn("w");
  log.error("e");
  log.with({ node: "n" }).with({ kind: "stream" }).error("both {node}", { seq: 7, node: "{x}" });
  await close();
  return file.text.trimEnd().split("\n").map((line) => {
    const { time, ...rest } = JSON.parse(line);
    assert(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    return rest;
  });
}

Deno.test("openLog() writes what reaches its level, fields added up, texts untouched", async () => {
  const all = [
    { level: "debug", message: "d" },
    { level: "info", message: "i", a: 1 },
    { level: "warn", message: "w" },
    { level: "error", message: "e" },
    { level: "error", message: "both {node}", node: "{x}", kind: "stream", seq: 7 },
  ];
  assertEquals(await logged("debug"), all);
  assertEquals(await logged("info"), all.slice(1));
  assertEquals(await logged("warn"), all.slice(2));
  assertEquals(await logged("error"), all.slice(3));
});

Deno.test("openLog() masks credentials in every field", async () => {
  const file = new FakeFile();
  const { log, close } = openLog({ level: "info", format: "text", writeAll: file.writeAll });
  log.with({ tcUrl: "rtmp://u:hunter2@h/a" }).info("connected to ?token=hunter2", {
    name: "cam?pass=hunter2",
    nested: [{ url: "x?key=hunter2" }],
  });
  await close();
  assert(file.text.includes("cam?pass=***"));
  assert(!file.text.includes("hunter2"), file.text);
});

Deno.test("LineWriter writes at once, then in one piece what gathered meanwhile", async () => {
  const file = new FakeFile();
  const writer = new LineWriter(file.writeAll, (count) => `${count} dropped`);
  file.hold();
  for (const line of ["a", "b", "c"]) writer.write(line);
  assertEquals([file.writes, file.text], [1, ""]);
  file.letGo();
  await writer.flush();
  assertEquals([file.writes, file.text], [2, "a\nb\nc\n"]);
});

Deno.test("LineWriter drops its oldest lines behind a reader that stalls, and says so", async () => {
  const file = new FakeFile();
  const writer = new LineWriter(file.writeAll, (count) => `${count} dropped`);
  file.hold();
  writer.write("first"); // Under way: it cannot be dropped any more.
  const line = (index: number) => `${index}`.padStart(1023, "x");
  for (let index = 0; index < 1024 + 10; index++) writer.write(line(index));
  file.letGo();
  await writer.flush();
  const lines = file.text.trimEnd().split("\n");
  assertEquals(lines.slice(0, 3), ["first", "10 dropped", line(10)]);
  assertEquals([lines.length, lines.at(-1)], [2 + 1024, line(1033)]);
  file.text = "";
  writer.write("later");
  await writer.flush();
  assertEquals(file.text, "later\n"); // What was told is not told again.
});

Deno.test("LineWriter outlives a reader that is gone", async () => {
  let writes = 0;
  const writer = new LineWriter(() => {
    writes++;
    return Promise.reject(new Deno.errors.BrokenPipe("gone"));
  }, String);
  writer.write("a");
  await writer.flush();
  writer.write("b");
  await writer.flush();
  assertEquals(writes, 2);
});
