/**
 * Fuzz targets over RTSP: text, descriptions, framing, tunnels and whole sessions. `run` swallows
 * what a peer may cause and throws on what it must not.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { RtspClientSession } from "../../protocols/rtsp/client_session.ts";
import {
  parseChallenge,
  parseDigestProof,
  provesPassword,
} from "../../protocols/rtsp/digest_auth.ts";
import { ELEMENT_BYTES_MAX, RtspMessageReader } from "../../protocols/rtsp/message_reader.ts";
import { parseSdp, SDP_MEDIA_MAX } from "../../protocols/rtsp/sdp.ts";
import { RTSP_OUTPUT_BYTES_MAX } from "../../protocols/rtsp/server_session.ts";
import {
  parseTransportRequest,
  parseTransportResponse,
  writeTransportRequest,
} from "../../protocols/rtsp/transport.ts";
import { TunnelDecoder } from "../../protocols/rtsp/tunnel.ts";
import { mediaOfSetup, resolveControl, splitControl } from "../../protocols/rtsp/uri.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RtspServerUnderTest, SESSION_IDS } from "../support/rtsp_server.ts";
import { inPieces, RTSP_CONNECTIONS, rtspVector } from "../support/rtsp_sessions.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** Bytes of a recorded connection that are enough: all requests, and some packets. */
const SEED_BYTES = 3_000;

const CLIENT_SEEDS = RTSP_CONNECTIONS.map((name) =>
  withOurSession(rtspVector(name, "client").subarray(0, SEED_BYTES))
);
const SERVER_SEEDS = RTSP_CONNECTIONS.map((name) =>
  rtspVector(name, "server").subarray(0, SEED_BYTES)
);

const SDP_SEEDS = [...CLIENT_SEEDS, ...SERVER_SEEDS].flatMap((bytes) => {
  const [, sdp] = /\r\n\r\n(v=0\r\n[\s\S]*?)(?:\r\n[A-Z]+ rtsp|RTSP\/)/.exec(textOf(bytes)) ?? [];
  return sdp === undefined ? [] : [bytesOf(sdp)];
});

const FIELD_SEEDS = [
  'RTP/AVP;multicast;ttl=127;mode="PLAY", RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"',
  'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1234ABCD;mode="RECORD"',
  "RTP/AVP/UDP;unicast;client_port=28958-28959;server_port=40981-40982;ssrc=D1C853CF;mode=play",
  'Digest username="u", realm="r", nonce="n", uri="rtsp://h/a", response="00", qop=auth, nc=1, cnonce="c"',
  'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque="o", stale=true',
  "rtsp://user:pass@host:554/a/b?token=t/trackID=1",
].map(bytesOf);

export const RTSP_FUZZ_TARGETS: FuzzTarget[] = [
  { name: "RTSP framing", seeds: [...CLIENT_SEEDS, ...SERVER_SEEDS], run: runFraming, costs: 2 },
  { name: "RTSP fields", seeds: FIELD_SEEDS, run: runFields },
  { name: "SDP", seeds: SDP_SEEDS, run: runSdp },
  { name: "RTSP server, decisions at once", seeds: CLIENT_SEEDS, run: runServer(true), costs: 2 },
  { name: "RTSP server, decisions later", seeds: CLIENT_SEEDS, run: runServer(false), costs: 2 },
  { name: "RTSP client, playing", seeds: SERVER_SEEDS, run: runClient("play"), costs: 2 },
  { name: "RTSP client, publishing", seeds: SERVER_SEEDS, run: runClient("publish"), costs: 2 },
  {
    name: "RTSP tunnel",
    seeds: [rtspVector("ffmpeg_5.1_play_http_post", "client").subarray(320)],
    run: runTunnel,
  },
];

/** In one piece and in pieces: the same elements, or the same refusal. */
function runFraming(input: Uint8Array): void {
  const before = input.slice();
  const whole = elementsOf(input, [input.length + 1]);
  assertEquals(elementsOf(input, [1, 5, 200]), whole);
  assertEquals(input, before, "a parser wrote into its input");
}

function elementsOf(input: Uint8Array, sizes: readonly number[]): string[] {
  const seen: string[] = [];
  const reader = new RtspMessageReader({
    message: ({ kind, fields, body }) => seen.push(`${kind} ${fields.size} ${body.length}`),
    interleaved: (channel, packet) => seen.push(`$${channel} ${packet.length}`),
  });
  refusable(() => {
    inPieces(input, sizes, (piece) => {
      reader.feed(piece);
      assert(reader.pendingBytes <= ELEMENT_BYTES_MAX, `${reader.pendingBytes} bytes kept`);
    });
  }, (message) => seen.push(message));
  return seen;
}

