/**
 * RTSP clients that go where their server asks them to, made of our own client session: a camera
 * that sends a numbered stream, and a player that counts packets.
 *
 * @module
 */
import { RTP_HEADER_BYTES, writeRtpHeader } from "../../protocols/rtp/packet.ts";
import { type RtspClientEvents, RtspClientSession } from "../../protocols/rtsp/client_session.ts";
import type { SdpSession } from "../../protocols/rtsp/sdp.ts";
import { delay, eventually } from "./processes.ts";
import { VIDEO } from "./wire/media_message.ts";
import { numberedBody } from "./wire/numbered.ts";

const FRAMES_PER_SECOND = 25;
const GOP_FRAMES = 10;
const FRAME_BYTES = 1_000;

/** What stands in front of the NAL unit in a message of RTMP. */
const MESSAGE_HEAD_BYTES = 9;

const SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n" +
  "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LADNoFBn58BEAAAAMAQAAADIPFCqg=,aM4PyA==\r\n";

/** One connection of a client. */
export class RtspClient implements RtspClientEvents {
  readonly session: RtspClientSession;
  /** Packets that came. */
  packets = 0;
  /** Where it was asked to go. */
  location: string | undefined;
  /** Set when it was refused. */
  refused: string | undefined;
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>;
  readonly #conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn, uri: string, role: "play" | "publish") {
    this.#conn = conn;
    const options = { sdp: SDP, cnonce: "0123456789", userAgent: "roaming" };
    this.session = new RtspClientSession(this, { uri, role, ...options });
    this.closed = this.#run();
  }

  /** Connects and waits until media may flow. */
  static async open(uri: string, role: "play" | "publish"): Promise<RtspClient> {
    const { hostname, port } = new URL(uri.replace(/^rtsp/, "http"));
    const client = new RtspClient(
      await Deno.connect({ hostname, port: Number(port) }),
      uri,
      role,
    );
    await eventually(`${role} ${uri}`, () => {
      if (client.refused !== undefined) throw new Error(`Cannot ${role}: ${client.refused}`);
      return client.session.state === "ready";
    });
    return client;
  }

  /** Sends what the session has to say. */
  async flush(): Promise<void> {
    const bytes = this.session.takeOutput();
    for (let rest = bytes; rest !== undefined && rest.length > 0;) {
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }

  drop(): void {
    try {
      this.#conn.close();
    } catch {
      // By the server already.
    }
  }

  described({ media }: SdpSession): void {
    this.session.setup(media.map((_, index) => ({
      media: index,
      transport: { kind: "tcp", channels: [2 * index, 2 * index + 1], mode: undefined },
    })));
  }

  setUp(): void {}

  ready(): void {}

  interleaved(): void {
    this.packets++;
  }

  redirected(location: string): void {
    this.location = location;
  }

  ended(status: number, reason: string): void {
    this.refused = `${status} ${reason}`;
  }

  async #run(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      await this.flush();
      for (let n = await this.#conn.read(buffer); n !== null; n = await this.#conn.read(buffer)) {
        this.session.feed(buffer.subarray(0, n));
        await this.flush();
      }
    } catch {
      // Reset, or dropped.
    }
  }
}

/** Publishes numbered frames in real time; where it is asked to go it goes on with the next GOP. */
export class RoamingCamera {
  /** Number of the last frame sent; -1 before the first. */
  last = -1;
  /** URLs that it published at, in order. */
  readonly urls: string[] = [];
  readonly #running: Promise<void>;
  #client: RtspClient | undefined;
  #lost = false;
  #next: string | undefined;
  #stopped = false;

  constructor(url: string) {
    this.#running = this.#run(url);
    this.#running.catch(() => {}); // Seen by whoever ends it.
  }

  /** Loses its connection, without a goodbye. */
  lose(): void {
    this.#lost = true;
  }

  /** Comes back after a loss. */
  goOn(url: string): void {
    this.#next = url;
  }

  /** Ends the stream properly; the number of its last frame. */
  async end(): Promise<number> {
    this.#stopped = true;
    await this.#running;
    this.#client?.session.close();
    await this.#client?.flush();
    return this.last;
  }

  async #run(url: string): Promise<void> {
    await this.#go(url);
    let dueMs = performance.now();
    for (let frame = 0; !this.#stopped; frame++) {
      await delay(Math.max(0, dueMs - performance.now()));
      // What was missed on the way to another node is not sent in a burst.
      dueMs = Math.max(dueMs, performance.now() - 1_000 / FRAMES_PER_SECOND) +
        1_000 / FRAMES_PER_SECOND;
      const keyframe = frame % GOP_FRAMES === 0;
      if (this.#lost) this.#client!.drop();
      const target = this.#next ?? this.#client!.location;
      // On its way: the next group of pictures is the first that somebody gets.
      if ((this.#lost || target !== undefined) && (target === undefined || !keyframe)) continue;
      if (target !== undefined) await this.#go(target);
      this.#client!.session.sendInterleaved(0, packetOf(this.last + 1, frame, keyframe));
      await this.#client!.flush();
      this.last++;
    }
  }

  async #go(url: string): Promise<void> {
    const former = this.#client;
    this.#client = await RtspClient.open(url, "publish");
    this.urls.push(url);
    this.#lost = false;
    this.#next = undefined;
    former?.drop();
  }
}

/**
 * What begins an aggregation packet of a delimiter and one more NAL unit: the numbered ones are no
 * real slices, so nothing else tells that a picture begins with them.
 */
const DELIMITED = [0x78, 0, 2, 0x09, 0xf0];

/** One frame is one packet. */
function packetOf(number: number, frame: number, keyframe: boolean): Uint8Array {
  const nalUnit = numberedBody(VIDEO, number, keyframe, FRAME_BYTES).subarray(MESSAGE_HEAD_BYTES);
  const { length } = nalUnit;
  const payload = [...DELIMITED, length >>> 8, length & 0xff, ...nalUnit];
  const packet = new Uint8Array(RTP_HEADER_BYTES + payload.length);
  const timestamp = frame * 90_000 / FRAMES_PER_SECOND;
  const header = { marker: true, payloadType: 96, sequence: frame, timestamp, ssrc: 0x1234 };
  writeRtpHeader(header, packet, 0);
  packet.set(payload, RTP_HEADER_BYTES);
  return packet;
}
