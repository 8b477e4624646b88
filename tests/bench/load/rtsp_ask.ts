/**
 * Asks an RTSP server for a stream, up to PLAY.
 *
 * @module
 */
import { writeAll } from "../../support/wire/rtmp_connection.ts";
import type { RtpTypeId } from "./rtsp_scanner.ts";

/** Room for one answer with its description. */
const ANSWER_BYTES_MAX = 16 * 1024;

/** One medium of a stream. */
interface Medium {
  readonly typeId: RtpTypeId;
  readonly control: string;
}

/** One medium that was set up. */
export interface AskedMedium {
  readonly typeId: RtpTypeId;
  /** Over UDP: to where the player sends its reports. */
  readonly reportPort: number;
}

/**
 * Sends DESCRIBE, SETUP of each medium and PLAY; the answer to PLAY is left to be read.
 *
 * @param transport The Transport field of a medium.
 * @throws {Error} The server refused.
 */
export async function askRtsp(
  conn: Deno.TcpConn,
  url: string,
  transport: (media: number) => string,
): Promise<AskedMedium[]> {
  const asker = new Asker(conn);
  const described = await asker.ask("DESCRIBE", url, "Accept: application/sdp");
  const base = /^Content-Base: *(\S+)/im.exec(described.head)?.[1] ?? `${url}/`;
  const media = mediaOf(described.body);
  const asked: AskedMedium[] = [];
  for (const [i, { control, typeId }] of media.entries()) {
    const target = /^rtsp:/i.test(control) ? control : base + control;
    const { head } = await asker.ask("SETUP", target, `Transport: ${transport(i)}`);
    asker.session ??= /^Session: *([^;\s]+)/im.exec(head)?.[1];
    const reportPort = Number(/server_port=\d+-(\d+)/.exec(head)?.[1]);
    asked.push({ typeId, reportPort });
  }
  await asker.send("PLAY", base, "Range: npt=0.000-");
  return asked;
}

class Asker {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(ANSWER_BYTES_MAX);
  #sequence = 0;
  session: string | undefined;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  async send(method: string, url: string, field: string): Promise<void> {
    const lines = [`${method} ${url} RTSP/1.0`, `CSeq: ${++this.#sequence}`, field];
    if (this.session !== undefined) lines.push(`Session: ${this.session}`);
    await writeAll(this.#conn, new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  }

  /** Nothing else comes before PLAY, so an answer ends where the bytes do. */
  async ask(method: string, url: string, field: string): Promise<{ head: string; body: string }> {
    await this.send(method, url, field);
    let text = "";
    while (true) {
      const count = await this.#conn.read(this.#buffer);
      if (count === null) throw new Error(`The server closed after ${method}`);
      text += new TextDecoder("latin1").decode(this.#buffer.subarray(0, count));
      const blank = text.indexOf("\r\n\r\n");
      if (blank < 0) continue;
      const [head, body] = [text.slice(0, blank), text.slice(blank + 4)];
      if (body.length < Number(/^Content-Length: *(\d+)/im.exec(head)?.[1] ?? 0)) continue;
      if (!/^RTSP\/1\.0 200 /.test(head)) throw new Error(`${method}: ${head.slice(0, 40)}`);
      return { head, body };
    }
  }
}

function mediaOf(description: string): Medium[] {
  return description.split(/^m=/m).slice(1).map((section) => ({
    typeId: section.startsWith("video") ? 9 : 8,
    control: /^a=control:(\S+)/m.exec(section)?.[1] ?? "",
  }));
}
