/**
 * RTSP server session: one client's connection, bytes in, events and bytes out.
 *
 * Source: RFC 2326, sections 9 to 12 and appendix A; RFC 7826 where it clarifies. Sans-IO: the owner
 * feeds what the socket brought and sends what {@link RtspServerSession.takeOutput} gives; between
 * any two outputs it may send interleaved packets. Requests are answered in their order: while one
 * awaits its decision, what the client pipelined is kept. `server_request.ts` checks requests.
 *
 * @module
 */
import { ByteOutput } from "../bytes/byte_output.ts";
import { ProtocolError } from "../errors.ts";
import {
  fieldOf,
  type FieldsToWrite,
  type RtspMessage,
  type RtspRequest,
  writeRtspRequest,
  writeRtspResponse,
} from "./message.ts";
import { RtspMessageReader } from "./message_reader.ts";
import {
  type RtspServerEvents,
  type RtspServerRequest,
  USER_AGENT_LENGTH_MAX,
} from "./server_events.ts";
import {
  announcementOf,
  checkDescribe,
  checkRange,
  checkRequest,
  isBlank,
  isCSeq,
  isRefused,
  namedRequest,
  offersOf,
  type Refused,
  requestOf,
  setupTarget,
  statusOfFault,
} from "./server_request.ts";
import {
  isSameStream,
  meansWhole,
  nameOf,
  type Pending,
  type RtpInfo,
  type RtspServerOptions,
  type RtspServerState,
  type Session,
  type SetUpMedia,
  SETUPS_MAX,
  type State,
  usedChannels,
} from "./server_state.ts";
import { type Transport, writeTransportResponse } from "./transport.ts";
import { inList, splitControl, withoutQuery } from "./uri.ts";

export type {
  AnnounceRequest,
  DescribeRequest,
  PlayRequest,
  RecordRequest,
  RtspServerEvents,
  RtspServerRequest,
  SetupRequest,
} from "./server_events.ts";
export type { RtpInfo, RtspServerOptions, RtspServerState, SetUpMedia } from "./server_state.ts";

/** Most output that may wait, in bytes: some descriptions of the largest size. */
export const RTSP_OUTPUT_BYTES_MAX = 256 * 1024;

const PUBLIC = "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, TEARDOWN, " +
  "GET_PARAMETER, SET_PARAMETER";

/** Requests that only a server sends. */
const SERVERS_METHODS: ReadonlySet<string> = new Set(["REDIRECT", "PLAY_NOTIFY"]);

/**
 * The server's end. Decisions return false and do nothing when no such request waits. They, and
 * `redirect`, throw {@link ProtocolError} when the client has let {@link RTSP_OUTPUT_BYTES_MAX}
 * pile up.
 */
