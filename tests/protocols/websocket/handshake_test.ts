// Goal: accept the upgrades that browsers ask for, refuse the others with the right status.
// Method: the example of RFC 6455, 1.3, and a request captured from Chromium 156 on loopback.
import {
  acceptKey,
  acceptUpgrade,
  asksForWebSocket,
  upgradeResponseHead,
} from "../../../protocols/websocket/handshake.ts";
import { assertEquals } from "../../support/assert.ts";

const CHROMIUM = {
  method: "GET",
  headers: {
    host: "127.0.0.1:47625",
    connection: "Upgrade",
    upgrade: "websocket",
    origin: "null",
    "sec-websocket-version": "13",
    "sec-websocket-key": "KZAWaSq+zklX2mkKADdHSQ==",
    "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
  },
};

Deno.test("acceptKey() answers the key of RFC 6455, 1.3", () => {
  assertEquals(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("acceptUpgrade() answers Chromium as Python's hashlib does", () => {
  assertEquals(acceptUpgrade(CHROMIUM), { ok: true, accept: "olyHZ4Lk0C5TqvStbQVhlUYraLo=" });
});

Deno.test("acceptUpgrade() finds tokens among others and in any case", () => {
  const headers = { ...CHROMIUM.headers, connection: "keep-alive, Upgrade", upgrade: "WebSocket" };
  assertEquals(acceptUpgrade({ method: "GET", headers }).ok, true);
  const lists = { ...headers, connection: ["keep-alive", "Upgrade"] };
  assertEquals(acceptUpgrade({ method: "GET", headers: lists }).ok, true);
});

const REFUSED = [
  { name: "a POST", method: "POST", headers: {}, status: 400 },
  { name: "no Connection: Upgrade", headers: { connection: "keep-alive" }, status: 400 },
  { name: "another protocol", headers: { upgrade: "h2c" }, status: 400 },
  { name: "version 8", headers: { "sec-websocket-version": "8" }, status: 426 },
  { name: "no version", headers: { "sec-websocket-version": undefined }, status: 426 },
  { name: "no key", headers: { "sec-websocket-key": undefined }, status: 400 },
  {
    name: "a key of 15 bytes",
    headers: { "sec-websocket-key": "KZAWaSq+zklX2mkKADdH" },
    status: 400,
  },
];

for (const { name, method = "GET", headers, status } of REFUSED) {
  Deno.test(`acceptUpgrade() refuses ${name}`, () => {
    const request = { method, headers: { ...CHROMIUM.headers, ...headers } };
    const result = acceptUpgrade(request);
    assertEquals(result.ok ? 101 : result.status, status);
  });
}

Deno.test("asksForWebSocket() tells an upgrade from a plain request", () => {
  assertEquals(asksForWebSocket(CHROMIUM), true);
  assertEquals(asksForWebSocket({ method: "GET", headers: { host: "a" } }), false);
});

Deno.test("upgradeResponseHead() is a whole head", () => {
  assertEquals(
    upgradeResponseHead("olyHZ4Lk0C5TqvStbQVhlUYraLo=", { "Cache-Control": "no-store" }),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: olyHZ4Lk0C5TqvStbQVhlUYraLo=\r\nCache-Control: no-store\r\n\r\n",
  );
});
