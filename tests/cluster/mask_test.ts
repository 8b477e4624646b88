// Goal: no credential of a URL, a query or a header gets into the log.
// Method: texts as clients and libraries write them, each with what must be left of it.
import { assert, assertEquals } from "../support/assert.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { isCredentialField, maskCredentials } from "../../cluster/mask.ts";

const ROWS: readonly [string, string][] = [
  ["rtmp://bob:hunter2@host/live/cam", "rtmp://***@host/live/cam"],
  ["rtmp://bob@host/live", "rtmp://***@host/live"],
  ["redis://:hunter2@host:6379/0", "redis://***@host:6379/0"],
  ["//bob:hunter2@host", "//***@host"],
  ["http://bob:a@b@host/x", "http://***@host/x"],
  ["http://b%40b:p%2Fw@[::1]:80/", "http://***@[::1]:80/"],
  ["from rtmp://a:b@c/d to http://e:f@g/h", "from rtmp://***@c/d to http://***@g/h"],
  ["rtmp://host/live/cam?user=bob&pass=hunter2", "rtmp://host/live/cam?user=***&pass=***"],
  ["live/cam?token=a.b-c_d", "live/cam?token=***"],
  ["/live/cam.flv?x=1&password=p&y=2#frag", "/live/cam.flv?x=1&password=***&y=2#frag"],
  ["?key=1;secret=2&KEY=3&Token=4", "?key=***;secret=***&KEY=***&Token=***"],
  ["?to%6ben=x&p%61ss=y", "?to%6ben=***&p%61ss=***"],
  ["?stream_key=x&X-Amz-Signature=y&api-key=z", "?stream_key=***&X-Amz-Signature=***&api-key=***"],
  ["token=x", "token=***"],
  ["?token=ab?cd=ef&x=1", "?token=***&x=1"],
  ["?url=rtmp://h/live/cam?token=abc", "?url=rtmp://h/live/cam?token=***"],
  ["?a=b=c&pass=d=e", "?a=b=c&pass=***"],
  ['tcUrl="rtmp://h/a?token=abc"', 'tcUrl="rtmp://h/a?token=***"'],
  [`?${"a".repeat(100)}token=x`, `?${"a".repeat(100)}token=***`],
  ["Authorization: Bearer abc.def", "Authorization: Bearer ***"],
  ["basic YWxhZGRpbg==", "basic ***"],
  ["?%E0%A4%A=1&pass=2", "?%E0%A4%A=1&pass=***"],
];

for (const [text, expected] of ROWS) {
  Deno.test(`maskCredentials() hides what is secret in ${text.slice(0, 60)}`, () => {
    assertEquals(maskCredentials(text), expected);
    assertEquals(maskCredentials(expected), expected); // Masking twice changes nothing.
  });
}

Deno.test("maskCredentials() leaves everything else alone", () => {
  for (
    const text of [
      "",
      "publisher left",
      "rtmp://host:1935/live/cam",
      "http://host/a@b",
      "http://host/?mail=a@b",
      "user bob, pass 7",
      "?pass=&x=1",
      "a=1&b=2",
      "tokens=1",
    ]
  ) assertEquals(maskCredentials(text), text);
});

Deno.test("maskCredentials() lets no secret through in seeded compositions", () => {
  const pieces = [
    "rtmp://",
    "host/",
    "?",
    "&",
    "x=1",
    ";",
    "%41",
    "@",
    "#",
    '"',
    " ",
    "=",
    "name=",
  ];
  const carriers = [
    "?token=S3CRET",
    "&pass=S3CRET",
    " key=S3CRET",
    " http://u:S3CRET@h",
    ";user=S3CRET",
  ];
  const random = seededRandom(7);
  const pick = (texts: readonly string[]) => texts[randomInteger(random, texts.length)];
  for (let round = 0; round < 5000; round++) {
    const around = () =>
      Array.from({ length: randomInteger(random, 8) }, () => pick(pieces)).join("");
    const text = around() + pick(carriers) + around();
    assert(!maskCredentials(text).includes("S3CRET"), `seed 7, round ${round}: ${text}`);
  }
});

Deno.test("maskCredentials() is quick on hostile text", () => {
  for (const unit of ["a", "a=", "?", "//", "//@", "=", "Basic ", "?token=", "%", "\u{1F600}"]) {
    const startMs = performance.now();
    maskCredentials(unit.repeat(20_000) + "@=");
    assert(performance.now() - startMs < 1000, unit);
  }
});

Deno.test("isCredentialField() knows credentials, but not an actor's key or a user's name", () => {
  for (const name of ["password", "pass", "apiToken", "secret", "Authorization"]) {
    assert(isCredentialField(name), name);
  }
  for (const name of ["key", "user", "tokens", "passed"]) assert(!isCredentialField(name), name);
});