export class RtspServerSession {
  readonly #events: RtspServerEvents;
  readonly #options: RtspServerOptions;
  readonly #reader: RtspMessageReader;
  readonly #output = new ByteOutput({
    bytesMax: RTSP_OUTPUT_BYTES_MAX,
    protocol: "RTSP",
    section: "RFC 2326, 9.1",
  });
  #state: State = { kind: "init" };
  #pending: Pending | undefined;
  #cseq: string | undefined; // Of the request being answered.
  #lastCSeqOfOurs = 0;
  #userAgent = "";
  #requests = 0;

  constructor(events: RtspServerEvents, options: RtspServerOptions) {
    this.#events = events;
    this.#options = options;
    this.#reader = new RtspMessageReader({
      message: (message) => this.#message(message),
      interleaved: (channel, packet) => this.#events.interleaved(channel, packet),
    });
  }

  get state(): RtspServerState {
    return this.#state.kind;
  }

  /** A request awaits its decision; what is fed is kept. */
  get waiting(): boolean {
    return this.#reader.held;
  }

  /** Requests so far: a sign of life. */
  get requests(): number {
    return this.#requests;
  }

  /** What the client says it is, "" when it does not. */
  get userAgent(): string {
    return this.#userAgent;
  }

  /** What has been set up, by medium; empty before. */
  get media(): ReadonlyMap<number, SetUpMedia> {
    return "session" in this.#state ? this.#state.session.media : new Map();
  }

  /**
   * Takes the next bytes of the connection; they are the caller's again when it returns.
   *
   * @throws {ProtocolError} The client broke the rules or a limit; it has been answered as far as
   * that makes sense: send the output, then close the connection.
   */
  feed(bytes: Uint8Array): void {
    if (this.#state.kind === "failed") return;
    try {
      this.#reader.feed(bytes);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /**
   * Goes on with input that was kept while {@link waiting}. Call it after each decision that was
   * not made within the event itself.
   *
   * @throws {ProtocolError} As {@link feed}.
   */
  resume(): void {
    this.feed(new Uint8Array(0));
  }

  /** Bytes to send, in an array of their own; `undefined` when there are none. */
  takeOutput(): Uint8Array | undefined {
    return this.#output.take();
  }

  /** Describes the stream. */
  acceptDescribe(sdp: string): boolean {
    if (this.#pending?.kind !== "describe") return false;
    const base = withoutQuery(this.#pending.uri);
    const fields = { "Content-Type": "application/sdp", "Content-Base": `${base}/` };
    return this.#decided(200, fields, sdp);
  }

  /** Takes a publisher's description. */
  acceptAnnounce(): boolean {
    if (this.#pending?.kind !== "announce") return false;
    this.#state = { kind: "announced", announcement: this.#pending.announcement };
    return this.#decided(200);
  }

  /**
   * Sets a medium up.
   *
   * @param media Which of our media it is; as requested when the request said.
   * @param ssrc What we send with; of players alone.
   */
  acceptSetup(media: number, transport: Transport, ssrc?: number): boolean {
    if (this.#pending?.kind !== "setup") return false;
    const { uri, app, name } = this.#pending.request;
    const announcement = "announcement" in this.#state ? this.#state.announcement : undefined;
    const mode = announcement === undefined ? "play" : "record";
    const session: Session = "session" in this.#state
      ? this.#state.session
      : { id: this.#options.newSessionId(), role: mode, app, name, media: new Map() };
    session.media.set(media, { uri, transport });
    this.#state = { kind: "ready", session, announcement };
    return this.#decided(200, {
      Transport: writeTransportResponse(transport, { mode, ssrc }),
      Session: `${session.id};timeout=${this.#options.timeoutSeconds}`,
    });
  }

  /** Lets a player go; media may follow behind the output. */
  acceptPlay(infos: readonly RtpInfo[]): boolean {
    if (this.#pending?.kind !== "play" || !("session" in this.#state)) return false;
    const { session, announcement } = this.#state;
    this.#state = { kind: "playing", session, announcement };
    const info = infos.flatMap(({ media, seq, rtptime }) => {
      const uri = session.media.get(media)?.uri;
      if (uri === undefined) return [];
      const first = seq === undefined ? "" : `;seq=${seq}`;
      return [`url=${inList(uri)}${first};rtptime=${rtptime}`];
    });
    return this.#decided(200, {
      Range: "npt=now-",
      "RTP-Info": info.length === 0 ? undefined : info.join(","),
    });
  }

  /** Lets a publisher send. */
  acceptRecord(): boolean {
    if (this.#pending?.kind !== "record" || !("session" in this.#state)) return false;
    this.#state = { ...this.#state, kind: "recording" };
    return this.#decided(200);
  }

  /** Refuses whatever waits, for example with 401 and its challenges, 404, or 302 and a Location. */
  refuse(status: number, fields: FieldsToWrite = {}): boolean {
    return this.#pending !== undefined && this.#decided(status, fields);
  }

  /** Asks the client to go elsewhere (10.10); its answer is of no interest. */
  redirect(location: string): boolean {
    if (!("session" in this.#state)) return false;
    const { id, media } = this.#state.session;
    const uri = media.values().next().value?.uri ?? "*";
    const fields = { CSeq: ++this.#lastCSeqOfOurs, Location: location, Session: id };
    this.#output.push(writeRtspRequest("REDIRECT", withoutQuery(splitControl(uri).target), fields));
    return true;
  }

  #message(message: RtspMessage): void {
    if (message.kind === "response") return; // To a REDIRECT of ours.
    this.#requests++;
    const refused = this.#request(message);
    if (refused !== undefined) this.#respond(refused.status, refused.fields);
  }

  /** Obeys, or says why not. */
  #request(request: RtspRequest): Refused | undefined {
    const cseq = fieldOf(request, "cseq") ?? "";
    this.#cseq = isCSeq(cseq) ? cseq : undefined;
    this.#userAgent = fieldOf(request, "user-agent")?.slice(0, USER_AGENT_LENGTH_MAX) ??
      this.#userAgent;
    const session = "session" in this.#state ? this.#state.session : undefined;
    const refused = checkRequest(request, session?.id);
    if (refused !== undefined) return refused;
    switch (request.method) {
      case "OPTIONS":
        return void this.#respond(200, { Public: PUBLIC });
      case "DESCRIBE":
        return this.#describe(request);
      case "ANNOUNCE":
        return this.#announce(request);
      case "SETUP":
        return this.#setup(request);
      case "GET_PARAMETER":
      case "SET_PARAMETER": // Empty ones keep a session alive; we have no parameters.
        return isBlank(request) ? void this.#respond(200) : { status: 451 };
      case "PLAY":
      case "RECORD":
      case "PAUSE":
      case "TEARDOWN":
        return session === undefined || fieldOf(request, "session") === undefined
          ? { status: 454 }
          : this.#control(request, session);
      default:
        if (!SERVERS_METHODS.has(request.method)) {
          return { status: 501, fields: { Public: PUBLIC } };
        }
        return { status: 405, fields: { Allow: PUBLIC } };
    }
  }

  #describe(request: RtspRequest): Refused | undefined {
    const named = checkDescribe(request) ?? namedRequest(request, request.uri);
    if (isRefused(named)) return named;
    this.#hold({ kind: "describe", uri: request.uri });
    this.#events.describe(named);
  }

  #announce(request: RtspRequest): Refused | undefined {
    if (this.#state.kind !== "init" && this.#state.kind !== "announced") return { status: 455 };
    const named = namedRequest(request, request.uri);
    if (isRefused(named)) return named;
    const announcement = announcementOf(request, named);
    if (isRefused(announcement)) return announcement;
    this.#hold({ kind: "announce", announcement });
    this.#events.announce({ ...named, description: announcement.description });
  }

  #setup(request: RtspRequest): Refused | undefined {
    if (this.#state.kind === "playing" || this.#state.kind === "recording") return { status: 455 };
    const announcement = "announcement" in this.#state ? this.#state.announcement : undefined;
    const target = setupTarget(request, announcement);
    if (isRefused(target)) return target;
    const { media, named } = target;
    const session = "session" in this.#state ? this.#state.session : undefined;
    if (session !== undefined && !isSameStream(session, named)) return { status: 459 };
    if ((session?.media.size ?? 0) >= SETUPS_MAX) return { status: 453 };
    const role = announcement === undefined ? "play" : "record";
    const offers = offersOf(request, role, usedChannels(session, media));
    if (isRefused(offers)) return offers;
    this.#hold({ kind: "setup", request: named, media });
    this.#events.setup({ ...named, role, media, offers });
  }

  /** What a session that was set up is told. */
  #control(request: RtspRequest, session: Session): Refused | undefined {
    const named = meansWhole(request.uri, session)
      ? { ...requestOf(request), ...nameOf(session), query: new URLSearchParams() }
      : namedRequest(request, request.uri);
    if (isRefused(named)) return named;
    if (!isSameStream(session, named)) return { status: 404 };
    switch (request.method) {
      case "PLAY":
        return this.#play(request, session, named);
      case "RECORD":
        return this.#record(session, named);
      case "PAUSE":
        return this.#pause();
      default:
        return this.#teardown(session);
    }
  }

  #play(request: RtspRequest, session: Session, named: RtspServerRequest): Refused | undefined {
    if (session.role !== "play") return { status: 455 };
    const refused = checkRange(request);
    if (refused !== undefined) return refused;
    if (this.#state.kind === "playing") return void this.#respond(200, { Session: session.id });
    this.#hold({ kind: "play" });
    this.#events.play(named);
  }

  #record(session: Session, named: RtspServerRequest): Refused | undefined {
    if (session.role !== "record") return { status: 455 };
    if (this.#state.kind === "recording") return void this.#respond(200, { Session: session.id });
    this.#hold({ kind: "record" });
    this.#events.record(named);
  }

  #pause(): Refused | undefined {
    if (!("session" in this.#state)) return { status: 455 };
    const moved = this.#state.kind !== "ready";
    this.#state = { ...this.#state, kind: "ready" };
    this.#respond(200, { Session: this.#state.session.id });
    if (moved) this.#events.paused();
  }

  #teardown({ id }: Session): undefined {
    this.#state = { kind: "init" };
    this.#respond(200, { Session: id });
    this.#events.ended();
  }

  #hold(pending: Pending): void {
    this.#pending = pending;
    this.#reader.held = true;
  }

  /** Answers the request that waited. */
  #decided(status: number, fields: FieldsToWrite = {}, body = ""): true {
    this.#pending = undefined;
    this.#reader.held = false;
    const session = "session" in this.#state ? this.#state.session.id : undefined;
    this.#respond(status, { Session: session, ...fields }, body);
    return true;
  }

  #respond(status: number, fields: FieldsToWrite = {}, body = ""): void {
    const head = { CSeq: this.#cseq, Server: this.#options.server };
    this.#output.push(writeRtspResponse(status, { ...head, ...fields }, body));
  }

  /** Nothing behind the fault can be understood: an answer, and the end. */
  #fail(error: unknown): void {
    this.#state = { kind: "failed" };
    this.#pending = undefined;
    this.#reader.held = false;
    if (!(error instanceof ProtocolError)) return;
    this.#cseq = undefined;
    if (!this.#output.hasRoomFor(1024)) return;
    this.#respond(statusOfFault(error), { Connection: "close" });
  }
}
