/**
 * An RTSP server session under test: an owner that notes what it is told and decides as it is told.
 *
 * @module
 */
import type {
  RtspServerEvents,
  RtspServerRequest,
  SetupRequest,
} from "../../protocols/rtsp/server_events.ts";
import { RtspServerSession } from "../../protocols/rtsp/server_session.ts";
import type { Transport } from "../../protocols/rtsp/transport.ts";
import { rtspText } from "./rtsp_sessions.ts";

/** A description of two media, by what the tests need of it. */
export const TWO_MEDIA = [
  "v=0",
  "m=video 0 RTP/AVP 96",
  "a=control:streamid=0",
  "m=audio 0 RTP/AVP 97",
  "a=control:streamid=1",
].join("\r\n");

/** Session ids that this server gives out, the first one first. */
export const SESSION_IDS = ["aaaaaaaa", "bbbbbbbb", "cccccccc"];

export class RtspServerUnderTest implements RtspServerEvents {
  readonly session: RtspServerSession;
  /** What it was told, a line each. */
  readonly told: string[] = [];
  readonly packets: [channel: number, packet: Uint8Array][] = [];
  /** What it answered, undecoded. */
  output = "";
  /** Decide within the event; else with {@link decide}. */
  atOnce: boolean;
  #ids = 0;
  #decision: (() => void) | undefined;

  constructor({ atOnce = true }: { atOnce?: boolean } = {}) {
    this.atOnce = atOnce;
    this.session = new RtspServerSession(this, {
      newSessionId: () => SESSION_IDS[this.#ids++ % SESSION_IDS.length],
      timeoutSeconds: 60,
      server: "test",
    });
  }

  /** Feeds one request and returns the status of the last answer. */
  request(head: string, body = ""): number {
    return this.feed(rtspText(head, body));
  }

  /** Feeds bytes and returns the status of the last answer; 0 = none. */
  feed(bytes: Uint8Array): number {
    this.session.feed(bytes);
    return this.answers().at(-1) ?? 0;
  }

  /** Statuses of the answers since the last call. */
  answers(): number[] {
    const bytes = this.session.takeOutput();
    this.output = bytes === undefined ? "" : new TextDecoder().decode(bytes);
    return [...this.output.matchAll(/^RTSP\/1\.0 (\d+) /gm)].map(([, status]) => Number(status));
  }

  /** Makes the decision that waits. */
  decide(): void {
    const decision = this.#decision;
    this.#decision = undefined;
    decision?.();
    this.session.resume();
  }

  describe(request: RtspServerRequest): void {
    this.#note("describe", request);
    this.#soon(() => void this.session.acceptDescribe(TWO_MEDIA.replaceAll("streamid", "trackID")));
  }

  announce(request: RtspServerRequest): void {
    this.#note("announce", request);
    this.#soon(() => void this.session.acceptAnnounce());
  }

  setup(request: SetupRequest): void {
    const [offer] = request.offers;
    const way = offer.kind === "tcp" ? offer.channels : offer.clientPorts;
    this.#note(`setup ${request.role} ${request.media} ${offer.kind} ${way?.join("-")}`, request);
    const transport: Transport = offer.kind === "tcp"
      ? { kind: "tcp", channels: offer.channels! }
      : { kind: "udp", clientPorts: offer.clientPorts, serverPorts: [20000, 20001] };
    this.#soon(() => void this.session.acceptSetup(request.media ?? 0, transport));
  }

  play(request: RtspServerRequest): void {
    this.#note("play", request);
    const infos = [...this.session.media.keys()].map((media) => ({ media, seq: 1, rtptime: 2 }));
    this.#soon(() => void this.session.acceptPlay(infos));
  }

  record(request: RtspServerRequest): void {
    this.#note("record", request);
    this.#soon(() => void this.session.acceptRecord());
  }

  paused(): void {
    this.told.push("paused");
  }

  ended(): void {
    this.told.push("ended");
  }

  interleaved(channel: number, packet: Uint8Array): void {
    this.packets.push([channel, packet.slice()]);
  }

  #note(what: string, { app, name }: RtspServerRequest): void {
    this.told.push(`${what} ${app}/${name}`);
  }

  #soon(decision: () => void): void {
    if (this.atOnce) decision();
    else this.#decision = decision;
  }
}