function runFields(input: Uint8Array): void {
  const text = textOf(input).replaceAll(/\p{Cc}/gu, "");
  for (const offer of parseTransportRequest(text)) {
    const again = parseTransportRequest(writeTransportRequest({ ...offer, mode: "record" }));
    assertEquals(again, [{ ...offer, mode: "record" as const }]);
  }
  parseTransportResponse(text);
  parseChallenge(text);
  const proof = parseDigestProof(text);
  if (proof !== undefined) assert(!provesPassword(proof, "OPTIONS", "pass"));
  const { target, media } = splitControl(text);
  assert(media === undefined || media < 1000);
  mediaOfSetup(resolveControl("rtsp://h/a", text), target, [text, "a", undefined]);
}

function runSdp(input: Uint8Array): void {
  const { media } = parseSdp(new TextDecoder().decode(input));
  assert(media.length <= SDP_MEDIA_MAX);
  for (const { formats } of media) {
    for (const { payloadType, clockHz, channels } of formats) {
      assert(payloadType >= 0 && payloadType < 128);
      assert(
        Number.isInteger(clockHz) && clockHz >= 0 && Number.isInteger(channels) && channels > 0,
      );
    }
  }
}

function runServer(atOnce: boolean): (input: Uint8Array) => void {
  return (input) => {
    const server = new RtspServerUnderTest({ atOnce });
    const size = 1 + (input.at(-1) ?? 0) ** 2;
    refusable(() =>
      inPieces(input, [size], (piece) => {
        server.session.feed(piece);
        while (server.session.waiting) server.decide();
        server.answers();
        assert(server.output.length <= RTSP_OUTPUT_BYTES_MAX);
        for (const line of server.output.split("\r\n\r\n")[0].split("\r\n")) {
          assert(/^(?:RTSP\/1\.0 \d{3} .*|[A-Z][A-Za-z-]*: .*|)$/.test(line), `line ${line}`);
        }
      })
    );
    for (const told of server.told) assert(!/\p{Cc}|(?:^|[ /])\.\.?(?:\/|$)/u.test(told), told);
  };
}

function runClient(role: "play" | "publish"): (input: Uint8Array) => void {
  return (input) => {
    let over = 0;
    const session: RtspClientSession = new RtspClientSession({
      described: ({ media }) =>
        session.setup(media.map((_, index) => ({
          media: index,
          transport: { kind: "tcp", channels: undefined, mode: undefined },
        }))),
      setUp: () => {},
      ready: () => assertEquals(session.state, "ready"),
      interleaved: () => {},
      redirected: () => assert(++over === 1),
      ended: () => assert(++over === 1),
    }, { uri: "rtsp://h/a", role, sdp: "m=video 0 RTP/AVP 96", cnonce: "c", userAgent: "" });
    // Its first request is number 1, the recorded client's was OPTIONS.
    const shifted = bytesOf(textOf(input).replaceAll(/CSeq: (\d+)/gi, (_, n) => `CSeq: ${n - 1}`));
    refusable(() => {
      inPieces(shifted, [1 + (input.at(-1) ?? 0)], (piece) => {
        session.feed(piece);
        session.takeOutput();
      });
    });
    session.close();
  };
}

function runTunnel(input: Uint8Array): void {
  const decode = (sizes: readonly number[]) => {
    const decoder = new TunnelDecoder();
    let text = "";
    refusable(() => inPieces(input, sizes, (piece) => text += decoder.feed(piece).toHex()));
    return text;
  };
  const pieces = decode([1]);
  const whole = decode([input.length + 1]);
  assert(whole === pieces || whole === "", "pieces are decoded differently");
  assert(pieces.length / 2 <= input.length * 3 / 4);
}

function withOurSession(bytes: Uint8Array): Uint8Array {
  return bytesOf(textOf(bytes).replaceAll(/Session: [^\r]*/g, `Session: ${SESSION_IDS[0]}`));
}

function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A peer may break the rules; nothing else may come of its input. */
function refusable(action: () => void, refused: (message: string) => void = () => {}): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    refused(error.message);
  }
}
