/**
 * RTSP client session: describes and plays a stream of somebody else's, or publishes one.
 *
 * Source: RFC 2326, sections 9 to 12; RFC 7616 for 401. Sans-IO, one request at a time. The owner
 * connects, sends {@link RtspClientSession.takeOutput} at once, feeds what comes, chooses the media
 * when it has been told of them, and says how each is to travel.
 *
 * @module
 */
import { ByteOutput } from "../bytes/byte_output.ts";
import { ProtocolError } from "../errors.ts";
import { type AuthChallenge, strongestChallenge, writeAuthorization } from "./digest_auth.ts";
import {
  fieldOf,
  type FieldsToWrite,
  type RtspMessage,
  type RtspResponse,
  writeRtspRequest,
  writeRtspResponse,
} from "./message.ts";
import { interleavedPacket } from "../rtp/interleaved.ts";
import { RtspMessageReader } from "./message_reader.ts";
import { parseSdp, type SdpSession } from "./sdp.ts";
import {
  parseTransportResponse,
  type TransportRequest,
  type TransportResponse,
  writeTransportRequest,
} from "./transport.ts";
import { parseRtspUri, resolveControl } from "./uri.ts";

/** Most output that may wait, in bytes: some seconds of a large stream. */
export const RTSP_CLIENT_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** How often one request may be answered with 401: a nonce may have grown old meanwhile. */
const CHALLENGES_MAX = 2;

/** Seconds after which a server ends a silent session unless it says (12.37). */
const TIMEOUT_SECONDS = 60;

/** Options of a session. */
export interface RtspClientOptions {
  /** Absolute, without user info. */
  readonly uri: string;
  readonly role: "play" | "publish";
  /** Description to announce; of a publisher. */
  readonly sdp?: string;
  readonly user?: string;
  readonly pass?: string;
  /** Chance for Digest: visible ASCII without quotes, new for each session. */
  readonly cnonce: string;
  readonly userAgent: string;
}

/** One medium that the owner wants. */
export interface MediaChoice {
  /** Of the description, from 0. */
  readonly media: number;
  readonly transport: TransportRequest;
}

/** Called from within `feed`. */
export interface RtspClientEvents {
  /** What there is, or what was announced: call `setup`, now or later. */
  described(description: SdpSession): void;
  /** One medium was set up; packets of it may come from now on. */
  setUp(media: number, response: TransportResponse): void;
  /** Media flow, or may be sent. */
  ready(): void;
  /** @param packet A view that holds until the handler returns. */
  interleaved(channel: number, packet: Uint8Array): void;
  /**
   * The server wants the client elsewhere; nothing follows. The session was ended where there was
   * one: send the output before the connection is closed.
   */
  redirected(location: string): void;
  /** The server refused; nothing follows. `status` 0: its answer made no sense. */
  ended(status: number, reason: string): void;
}

/** Where a client is; nothing leads back. */
export type RtspClientState =
  | "describing"
  | "choosing"
  | "settingUp"
  | "starting"
  | "ready"
  | "over";

interface Request {
  readonly method: string;
  readonly uri: string;
  readonly fields: FieldsToWrite;
  readonly body: string;
  /** How often it was answered with 401. */
  challenges: number;
}

