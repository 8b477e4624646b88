// Goal: the launcher and its worker as real processes: signals, ends, permissions, locks, secrets.
// Method: the command line with the permissions of the task `node`, a fake node in the worker.
import { REPOSITORY } from "../support/paths.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { Child, eventually, runChild } from "../support/processes.ts";
import {
  betweenPresses,
  countLogged,
  isAlive,
  launch,
  launcherResult,
  logged,
  makeTaskFolder,
  runLauncher,
  withData,
} from "./launcher_support.ts";

const TOKEN = "a-token-of-the-launcher-test";

Deno.test("the launcher prints one ready line and keeps its worker's permissions small", () =>
  withData(async (data) => {
    const args = ["--name", "n1", "--api-token", TOKEN, "--udp-ports", "off"];
    await using launched = await launch(data, { args });
    const { child, ready } = launched;
    assertEquals([ready.event, ready.node], ["ready", "n1"]);
    assertMatch(ready.addresses.rtmp, /^127\.0\.0\.1:\d+$/);
    assertEquals(ready.pids.every(isAlive), true);
    assertEquals(child.stdout.trimEnd().split("\n").length, 1);
    const worker = Deno.readTextFileSync(`/proc/${ready.pids[1]}/cmdline`).split("\0");
    assert(!worker.join(" ").includes(TOKEN));
    assertEquals(worker.filter((word) => /^-A|^--allow/.test(word)), [
      "--allow-net=127.0.0.1",
      `--allow-read=${data},${REPOSITORY}/actors,${REPOSITORY}/protocols`,
      `--allow-write=${data}`,
    ]);
    const port = Number(ready.addresses.rtmp.split(":")[1]);
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  }));

Deno.test("the ready line for people names what listens where", () =>
  withData(async (data) => {
    const args = ["--log-format", "text", "--name", "n1", "--data", data, "--rtmp-port", "0"];
    await using child = runLauncher({ args });
    await eventually("ready", () => child.stdout.endsWith("\n"));
    assertMatch(child.stdout, /^headwater n1 ready: rtmp \S+:\d+\n$/);
  }));

Deno.test("refusals are one line on standard error and exit code 2", async () => {
  const rows: [string[], string][] = [
    [["--rtmp-port", "70000"], "--rtmp-port 70000: must be a port number from 0 to 65535 "],
    [["--no-such"], "--no-such: not a flag of this program; "],
    [["--name", "refused", "--data", "{data}"], "--rtmp-port 1: the port is taken"],
    [["--data", "/proc/no"], "--data /proc/no: must be a directory that this user can write, "],
  ];
  await withData(async (data) => {
    for (const [args, start] of rows) {
      const given = args.map((text) => text.replace("{data}", data));
      const ended = await launcherResult({ args: [...given, "--log-level", "error"] });
      assertEquals([ended.code, ended.stdout], [2, ""]);
      assertEquals(ended.stderr.trimEnd().split("\n").length, 1);
      assert(ended.stderr.startsWith(start), ended.stderr);
    }
  });
});

Deno.test("a configuration file is read with the task's own permissions", () =>
  withData(async (data) => {
    await Deno.writeTextFile(`${data}/hw.yaml`, "log-level: error\nrtmp-port: none\n");
    const ended = await launcherResult({ env: { HEADWATER_CONFIG: `${data}/hw.yaml` } });
    assertMatch(ended.stderr, /^--rtmp-port none \(from \S+hw\.yaml, line 2\): must be /);
    assertEquals(ended.code, 2);
  }));

Deno.test("SIGHUP reads the configuration file again, and ends nobody", () =>
  withData(async (data) => {
    const file = `${data}/hw.yaml`;
    await Deno.writeTextFile(file, "applications: { first: {} }\n");
    await using launched = await launch(data, { args: ["--config", file] });
    const { child, ready } = launched;
    await Deno.writeTextFile(file, "rtmp-port: 1\napplications: { second: {} }\n");
    // Service managers may signal every process.
    for (const pid of ready.pids) Deno.kill(pid, "SIGHUP");
    await logged(child, "applyConfig called");
    assertMatch(child.stderr, /"applications":\["second"\]/);
    await betweenPresses();
    await Deno.writeTextFile(file, "applications:\n  second: { hold: soon }\n");
    Deno.kill(ready.pids[0], "SIGHUP");
    await logged(child, "configuration refused, nothing changed");
    assertMatch(child.stderr, /hw\.yaml:2: applications\.second\.hold: must be a time/);
    assertEquals(countLogged(child.stderr, "applyConfig called"), 1);
    assertEquals(ready.pids.every(isAlive), true);
    assertEquals(child.stdout.trimEnd().split("\n").length, 1); // Still the ready line alone.
  }));

