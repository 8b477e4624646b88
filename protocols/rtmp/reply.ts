/**
 * Replies and status messages as a server sends them.
 *
 * Source: Adobe RTMP 1.0, sections 7.2.1.2 (answers), 7.2.2 (onStatus). Commands travel on chunk
 * stream 3, what belongs to a message stream on 5; Flash Media Server set the custom.
 *
 * @module
 */
import type { AmfValue } from "./amf0.ts";
import { amfRecord, writeCommand } from "./command.ts";
import { MESSAGE_TYPE } from "./message.ts";
import type { SessionOutput } from "./session_output.ts";

/** Chunk stream of commands that concern the connection. */
export const COMMAND_CHUNK_STREAM_ID = 3;

/** Chunk stream of status and data that concern one message stream. */
export const STATUS_CHUNK_STREAM_ID = 5;

/** Longest description sent, in UTF-16 code units: descriptions may quote what a peer sent. */
const DESCRIPTION_LENGTH_MAX = 512;

/** Information object of onStatus, _error and their kin. */
export interface Status {
  readonly level: "status" | "error";
  readonly code: string;
  readonly description: string;
}

/** A status that tells of something going as it should. */
export function success(code: string, description: string): Status {
  return { level: "status", code, description };
}

/** A status that tells of something refused or broken off. */
export function failure(code: string, description: string): Status {
  return { level: "error", code, description };
}

/** Answers a call; a call with transaction id 0 wants no answer and gets none. */
export function sendResult(
  output: SessionOutput,
  transactionId: number,
  properties: AmfValue,
  ...values: AmfValue[]
): void {
  if (transactionId === 0) return;
  const body = writeCommand("_result", transactionId, properties, ...values);
  sendCommand(output, COMMAND_CHUNK_STREAM_ID, 0, body);
}

/** Answers a call that failed; a call with transaction id 0 wants no answer and gets none. */
export function sendError(
  output: SessionOutput,
  transactionId: number,
  code: string,
  description: string,
): void {
  if (transactionId === 0) return;
  const info = statusObject(failure(code, description));
  const body = writeCommand("_error", transactionId, null, info);
  sendCommand(output, COMMAND_CHUNK_STREAM_ID, 0, body);
}

/** Sends a command that nobody answers, such as onFCPublish, on the connection itself. */
export function sendNotice(output: SessionOutput, name: string, status: Status): void {
  const body = writeCommand(name, 0, null, statusObject(status));
  sendCommand(output, COMMAND_CHUNK_STREAM_ID, 0, body);
}

/** Sends onStatus on a message stream. */
export function sendStatus(output: SessionOutput, streamId: number, status: Status): void {
  const body = writeCommand("onStatus", 0, null, statusObject(status));
  sendCommand(output, STATUS_CHUNK_STREAM_ID, streamId, body);
}

/**
 * Asks the client to connect anew (Enhanced RTMP v2, "Reconnect Request").
 *
 * @param tcUrl Where to; `undefined` is where it is connected now.
 */
export function sendReconnectRequest(
  output: SessionOutput,
  tcUrl: string | undefined,
  description: string,
): void {
  const info = amfRecord([
    ...(tcUrl === undefined ? [] : [["tcUrl", tcUrl] as [string, AmfValue]]),
    ["code", "NetConnection.Connect.ReconnectRequest"],
    ["description", description],
    ["level", "status"],
  ]);
  sendCommand(output, COMMAND_CHUNK_STREAM_ID, 0, writeCommand("onStatus", 0, null, info));
}

function sendCommand(
  output: SessionOutput,
  chunkStreamId: number,
  streamId: number,
  body: Uint8Array,
): void {
  const typeId = MESSAGE_TYPE.commandAmf0;
  output.send({ chunkStreamId, timestampMs: 0, typeId, streamId }, body);
}

function statusObject({ level, code, description }: Status): AmfValue {
  return amfRecord([
    ["level", level],
    ["code", code],
    ["description", description.slice(0, DESCRIPTION_LENGTH_MAX)],
  ]);
}
