// Goal: no name, however odd, gets at another key; all keys of a script are in one slot.
// Method: awkward names; the part that decides the slot is found as Redis Cluster finds it.
import { encodeName, RedisKeys } from "../../../cluster/directory/redis_keys.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

/** What stands between the first "{" and the next "}" (Redis Cluster specification, hash tags). */
function hashTag(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close);
}

Deno.test("encodeName() keeps letters, digits, _ and -, and encodes everything else", () => {
  assertEquals(encodeName("Az09_-"), "Az09_-");
  assertEquals(encodeName("a/b.c"), "a%2Fb%2Ec");
  assertEquals(encodeName("{}:*?| \n\0%"), "%7B%7D%3A%2A%3F%7C%20%0A%00%25");
  assertEquals(encodeName("!'()~"), "%21%27%28%29%7E");
  assertEquals(encodeName("é🎥"), "%C3%A9%F0%9F%8E%A5");
  assertThrows(() => encodeName("\ud800"), URIError);
});

Deno.test("encodeName() makes no two names alike", () => {
  const random = seededRandom(3);
  const letters = ["a", "A", "%", "4", "1", "%41", "{", "}", ":", "é", "e\u0301", " ", "\0"];
  const seen = new Map<string, string>();
  for (let round = 0; round < 20_000; round++) {
    const name = Array.from(
      { length: randomInteger(random, 6) },
      () => letters[randomInteger(random, letters.length)],
    ).join("");
    const encoded = encodeName(name);
    assertMatch(encoded, /^[A-Za-z0-9_%-]*$/);
    assertEquals(decodeURIComponent(encoded), name);
    assertEquals(seen.get(encoded) ?? name, name);
    seen.set(encoded, name);
  }
});

Deno.test("RedisKeys puts all about members into one slot, each owned thing into its own", () => {
  const keys = new RedisKeys("me{sh}:1");
  const prefix = "hw:me%7Bsh%7D%3A1:";
  const control = [
    ...Object.values(keys.control),
    ...[keys.secret, keys.lease("a}{b"), keys.votes("a}{b")],
  ];
  for (const key of control) {
    assertEquals(hashTag(key), "c");
    assert(key.startsWith(`${prefix}{c}:`), key);
  }
  assertEquals(new Set(control).size, control.length);
  assertEquals(keys.lease("a}{b"), `${prefix}{c}:lease:a%7D%7Bb`);
  assertEquals(keys.owned({ kind: "s", key: "app/c}" }), `${prefix}s:{app%2Fc%7D}:own`);
  assertEquals(keys.owned({ kind: "d", key: "c" }), `${prefix}d:{c}:sess`);
  assertEquals(keys.owned({ kind: "j", key: "c" }), `${prefix}j:{c}:own`);
  assertEquals(hashTag(keys.timeline("x")), hashTag(keys.owned({ kind: "s", key: "x" })));
});

Deno.test("RedisKeys of two meshes, kinds and names are never the same", () => {
  const names = ["c", "a", "a:b", "lease:a", "members", "}:own", "s:{a}:own"];
  const all: string[] = [];
  for (const mesh of ["m", "m:s", "m:{c}"]) {
    const keys = new RedisKeys(mesh);
    all.push(...Object.values(keys.control), keys.secret);
    for (const key of names) {
      all.push(keys.lease(key), keys.votes(key), keys.timeline(key));
      for (const kind of ["s", "d", "j"] as const) all.push(keys.owned({ kind, key }));
    }
  }
  assertEquals(new Set(all).size, all.length);
});
