// Goal: Transport fields of real players and servers mean what they meant, and never a third party.
// Method: fields from recorded connections and manuals, both directions; refusals.
import { assertEquals } from "../../support/assert.ts";
import {
  parseTransportRequest,
  parseTransportResponse,
  type TransportRequest,
  type TransportResponse,
  writeTransportRequest,
  writeTransportResponse,
} from "../../../protocols/rtsp/transport.ts";

const REQUESTS: { origin: string; field: string; offers: TransportRequest[]; written?: true }[] = [
  {
    origin: "ffmpeg 5.1.9, playing by TCP",
    field: "RTP/AVP/TCP;unicast;interleaved=0-1",
    offers: [{ kind: "tcp", channels: [0, 1], mode: undefined }],
    written: true,
  },
  {
    origin: "ffmpeg 5.1.9, publishing by TCP",
    field: "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
    offers: [{ kind: "tcp", channels: [2, 3], mode: "record" }],
    written: true,
  },
  {
    origin: "GStreamer 1.22, playing by UDP",
    field: "RTP/AVP;unicast;client_port=49468-49469",
    offers: [{ kind: "udp", clientPorts: [49468, 49469], mode: undefined }],
    written: true,
  },
  {
    origin: "GStreamer 1.22, publishing by UDP",
    field: "RTP/AVP/UDP;unicast;client_port=39562-39563;mode=RECORD",
    offers: [{ kind: "udp", clientPorts: [39562, 39563], mode: "record" }],
  },
  {
    origin: "RFC 2326, 12.39: multicast, which we do not speak",
    field:
      'RTP/AVP;multicast;ttl=127;mode="PLAY", RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"',
    offers: [{ kind: "udp", clientPorts: [3456, 3457], mode: "play" }],
  },
  {
    origin: "a list, TCP without channels first",
    field: "RTP/AVP/TCP;unicast , rtp/avp ;unicast; client_port = 5000",
    offers: [
      { kind: "tcp", channels: undefined, mode: undefined },
      { kind: "udp", clientPorts: [5000, 5001], mode: undefined },
    ],
  },
  {
    origin: "another host's address and ports of our own choice: the address is not looked at",
    field: "RTP/AVP;unicast;destination=203.0.113.9;source=203.0.113.9;client_port=7-9",
    offers: [{ kind: "udp", clientPorts: [7, 9], mode: undefined }],
  },
  ...[
    "RTP/AVP;unicast;client_port=0-1",
    "RTP/AVP;unicast;client_port=65535",
    "RTP/AVP;unicast;client_port=70000-70001",
    "RTP/AVP;unicast;client_port=-5",
    "RTP/AVP;unicast",
    "RTP/AVP/TCP;interleaved=256-257",
    "RTP/AVP/TCP;interleaved=0-0",
    "RTP/AVP/TCP;interleaved=a",
    "RTP/SAVP;unicast;client_port=1-2",
    "x-pn-tng/tcp",
    "MP2T/H2221/UDP;unicast;client_port=1-2",
    "RTP/AVP/TCP;interleaved=0-1;mode=dance",
    "",
  ].map((field) => ({ origin: `not ours: "${field}"`, field, offers: [] })),
];

for (const { origin, field, offers, written } of REQUESTS) {
  Deno.test(`parseTransportRequest() reads ${origin}`, () => {
    assertEquals(parseTransportRequest(field), offers);
    if (written) assertEquals(writeTransportRequest(offers[0]), field);
  });
}

const RESPONSES: { origin: string; field: string; response: TransportResponse; ours?: true }[] = [
  {
    origin: "gst-rtsp-server 1.22, TCP",
    field: 'RTP/AVP/TCP;unicast;interleaved=0-1;mode="RECORD"',
    response: {
      transport: { kind: "tcp", channels: [0, 1] },
      ssrc: undefined,
      source: undefined,
    },
    ours: true,
  },
  {
    origin: "VLC 3.0.24",
    field:
      "RTP/AVP/UDP;unicast;client_port=28958-28959;server_port=40981-40982;ssrc=D1C853CF;mode=play",
    response: {
      transport: { kind: "udp", clientPorts: [28958, 28959], serverPorts: [40981, 40982] },
      ssrc: 0xd1c853cf,
      source: undefined,
    },
  },
  {
    origin: "a camera that sends from another address",
    field: "RTP/AVP;unicast;source=192.0.2.4;client_port=2-3;server_port=4-5",
    response: {
      transport: { kind: "udp", clientPorts: [2, 3], serverPorts: [4, 5] },
      ssrc: undefined,
      source: "192.0.2.4",
    },
  },
];

for (const { origin, field, response, ours } of RESPONSES) {
  Deno.test(`parseTransportResponse() reads ${origin}`, () => {
    assertEquals(parseTransportResponse(field), response);
    if (ours) assertEquals(writeTransportResponse(response.transport, { mode: "record" }), field);
  });
}

Deno.test("writeTransportResponse() pads the SSRC, and what it writes can be read", () => {
  const transport = { kind: "udp", clientPorts: [2, 3], serverPorts: [4, 5] } as const;
  const field = writeTransportResponse(transport, { mode: "play", ssrc: 0xabc });
  assertEquals(
    field,
    'RTP/AVP;unicast;client_port=2-3;server_port=4-5;ssrc=00000abc;mode="PLAY"',
  );
  assertEquals(parseTransportResponse(field), { transport, ssrc: 0xabc, source: undefined });
});

Deno.test("parseTransportResponse() refuses what we cannot use", () => {
  for (const field of ["", "RTP/AVP;unicast;client_port=2-3", "RTP/AVP/TCP", "RTP/AVP;multicast"]) {
    assertEquals(parseTransportResponse(field), undefined, field);
  }
});
