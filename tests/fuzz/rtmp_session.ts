/**
 * Fuzz targets over whole RTMP sessions. Seeds are recorded connections; `run` swallows what a
 * peer may cause and throws on what it must not.
 *
 * @module
 */
import { clientCommand, clientMessage, connectCommand } from "../support/rtmp_session.ts";
import { ProtocolError } from "../../protocols/errors.ts";
import { ClientSession } from "../../protocols/rtmp/client_session.ts";
import { MEDIA_MESSAGE_BYTES_MAX } from "../../protocols/rtmp/server_streams.ts";
import { SERVER_OUTPUT_BYTES_MAX, ServerSession } from "../../protocols/rtmp/server_session.ts";

/** A kind of session under fuzz. */
export interface RtmpSessionFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  /** Throws on a defect, never for what the input is allowed to cause. */
  run(input: Uint8Array): void;
  /** Of so many inputs of a campaign one is run: connections take milliseconds. */
  readonly costs: number;
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

/** Programs for {@link messagesOf}: publish twice, play and end it; then what chance makes of it. */
const PROGRAM_SEEDS = [
  "0001000101000a01000b01000c0100020100010200030100040100",
  "000100020100050100060101070100080100090100020101030100",
  "010100020200010300010000" + "0a00000e01000f01001001001101000d0000",
].map((hex) => Uint8Array.fromHex(hex));

const HANDSHAKE = Uint8Array.of(3, ...new Uint8Array(HANDSHAKE_BYTES - 1));
const RANDOM = new Uint8Array(1536);

/** All targets. */
export const RTMP_SESSION_FUZZ_TARGETS: RtmpSessionFuzzTarget[] = ([
  { name: "server session, decisions at once", seeds: CLIENT_SEEDS, run: runServer(false) },
  { name: "server session, decisions later", seeds: CLIENT_SEEDS, run: runServer(true) },
  { name: "server session, from the first byte", seeds: CLIENT_SEEDS, run: runServerRaw },
  {
    name: "server session, commands in any order",
    seeds: PROGRAM_SEEDS,
    run: runProgram(false),
    costs: 20,
  },
  {
    name: "server session, late in any order",
    seeds: PROGRAM_SEEDS,
    run: runProgram(true),
    costs: 20,
  },
  { name: "client session, publishing", seeds: SERVER_SEEDS, run: runClient("publish") },
  { name: "client session, playing", seeds: SERVER_SEEDS, run: runClient("play") },
] satisfies (Omit<RtmpSessionFuzzTarget, "costs"> & { costs?: number })[]).map((target) => ({
  costs: 2,
  ...target,
}));

/** The input's last byte chooses how it is cut, so that fragmentation is fuzzed too. */
function forEachPiece(input: Uint8Array, take: (piece: Uint8Array) => void): void {
  const pieceMax = 1 + (input.at(-1) ?? 0) ** 2;
  for (let at = 0; at < input.length; at += pieceMax) take(input.slice(at, at + pieceMax));
}

function runServer(later: boolean): (input: Uint8Array) => void {
  return (input) => feedServer(later, (take) => forEachPiece(input, take));
}

/** Well-formed messages in an order of the input's choosing, behind a connect. */
function runProgram(later: boolean): (input: Uint8Array) => void {
  return (input) =>
    feedServer(later, (take) => {
      take(connectCommand({ capsEx: 1 }));
      for (const message of messagesOf(input)) take(message);
    });
}

const COMMANDS = [
  "createStream",
  "publish",
  "play",
  "closeStream",
  "deleteStream",
  "pause",
  "receiveAudio",
  "receiveVideo",
  "FCPublish",
  "FCUnpublish",
  "play2",
  "seek",
  "releaseStream",
  "getStreamLength",
  "nonsense",
  "connect",
];
const MEDIA_TYPES = [8, 9, 18, 15];
const ARGUMENTS = [undefined, "a", "b", true, false, 0, 1, 2, 33, -1, NaN, "../x", "a%2fb", ""];

/** Three bytes of `program` are one message: which, on which stream, with what argument. */
function* messagesOf(program: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 < program.length; at += 3) {
    const streamId = program[at + 1] % 40;
    const value = ARGUMENTS[program[at + 2] % ARGUMENTS.length];
    const which = program[at] % (COMMANDS.length + MEDIA_TYPES.length);
    const command = COMMANDS[which];
    yield command === undefined
      ? clientMessage(MEDIA_TYPES[which - COMMANDS.length], streamId, Uint8Array.of(0, 2, 0))
      : clientCommand(streamId, command, program[at + 2], null, value, -2);
  }
}

function feedServer(later: boolean, feed: (take: (piece: Uint8Array) => void) => void): void {
  const owner = new Owner(later);
  tolerant(() => {
    owner.session.feed(HANDSHAKE);
    feed((piece) => {
      owner.session.feed(piece);
      owner.decide();
    });
    owner.decideAll();
  });
}

/** Accepts everything, at once or as late as it may, and checks what it is told. */
class Owner {
  readonly session: ServerSession;
  readonly #publishing = new Set<number>();
  readonly #pending: (() => void)[] = [];
  readonly #later: boolean;

  constructor(later: boolean) {
    this.#later = later;
    this.session = new ServerSession({
      connect: () => this.#soon(() => this.session.acceptConnect()),
      publish: ({ streamId, app, name }) => {
        checkName(app, name);
        check(!this.#publishing.has(streamId), `stream ${streamId} publishes twice`);
        this.#soon(() => {
          if (this.session.acceptPublish(streamId)) this.#publishing.add(streamId);
        });
      },
      play: ({ streamId, app, name }) => {
        checkName(app, name);
        check(!this.#publishing.has(streamId), `stream ${streamId} plays what it publishes`);
        this.#soon(() => this.session.acceptPlay(streamId));
      },
      pause: () => {},
      receive: () => {},
      media: (streamId, _typeId, _timestampMs, body) => {
        check(this.#publishing.has(streamId), `media of stream ${streamId}, which is not live`);
        check(body.length <= MEDIA_MESSAGE_BYTES_MAX, `a body of ${body.length} bytes`);
      },
      ended: (streamId) => void this.#publishing.delete(streamId),
    }, { random: RANDOM });
  }

  #soon(decision: () => void): void {
    if (this.#later) this.#pending.push(decision);
    else decision();
  }

  /** Decides only what input waits for: plays may be overtaken by what the client does next. */
  decide(): void {
    while (this.session.waiting) {
      check(this.#pending.length > 0, "it waits and nobody was asked");
      this.decideAll();
    }
    const bytes = this.session.takeOutput()?.length ?? 0;
    check(bytes <= SERVER_OUTPUT_BYTES_MAX, `${bytes} bytes of output`);
  }

  decideAll(): void {
    for (const decision of this.#pending.splice(0)) decision();
    this.session.resume();
  }
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
