/**
 * Fuzz targets over whole RTMP sessions. Seeds are recorded connections; `run` swallows what a
 * peer may cause and throws on what it must not.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { ClientSession } from "../../protocols/rtmp/client_session.ts";
import { MEDIA_MESSAGE_BYTES_MAX } from "../../protocols/rtmp/server_streams.ts";
import { SERVER_OUTPUT_BYTES_MAX, ServerSession } from "../../protocols/rtmp/server_session.ts";

/** One thing to fuzz. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Throws on a defect, never for what the input is allowed to cause. */
  run(input: Uint8Array): void;
}

const VECTORS = new URL("../vectors/rtmp_sessions/", import.meta.url);
const HANDSHAKE_BYTES = 1 + 2 * 1536;

function vector(name: string): Uint8Array {
  return Deno.readFileSync(new URL(name, VECTORS));
}

/** Clients' connections without the handshake, which `runServer` puts in front again. */
const CLIENT_SEEDS = [
  "ffmpeg_5.1_publish.bin",
  "gstreamer_1.22_rtmp2sink_publish.bin",
  "ffmpeg_5.1_play.bin",
  "rtmpdump_2.4_play.bin",
].map((name) => vector(name).subarray(HANDSHAKE_BYTES));

const SERVER_SEEDS = [
  "nginx_rtmp_1.2.2_to_our_publish.bin",
  "nginx_rtmp_1.2.2_to_our_play.bin",
].map((name) => vector(name).subarray(HANDSHAKE_BYTES));

const HANDSHAKE = Uint8Array.of(3, ...new Uint8Array(HANDSHAKE_BYTES - 1));
const RANDOM = new Uint8Array(1536);

/** All targets. */
export const RTMP_SESSION_FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: "server session, decisions at once", seeds: CLIENT_SEEDS, run: runServer(false) },
  { name: "server session, decisions later", seeds: CLIENT_SEEDS, run: runServer(true) },
  { name: "server session, from the first byte", seeds: CLIENT_SEEDS, run: runServerRaw },
  { name: "client session, publishing", seeds: SERVER_SEEDS, run: runClient("publish") },
  { name: "client session, playing", seeds: SERVER_SEEDS, run: runClient("play") },
];

/** The input's first byte chooses how it is cut, so that fragmentation is fuzzed too. */
function forEachPiece(input: Uint8Array, take: (piece: Uint8Array) => void): void {
  const pieceMax = input.length === 0 ? 1 : 1 + input[0] * input[0];
  for (let at = 0; at < input.length; at += pieceMax) take(input.slice(at, at + pieceMax));
}

function runServer(later: boolean): (input: Uint8Array) => void {
  return (input) => {
    const publishing = new Set<number>();
    const pending: (() => void)[] = [];
    const decide = (decision: () => void) => void (later ? pending.push(decision) : decision());
    const session: ServerSession = new ServerSession({
      connect: () => decide(() => session.acceptConnect()),
      publish: ({ streamId, app, name }) => {
        checkName(app, name);
        decide(() => void (session.acceptPublish(streamId) && publishing.add(streamId)));
      },
      play: ({ streamId, app, name }) => {
        checkName(app, name);
        decide(() => session.acceptPlay(streamId));
      },
      pause: () => {},
      receive: () => {},
      media: (streamId, _typeId, _timestampMs, body) => {
        check(publishing.has(streamId), `media of stream ${streamId}, which does not publish`);
        check(body.length <= MEDIA_MESSAGE_BYTES_MAX, `a body of ${body.length} bytes`);
      },
      ended: (streamId) => void publishing.delete(streamId),
    }, { random: RANDOM });
    tolerant(() => {
      session.feed(HANDSHAKE);
      forEachPiece(input, (piece) => {
        session.feed(piece);
        // Each decision lets the input run to the next; it cannot ask more often than it has bytes.
        for (let decision = pending.shift(); decision !== undefined; decision = pending.shift()) {
          decision();
          session.resume();
        }
        check(!session.waiting, "it waits and nobody was asked");
        const bytes = session.takeOutput()?.length ?? 0;
        check(bytes <= SERVER_OUTPUT_BYTES_MAX, `${bytes} bytes of output`);
      });
    });
  };
}

function runServerRaw(input: Uint8Array): void {
  const session: ServerSession = new ServerSession({
    connect: () => session.acceptConnect(),
    publish: ({ streamId }) => session.refusePublish(streamId, "NetStream.Publish.BadName", "no"),
    play: () => {}, // Never decided.
    pause: () => {},
    receive: () => {},
    media: () => check(false, "media, but no publish was ever accepted"),
    ended: () => {},
  }, { random: RANDOM });
  tolerant(() => forEachPiece(input, (piece) => session.feed(piece)));
}

function runClient(role: "publish" | "play"): (input: Uint8Array) => void {
  return (input) => {
    let ends = 0;
    const session = new ClientSession({
      status: () => {},
      ready: () => check(session.state === "ready", "ready in another state"),
      media: () => check(role === "play", "media for a publisher"),
      ended: () => check(++ends === 1, "ended twice"),
    }, { tcUrl: "rtmp://h/a", app: "a", streamName: "n", role, random: RANDOM });
    tolerant(() => {
      session.feed(HANDSHAKE);
      forEachPiece(input, (piece) => {
        session.feed(piece);
        session.takeOutput();
      });
    });
    session.close();
  };
}

function checkName(app: string, name: string): void {
  const elements = [app, ...name.split("/")];
  const bad = elements.some((element) => element === "" || element === "." || element === "..");
  check(!bad && !/\p{Cc}/u.test(app + name), `the name ${JSON.stringify([app, name])}`);
}

/** A peer may break the rules; nothing else may come of its input. */
function tolerant(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`RTMP session fuzz: ${what}`);
}