Deno.test("--help and --version print and end with exit code 0", async () => {
  for (const [flag, start] of [["--help", "headwater "], ["--version", "headwater "]]) {
    const ended = await launcherResult({ args: [flag] });
    assertEquals([ended.code, ended.stderr], [0, ""]);
    assert(ended.stdout.startsWith(start));
  }
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} drains once and ends with exit code 0`, () =>
    withData(async (data) => {
      await using launched = await launch(data, { args: ["--name", "slow"] });
      launched.child.signal(signal);
      await logged(launched.child, "drain called");
      const { code, stderr } = await launched.child.ended;
      assertEquals(code, 0);
      assertEquals(countLogged(stderr, "drain called"), 1);
      assertEquals(countLogged(stderr, "stop called"), 1);
      assert(!stderr.includes("secret-of-a-log-line"));
    }));
}

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`${signal} twice stops at once and ends with exit code ${code}`, () =>
    withData(async (data) => {
      await using launched = await launch(data, { args: ["--name", "busy"] });
      launched.child.signal(signal);
      await logged(launched.child, "drain called");
      await betweenPresses();
      const startMs = performance.now();
      launched.child.signal(signal);
      assertEquals((await launched.child.ended).code, code);
      assertWithin(1_000, performance.now() - startMs, "the stop");
      assert(!isAlive(launched.ready.pids[1]));
    }));
}

Deno.test("a signal to every process at once, as service managers send it, is one drain", () =>
  withData(async (data) => {
    await using launched = await launch(data, { args: ["--name", "slow"] });
    Deno.kill(launched.ready.pids[1], "SIGTERM");
    launched.child.signal("SIGTERM");
    const { code, stderr } = await launched.child.ended;
    assertEquals([code, countLogged(stderr, "drain called")], [0, 1]);
    assertEquals(/"result":"(\w+)"/.exec(stderr)?.[1], "drained");
  }));

Deno.test("a drain ends when its time is over, with exit code 0", () =>
  withData(async (data) => {
    const args = ["--name", "busy", "--drain-timeout", "300ms"];
    await using launched = await launch(data, { args });
    launched.child.signal("SIGTERM");
    const { code, stderr } = await launched.child.ended;
    assertEquals([code, countLogged(stderr, "stop called")], [0, 1]);
  }));

Deno.test("a worker that hangs is killed after a second signal", () =>
  withData(async (data) => {
    await using launched = await launch(data, { args: ["--name", "n1"] });
    Deno.kill(launched.ready.pids[1], "SIGSTOP");
    launched.child.signal("SIGINT");
    await betweenPresses();
    launched.child.signal("SIGINT");
    const { code, stderr } = await launched.child.ended;
    assertEquals(code, 130);
    assertEquals(countLogged(stderr, "worker does not stop, killing it"), 1);
    assert(!isAlive(launched.ready.pids[1]));
  }));

Deno.test("a worker that dies is replaced, on the same port", () =>
  withData(async (data) => {
    await using launched = await launch(data, { args: ["--name", "n1"] });
    const { child, ready } = launched;
    Deno.kill(ready.pids[1], "SIGKILL");
    await logged(child, "worker replaced");
    const pid = Number(/"worker replaced".*"pid":(\d+)/.exec(child.stderr)![1]);
    assert(pid !== ready.pids[1] && isAlive(pid));
    const port = Number(ready.addresses.rtmp.split(":")[1]);
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    assertEquals(child.stdout.trimEnd().split("\n").length, 1); // Still the ready line alone.
    child.signal("SIGTERM");
    assertEquals((await child.ended).code, 0);
    assert(!isAlive(pid));
  }));

Deno.test("a worker that hangs is killed and replaced", () =>
  withData(async (data) => {
    await using launched = await launch(data, { args: ["--name", "n1"] });
    const startMs = performance.now();
    Deno.kill(launched.ready.pids[1], "SIGSTOP");
    await logged(launched.child, "worker replaced");
    assertWithin(3_000, performance.now() - startMs, "the new worker");
    assert(!isAlive(launched.ready.pids[1]));
  }));

Deno.test("a fault in the worker's start is told as such", () =>
  withData(async (data) => {
    const { code, stderr } = await launcherResult({ args: ["--name", "faulty", "--data", data] });
    assertEquals(code, 1);
    assert(stderr.includes("a fault of our own"));
    assert(stderr.endsWith("headwater: the worker ended unexpectedly (exit code 1)\n"), stderr);
  }));

Deno.test("a worker ends within 2 s of its launcher's death", () =>
  withData(async (data) => {
    await using launched = await launch(data, { args: ["--name", "busy"] });
    launched.child.kill();
    const startMs = performance.now();
    await eventually("the worker is gone", () => !isAlive(launched.ready.pids[1]));
    assertWithin(2_000, performance.now() - startMs, "the worker's end");
  }));

Deno.test("a second node on the same data directory is refused, until the first is gone", () =>
  withData(async (data) => {
    await using first = await launch(data, { args: ["--name", "n1"] });
    const args = ["--data", data, "--name", "n2", "--rtmp-port", "0"];
    const second = await launcherResult({ args });
    assertEquals(second.code, 2);
    assertEquals(
      second.stderr,
      `--data ${data}: another node uses it; stop that one or choose another directory\n`,
    );
    first.child.kill(); // No chance to tidy up.
    Deno.kill(first.ready.pids[1], "SIGKILL");
    await first.child.ended;
    await using third = await launch(data, { args: ["--name", "n3"] });
    assertEquals(third.ready.node, "n3");
  }));

Deno.test("an API token is made once, kept private, and never logged", () =>
  withData(async (data) => {
    const path = `${data}/api-token`;
    await using first = await launch(data, { args: ["--name", "n1"] });
    const token = Deno.readTextFileSync(path).trim();
    assertMatch(token, /^[A-Za-z0-9_-]{43}$/);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    first.child.signal("SIGTERM");
    const { stdout, stderr } = await first.child.ended;
    assert(stderr.includes(`"message":"api token made, see file","path":"${path}"`), stderr);
    assert(!`${stdout}${stderr}`.includes(token));

    Deno.chmodSync(path, 0o644);
    await using second = await launch(data, { args: ["--name", "n1"] });
    assertEquals(Deno.readTextFileSync(path).trim(), token);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    await logged(second.child, "api token was open to others, now private");
  }));

Deno.test("a token that is given is not kept, and one that cannot be one is refused", () =>
  withData(async (data) => {
    const env = { HEADWATER_API_TOKEN: TOKEN };
    await using first = await launch(data, { args: ["--name", "n1"], env });
    assertEquals([...Deno.readDirSync(data)].map((entry) => entry.name), ["lock"]);
    first.child.signal("SIGTERM");
    await first.child.ended;
    await Deno.writeTextFile(`${data}/api-token`, "short\n");
    const { code, stderr } = await launcherResult({ args: ["--data", data, "--name", "n1"] });
    assertEquals(code, 2);
    assertEquals(
      stderr,
      `${data}/api-token: must hold 16 to 256 visible ASCII characters; ` +
        "delete it to have one made\n",
    );
  }));

Deno.test("deno task passes SIGTERM on to the launcher, once", () =>
  withData(async (data) => {
    const folder = await makeTaskFolder();
    await using task = startTask(Deno.execPath(), ["task", ...taskArguments(folder, data)]);
    await eventually("ready", () => task.stdout.includes('"ready"'), 15_000);
    task.signal("SIGTERM");
    const { code, stderr } = await task.ended;
    assertEquals([code, countLogged(stderr, "drain called")], [0, 1]);
    assertEquals(/"result":"(\w+)"/.exec(stderr)?.[1], "drained");
    await Deno.remove(folder, { recursive: true });
  }));

Deno.test("Ctrl-C in a terminal is one press, though deno task passes it on again", async () => {
  const present = await runChild("/usr/bin/script", ["--version"], { timeoutMs: 5000 });
  assertEquals(present.code, 0, "script is missing: install bsdutils");
  await withData(async (data) => {
    const folder = await makeTaskFolder();
    const words = [Deno.execPath(), "task", ...taskArguments(folder, data)];
    for (const presses of [1, 2]) {
      const args = presses === 1 ? words : [...words, "--name", "busy"];
      // \x03 on a terminal's input signals its foreground group; the pauses are a person's.
      const typing = `${"sleep 0.8; printf '\\003'; ".repeat(presses)} sleep 3`;
      const command = `(until grep -q ready ${folder}/out; do sleep 0.1; done; ${typing}) | ` +
        `script -q -e -f -c '${args.join(" ")}' ${folder}/out`;
      await using terminal = startTask("/bin/sh", ["-c", command]);
      const { stdout } = await terminal.ended;
      assertEquals(countLogged(stdout, "drain called"), 1);
      assertEquals(/"result":"(\w+)"/.exec(stdout)?.[1], presses === 1 ? "drained" : "stopped");
      await Deno.remove(`${folder}/out`);
    }
    await Deno.remove(folder, { recursive: true });
  });
});

function taskArguments(folder: string, data: string): string[] {
  return [
    ...["--config", `${folder}/deno.json`, "--quiet", "node", "--data", data, "--name", "slow"],
    ...["--host", "127.0.0.1", "--rtmp-port", "0", "--workers", "1", "--log-format", "json"],
  ];
}

function startTask(command: string, args: readonly string[]): Child {
  return new Child(command, args, { timeoutMs: 30_000, orphanSignal: "TERM" });
}
