// Goal: what stands in Redis is checked before it is believed.
// Method: answers as the scripts give them, then with records that others may have left.
import { DirectoryUnavailable } from "../../../cluster/directory/directory.ts";
import {
  decodeClaim,
  decodeJoined,
  decodeOwner,
  decodeRenewed,
  decodeTimeline,
  decodeView,
  encodeLoad,
  encodeMember,
} from "../../../cluster/directory/redis_replies.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { memberOf, NO_LOAD } from "./world.ts";

Deno.test("decodeView() reads what encodeMember() wrote, with the state of the record", () => {
  const member = memberOf("a|b", { incarnation: 1_800_000_000_000_123, zone: 'z"|\n' });
  const text = `1800000000000123|draining|${encodeMember(member)}`;
  const view = decodeView(["9", ["a|b", text]]);
  assertEquals(view.view, 9);
  assertEquals(view.members.get("a|b"), { ...member, state: "draining" });
});

Deno.test("decodeView() leaves out records that make no sense", () => {
  const good = encodeMember(memberOf("a"));
  const bad = [
    ...["", "1|up|", "1|up|{}", "1|up|[]", "1|up|null", "1|up|7", `x|up|${good}`, `1|gone|${good}`],
    ...[`|up|${good}`, `99999999999999999|up|${good}`, `1|up|${good}x`],
    `1|up|${good.replace('"role":"any"', '"role":"king"')}`,
    `1|up|${good.replace('"port":9035', '"port":"9035"')}`,
    `1|up|${good.replace('"weight":1', '"weight":null')}`,
    `1|up|${JSON.stringify({ ...memberOf("a"), addresses: null })}`,
    `1|up|${JSON.stringify({ ...memberOf("a"), addresses: { rtmp: 7 } })}`,
  ];
  const flat = bad.flatMap((text, index) => [`n${index}`, text]);
  const { members } = decodeView(["1", [...flat, "good", `1|up|${good}`, "", `1|up|${good}`]]);
  assertEquals([...members.keys()], ["good"]);
});

Deno.test("decodeView() takes members of newer versions, without what it does not know", () => {
  const text = `5|up|${JSON.stringify({ ...memberOf("a"), colour: "blue" })}`;
  assertEquals(decodeView(["1", ["a", text]]).members.get("a"), memberOf("a", { incarnation: 5 }));
});

Deno.test("decodeRenewed() names the silent, and takes loads as they come", () => {
  const loads = [
    "a",
    encodeLoad({ ...NO_LOAD, cpu: 1.5 }),
    "b",
    "{}",
    "c",
    "?",
    "d",
    '{"cpu":"x"}',
  ];
  const result = decodeRenewed(["renewed", "3", "4", [0, 2], loads], ["x", "y", "z"]);
  assertEquals(result.ok && result.silent, ["x", "z"]);
  assertEquals(result.ok && [...result.loads], [
    ["a", { ...NO_LOAD, cpu: 1.5 }],
    ["b", NO_LOAD],
    ["d", NO_LOAD],
  ]);
  assertEquals(decodeRenewed(["fenced"], []), { ok: false, reason: "fenced" });
  assertEquals(decodeRenewed(["unknown"], []), { ok: false, reason: "unknown" });
});

Deno.test("decodeClaim() and decodeOwner() keep all digits of an epoch", () => {
  const epoch = 9_007_199_254_740_991;
  assertEquals(decodeClaim(["won", "9007199254740991"]), { kind: "won", epoch });
  const owner = { epoch, node: "a", incarnation: 5 };
  assertEquals(decodeClaim(["lost", "9007199254740991", "a", "5"]), { kind: "lost", owner });
  assertEquals(decodeClaim(["late"]), { kind: "late" });
  assertEquals(decodeOwner(["9007199254740991", "a", "5"]), owner);
  assertEquals(decodeOwner(["7", null, null]), { epoch: 7, node: "", incarnation: 0 });
  assertEquals(decodeOwner([null, null, null]), undefined);
});

Deno.test("decodeTimeline() gives a whole one or none", () => {
  assertEquals(decodeTimeline(["1", "2", "3", "-4", "5", "6"])?.newestDtsUs, -4);
  assertEquals(decodeTimeline(["1", "2", "3", "-4", "5", null]), undefined);
  assertEquals(decodeTimeline(["1", "2", "3", "x", "5", "6"]), undefined);
  assertEquals(decodeTimeline([]), undefined);
});

Deno.test("answers out of place are no answers", () => {
  for (const reply of [undefined, null, 7, "OK", [], ["won"], ["won", "x"], ["joined", "1"]]) {
    assertThrows(() => decodeJoined(reply), DirectoryUnavailable);
    assertThrows(() => decodeClaim(reply), DirectoryUnavailable);
    assertThrows(() => decodeView(reply), DirectoryUnavailable);
    assertThrows(() => decodeRenewed(reply, []), DirectoryUnavailable);
  }
  assertThrows(() => decodeOwner("x"), DirectoryUnavailable);
  assertThrows(() => decodeJoined(["full"]), DirectoryUnavailable);
});
