// Goal: what clients send as credentials is read alike wherever they put it, and odd input is
//   nobody's credentials instead of an error.
// Method: Authorization fields as curl 7.88 sent them and as the RFCs print them; others by hand.
import { assertEquals } from "../../support/assert.ts";
import {
  CREDENTIAL_LENGTH_MAX,
  type Credentials,
  credentialsFromAuthorization,
  credentialsFromQuery,
  credentialsFromUrl,
  mergeCredentials,
  writeCredentials,
} from "../../../protocols/media/credentials.ts";

const FIELDS: [origin: string, value: string, Credentials][] = [
  ["curl -u cäm:pa:ss", "Basic Y8OkbTpwYTpzcw==", { user: "cäm", pass: "pa:ss" }],
  ["RFC 7617, section 2", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", {
    user: "Aladdin",
    pass: "open sesame",
  }],
  ["RFC 7617, section 2.1", "Basic dGVzdDoxMjPCow==", { user: "test", pass: "123£" }],
  ["RFC 6750, section 2.1", "Bearer mF_9.B5f-4.1JqM", { token: "mF_9.B5f-4.1JqM" }],
  ["schemes have no case", "bAsIc  dTo=", { user: "u", pass: "" }],
  ["no colon", "Basic dQ==", {}],
  ["no Base64", "Basic !!!", {}],
  ["no UTF-8", "Basic /zo=", {}],
  ["another scheme", 'Digest username="u"', {}],
  ["two tokens", "Bearer a b", {}],
  ["a scheme alone", "Basic", {}],
  ["nothing", "", {}],
];

for (const [origin, value, credentials] of FIELDS) {
  Deno.test(`credentialsFromAuthorization() reads ${origin}`, () => {
    assertEquals(credentialsFromAuthorization(value), credentials);
  });
}

Deno.test("credentialsFromUrl() reads user info", () => {
  const rows: [string, Credentials][] = [
    ["rtmp://cam:pa%3Ass@host:1935/live", { user: "cam", pass: "pa:ss" }],
    ["rtmp://c%40m:a:b@host/live", { user: "c@m", pass: "a:b" }],
    ["rtmp://a@b:c@host/live", { user: "a@b", pass: "c" }],
    ["rtmp://cam@host/live", { user: "cam", pass: "" }],
    ["rtmp://cam:%zz@host", { user: "cam", pass: "%zz" }],
    ["rtmp://host/live/a@b", {}],
    ["rtmp://host?x=a@b", {}],
    ["cam:pass@host", {}],
    ["", {}],
  ];
  for (const [url, credentials] of rows) assertEquals(credentialsFromUrl(url), credentials);
});

Deno.test("credentialsFromQuery() takes the first of each, and nothing too long", () => {
  const read = (query: string) => credentialsFromQuery(new URLSearchParams(query));
  assertEquals(read("user=a&pass=b%26c&user=d&x=y"), { user: "a", pass: "b&c" });
  assertEquals(read("token=t&Token=u"), { token: "t" });
  assertEquals(read("x=y"), {});
  assertEquals(read(`token=${"x".repeat(CREDENTIAL_LENGTH_MAX)}`).token?.length, 4096);
  assertEquals(read(`token=${"x".repeat(CREDENTIAL_LENGTH_MAX + 1)}`), {});
});

Deno.test("mergeCredentials() keeps a user and its password together", () => {
  const rows: [Credentials, Credentials, Credentials][] = [
    [{ user: "a" }, { user: "b", pass: "c", token: "t" }, { user: "a", token: "t" }],
    [{ token: "t" }, { user: "b", pass: "c" }, { user: "b", pass: "c", token: "t" }],
    [{ token: "t" }, { token: "u" }, { token: "t" }],
    [{}, {}, {}],
  ];
  for (const [first, second, merged] of rows) {
    assertEquals(mergeCredentials(first, second), merged);
  }
});

Deno.test("writeCredentials() writes what credentialsFromQuery() reads", () => {
  const credentials = { user: "ä b", pass: `&="#?/+%'`, token: "t" };
  const query = writeCredentials(credentials);
  assertEquals(credentialsFromQuery(new URLSearchParams(query)), credentials);
  assertEquals(/^[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/.test(query), true); // RFC 3986, section 3.4
  assertEquals(writeCredentials({}), "");
  assertEquals(writeCredentials({ token: "\ud800" }), "token=%EF%BF%BD");
});