export class RtspClientSession {
  readonly #events: RtspClientEvents;
  readonly #options: RtspClientOptions;
  readonly #reader: RtspMessageReader;
  readonly #output = new ByteOutput({
    bytesMax: RTSP_CLIENT_OUTPUT_BYTES_MAX,
    protocol: "RTSP",
    section: "RFC 2326, 9.1",
  });
  #state: RtspClientState = "describing";
  #cseq = 0;
  #request: Request | undefined;
  #challenge: AuthChallenge | undefined;
  #answers = 0;
  #sessionId: string | undefined;
  #timeoutSeconds = TIMEOUT_SECONDS;
  /** URL that controls belong to. */
  #base: string;
  #description: SdpSession | undefined;
  #choices: MediaChoice[] = [];

  constructor(events: RtspClientEvents, options: RtspClientOptions) {
    this.#events = events;
    this.#options = options;
    this.#base = options.uri;
    this.#reader = new RtspMessageReader({
      message: (message) => this.#message(message),
      interleaved: (channel, packet) => this.#events.interleaved(channel, packet),
    });
    if (options.role === "play") {
      this.#send("DESCRIBE", options.uri, { Accept: "application/sdp" });
    } else this.#send("ANNOUNCE", options.uri, { "Content-Type": "application/sdp" }, options.sdp);
  }

  get state(): RtspClientState {
    return this.#state;
  }

  /** After how many seconds without a request the server ends the session. */
  get timeoutSeconds(): number {
    return this.#timeoutSeconds;
  }

  /**
   * Takes the next bytes of the connection; they are the caller's again when it returns.
   *
   * @throws {ProtocolError} The server broke the rules or a limit; close the connection.
   */
  feed(bytes: Uint8Array): void {
    if (this.#state === "over") return;
    try {
      this.#reader.feed(bytes);
    } catch (error) {
      this.#state = "over";
      throw error;
    }
  }

  /** Bytes to send, in an array of their own; `undefined` when there are none. */
  takeOutput(): Uint8Array | undefined {
    return this.#output.take();
  }

  /**
   * Sets up some media, then plays or records.
   *
   * @throws {RangeError} There is no such medium, or none was chosen.
   */
  setup(choices: readonly MediaChoice[]): void {
    if (this.#state !== "choosing") return;
    const { length } = this.#description!.media;
    if (choices.length === 0 || choices.some(({ media }) => media < 0 || media >= length)) {
      throw new RangeError(`Cannot set up: choose among ${length} media`);
    }
    this.#state = "settingUp";
    this.#choices = [...choices];
    this.#setupNext();
  }

  /**
   * Sends an interleaved packet; it is copied.
   *
   * @returns False when it was not taken: not ready, or too much waits.
   */
  sendInterleaved(channel: number, packet: Uint8Array): boolean {
    if (this.#state !== "ready") return false;
    const bytes = interleavedPacket(channel, packet);
    if (!this.#output.hasRoomFor(bytes.length)) return false;
    this.#output.push(bytes);
    return true;
  }

  /** Shows that it is alive, unless another request is under way. */
  keepAlive(): void {
    if (this.#state !== "ready" || this.#request !== undefined) return;
    this.#send(this.#options.role === "play" ? "GET_PARAMETER" : "OPTIONS", this.#aggregate);
  }

  /** Says goodbye; send the output, then close the connection. */
  close(): void {
    if (this.#state !== "over" && this.#sessionId !== undefined) {
      this.#request = undefined;
      this.#send("TEARDOWN", this.#aggregate);
    }
    this.#state = "over";
  }

  get #aggregate(): string {
    return resolveControl(this.#base, this.#description?.control);
  }

  #message(message: RtspMessage): void {
    if (this.#state === "over") return;
    if (message.kind === "response") return this.#response(message);
    const cseq = fieldOf(message, "cseq");
    const location = fieldOf(message, "location");
    const status = message.method === "REDIRECT" || message.method === "OPTIONS" ? 200 : 501;
    this.#output.push(writeRtspResponse(status, { CSeq: cseq }));
    if (message.method !== "REDIRECT" || location === undefined) return;
    this.close(); // Who goes says so (10.10).
    this.#redirect(location);
  }

  #response(response: RtspResponse): void {
    const request = this.#request;
    // One that belongs to no request is the answer to a keep-alive that was overtaken.
    if (request === undefined || fieldOf(response, "cseq") !== String(this.#cseq)) return;
    const { status } = response;
    if (status < 200) return;
    this.#request = undefined;
    if (status === 401) return this.#unauthorized(request, response);
    const location = fieldOf(response, "location");
    if (status >= 300 && status < 400 && location !== undefined) return this.#redirect(location);
    // Cameras that do not know the request are alive all the same.
    if (this.#state === "ready") return;
    if (status >= 300) return this.#end(status, response.reason);
    this.#noteSession(response);
    this.#succeeded(request, response);
  }

  #succeeded({ method }: Request, response: RtspResponse): void {
    switch (method) {
      case "DESCRIBE": {
        const base = fieldOf(response, "content-base") ?? fieldOf(response, "content-location");
        if (base !== undefined && parseRtspUri(base) !== undefined) this.#base = base;
        return this.#described(new TextDecoder().decode(response.body));
      }
      case "ANNOUNCE":
        return this.#described(this.#options.sdp ?? "");
      case "SETUP": {
        const transport = parseTransportResponse(fieldOf(response, "transport") ?? "");
        const choice = this.#choices.shift();
        if (transport === undefined || choice === undefined) {
          return this.#end(0, "the answer to SETUP has no Transport that we know");
        }
        this.#events.setUp(choice.media, transport);
        return this.#setupNext();
      }
      default:
        this.#state = "ready";
        return this.#events.ready();
    }
  }

  #described(sdp: string): void {
    this.#description = parseSdp(sdp);
    if (this.#description.media.length === 0) return this.#end(0, "the description has no media");
    this.#state = "choosing";
    this.#events.described(this.#description);
  }

  #setupNext(): void {
    const [choice] = this.#choices;
    if (choice !== undefined) {
      const { control } = this.#description!.media[choice.media];
      const uri = resolveControl(this.#base, control);
      return this.#send("SETUP", uri, { Transport: writeTransportRequest(choice.transport) });
    }
    this.#state = "starting";
    const method = this.#options.role === "play" ? "PLAY" : "RECORD";
    this.#send(method, this.#aggregate, { Range: "npt=0.000-" });
  }

  /** Answers a challenge, unless the same was tried. */
  #unauthorized(request: Request, response: RtspResponse): void {
    const challenge = strongestChallenge(response.fields.get("www-authenticate") ?? []);
    const { user } = this.#options;
    const again = request.challenges > 0 && challenge?.stale !== true;
    if (challenge === undefined || user === undefined || again) {
      return this.#end(401, response.reason);
    }
    if (request.challenges >= CHALLENGES_MAX) return this.#end(401, response.reason);
    this.#challenge = challenge;
    this.#answers = 0;
    this.#transmit({ ...request, challenges: request.challenges + 1 });
  }

  #noteSession(response: RtspResponse): void {
    const [id, ...parameters] = (fieldOf(response, "session") ?? "").split(";");
    if (id.trim() === "") return;
    if (!/^[\x21-\x7e]+$/.test(id.trim())) {
      const text = "Cannot go on: the server's session identifier is none";
      throw new ProtocolError(text, { protocol: "RTSP", section: "RFC 2326, 3.4", offset: 0 });
    }
    this.#sessionId = id.trim();
    for (const parameter of parameters) {
      const seconds = /^\s*timeout\s*=\s*(\d{1,6})/i.exec(parameter)?.[1];
      if (seconds !== undefined && Number(seconds) > 0) this.#timeoutSeconds = Number(seconds);
    }
  }

  #redirect(location: string): void {
    this.#state = "over";
    this.#events.redirected(location);
  }

  #end(status: number, reason: string): void {
    this.#state = "over";
    this.#events.ended(status, reason);
  }

  #send(method: string, uri: string, fields: FieldsToWrite = {}, body = ""): void {
    if (!/^[\x21-\x7e]+$/.test(uri)) {
      const text = "Cannot go on: a control URL of the server is none";
      throw new ProtocolError(text, { protocol: "RTSP", section: "RFC 2326, C.1.1", offset: 0 });
    }
    this.#transmit({ method, uri, fields, body, challenges: 0 });
  }

  #transmit(request: Request): void {
    const { method, uri, fields, body } = request;
    this.#request = request;
    this.#output.push(writeRtspRequest(method, uri, {
      CSeq: ++this.#cseq,
      ...fields,
      Session: this.#sessionId,
      Authorization: this.#authorization(method, uri),
      "User-Agent": this.#options.userAgent,
    }, body));
  }

  #authorization(method: string, uri: string): string | undefined {
    const { user, pass = "", cnonce } = this.#options;
    if (this.#challenge === undefined || user === undefined) return undefined;
    const count = ++this.#answers;
    return writeAuthorization(this.#challenge, { user, pass, method, uri, cnonce, count });
  }
}
