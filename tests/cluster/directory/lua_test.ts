// Goal: the scripts can run in a Redis Cluster and on old servers, and keep their limits.
// Method: read their text; what they do is tested against a real Redis.
import { DEAD_MAX, MEMBERS_MAX } from "../../../cluster/directory/checks.ts";
import { luaScripts } from "../../../cluster/directory/lua.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const scripts = Object.entries(luaScripts("SPUBLISH"));

Deno.test("luaScripts() touches no key but those it is given", () => {
  for (const [name, lua] of scripts) {
    const calls = [...lua.matchAll(/redis\.p?call\('([A-Z]+)'(?:, ([^,)]+))?/g)];
    assert(calls.length > 0, name);
    for (const [, command, first] of calls) {
      if (command !== "TIME") {
        assert(/^KEYS\[(\d+|index)\]$/.test(first), `${name}: ${command} ${first}`);
      }
    }
  }
});

Deno.test("luaScripts() walks over nothing that grows with streams", () => {
  for (const [name, lua] of scripts) {
    assert(!/'(KEYS|SCAN|SMEMBERS|LRANGE|XRANGE)'/.test(lua), name);
  }
});

Deno.test("luaScripts() notes the pulse in every script about members, first of all", () => {
  const without = scripts.filter(([, lua]) => !lua.includes("'tick'")).map(([name]) => name);
  assertEquals(without, ["hwSecret", "hwClaim", "hwReassert", "hwRelease", "hwTimeline"]);
  for (const [name, lua] of scripts) {
    const pulse = lua.indexOf("HSET', KEYS[4]");
    const first = lua.search(/redis\.call\('(?!TIME|HMGET)/);
    if (pulse !== -1) assert(first >= pulse - "redis.call('".length, name);
  }
});

Deno.test("luaScripts() publishes as it is told, and survives a refusal", () => {
  for (const publisher of ["PUBLISH", "SPUBLISH"] as const) {
    const { hwJoin, hwSetState, hwSuspect, hwLeave, hwRenew } = luaScripts(publisher);
    for (const lua of [hwJoin, hwSetState, hwSuspect, hwLeave]) {
      assert(lua.includes(`redis.pcall('${publisher}'`));
    }
    assert(!hwRenew.includes("PUBLISH"));
  }
});

Deno.test("luaScripts() carries the limits that memory has", () => {
  const { hwJoin } = luaScripts("PUBLISH");
  assert(hwJoin.includes(`>= ${MEMBERS_MAX} `));
  assert(hwJoin.includes(`0, ${-DEAD_MAX - 1})`));
});
