// Goal: a Redis URL says what its operator meant, or is refused with one clear sentence.
// Method: a row for each form and for each mistake; no refusal repeats anything of the URL.
import {
  describeRedis,
  parseRedisUrl,
  REDIS_HOSTS_MAX,
  type RedisTarget,
} from "../../../cluster/directory/redis_url.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const local = { host: "localhost", port: 6379 };
const plain = { mode: "single", tls: false, hosts: [local], db: 0 } as const;
const sentinels = { mode: "sentinel", tls: false, db: 0, name: "main", sentinel: {} } as const;

const ROWS: readonly { url: string; target: RedisTarget; described: string }[] = [
  { url: "redis://localhost", target: plain, described: "redis://localhost:6379/0" },
  { url: "redis://localhost/", target: plain, described: "redis://localhost:6379/0" },
  { url: "redis://localhost:6379/0", target: plain, described: "redis://localhost:6379/0" },
  {
    url: "rediss://app:p%40ss%2F%3A@10.0.0.1:6380/7",
    target: {
      ...{ mode: "single", tls: true, hosts: [{ host: "10.0.0.1", port: 6380 }], db: 7 },
      ...{ username: "app", password: "p@ss/:" },
    },
    described: "rediss://10.0.0.1:6380/7",
  },
  {
    url: "redis://:a:b@c@localhost",
    target: { ...plain, password: "a:b@c" },
    described: "redis://localhost:6379/0",
  },
  {
    url: "redis://@localhost",
    target: plain,
    described: "redis://localhost:6379/0",
  },
  {
    url: "redis://[2001:db8::1]:7000",
    target: { ...plain, hosts: [{ host: "2001:db8::1", port: 7000 }] },
    described: "redis://[2001:db8::1]:7000/0",
  },
  {
    url: "redis+sentinel://a,b:1,[::1]/main",
    target: {
      ...sentinels,
      hosts: [{ host: "a", port: 26379 }, { host: "b", port: 1 }, { host: "::1", port: 26379 }],
    },
    described: "redis+sentinel://a:26379,b:1,[::1]:26379/main",
  },
  {
    url: "rediss+sentinel://u:p@a/my%20main?db=3&sentinel-user=s&sentinel-password=q%26",
    target: {
      ...{ mode: "sentinel", tls: true, hosts: [{ host: "a", port: 26379 }], db: 3 },
      ...{ name: "my main", username: "u", password: "p" },
      sentinel: { username: "s", password: "q&" },
    },
    described: "rediss+sentinel://a:26379/my%20main",
  },
  {
    url: "redis+cluster://:p@a:7000,b:7001",
    target: {
      ...{ mode: "cluster", tls: false, password: "p" },
      hosts: [{ host: "a", port: 7000 }, { host: "b", port: 7001 }],
    },
    described: "redis+cluster://a:7000,b:7001",
  },
  {
    url: "rediss+cluster://a/",
    target: { mode: "cluster", tls: true, hosts: [{ host: "a", port: 6379 }] },
    described: "rediss+cluster://a:6379",
  },
];

for (const { url, target, described } of ROWS) {
  Deno.test(`parseRedisUrl() reads ${url}`, () => {
    assertEquals(parseRedisUrl(url), { ok: true, target });
  });

  Deno.test(`describeRedis() keeps the credentials of ${url} to itself`, () => {
    assertEquals(describeRedis(target), described);
  });
}

const MISTAKES: readonly { url: string; says: RegExp }[] = [
  { url: "", says: /begin with redis:/ },
  { url: "hunter2", says: /begin with redis:/ },
  { url: "http://:hunter2@localhost", says: /begin with redis:/ },
  { url: "Redis://:hunter2@localhost", says: /begin with redis:/ },
  { url: "redis+hunter2://localhost", says: /begin with redis:/ },
  { url: "redis://", says: /name its host/ },
  { url: "redis://:hunter2@", says: /name its host/ },
  { url: "redis://:hunter2@:6379", says: /name its host/ },
  { url: "redis://:hunter2@a b", says: /name its host/ },
  { url: "redis://:hunter2@::1", says: /name its host/ },
  { url: "redis://:hunter2@localhost:0", says: /port from 1 to 65535/ },
  { url: "redis://:hunter2@localhost:65536", says: /port from 1 to 65535/ },
  { url: "redis://:hun/ter2@localhost", says: /name its host.*"\/" %2F/ },
  { url: "redis://localhost/hunter2", says: /number from 0 to 65535/ },
  { url: "redis://localhost/65536", says: /number from 0 to 65535/ },
  { url: "redis://:hun?ter2@localhost", says: /"\?"|name its host/ },
  { url: "redis://:hunter2@localhost?db=1", says: /no options behind "\?"/ },
  { url: "redis://:hun#ter2@localhost", says: /"#"/ },
  { url: "redis://:hunter2%@localhost", says: /percent-encoded/ },
  { url: "redis://hunter2@localhost", says: /password with the user/ },
  { url: "redis://a,hunter2", says: /one host.*sentinel.*cluster/ },
  { url: "redis+sentinel://hunter2", says: /end in the name/ },
  { url: "redis+sentinel://hunter2/", says: /end in the name/ },
  { url: "redis+sentinel://a/b/hunter2", says: /end in the name/ },
  { url: "redis+sentinel://a/b?hunter2=1", says: /no options but db/ },
  { url: "redis+sentinel://a/b?db=hunter2", says: /number from 0/ },
  { url: "redis+sentinel://a/b?sentinel-user=hunter2", says: /password with the user/ },
  { url: "redis+cluster://a,hunter2/1", says: /one database/ },
  { url: "redis+cluster://a,,hunter2", says: /name its host/ },
  { url: `redis+cluster://${"hunter2,".repeat(REDIS_HOSTS_MAX)}b`, says: /at most 32 hosts/ },
  { url: `redis://${"hunter2".repeat(1_500)}`, says: /at most 8192 characters/ },
];

for (const { url, says } of MISTAKES) {
  Deno.test(`parseRedisUrl() refuses ${JSON.stringify(url.slice(0, 60))}`, () => {
    const result = parseRedisUrl(url);
    assert(!result.ok, "accepted");
    assert(says.test(result.reason), result.reason);
    assert(!/hun|ter2/.test(result.reason), "repeats the URL");
    assert(!result.reason.includes("\n") && !result.reason.endsWith("."), "not one sentence");
  });
}

Deno.test("parseRedisUrl() survives anything, fast", () => {
  const random = seededRandom(7);
  const parts = [
    "redis",
    "s",
    "+sentinel",
    "+cluster",
    "://",
    ":",
    "@",
    "/",
    "?",
    "#",
    "%4",
    "%41",
  ];
  parts.push("a", "[", "]", "::1", ",", "&", "=", "db", "6379", "\0", "é", "\ud800", " ");
  for (let round = 0; round < 20_000; round++) {
    let url = round % 2 === 0 ? "" : "redis://";
    const length = randomInteger(random, 12);
    for (let n = 0; n < length; n++) url += parts[randomInteger(random, parts.length)];
    const result = parseRedisUrl(url);
    if (!result.ok) continue;
    assert(result.target.hosts.length > 0);
    const secret = result.target.password;
    if (secret !== undefined && secret.length > 3) {
      assert(!describeRedis(result.target).includes(secret));
    }
  }
});
