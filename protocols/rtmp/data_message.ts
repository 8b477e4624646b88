/**
 * Data messages in the forms that RTMP peers send: AMF3, and marked to stand for later viewers.
 *
 * Source: Adobe RTMP 1.0, section 7.1.2; "@setDataFrame" is a custom of Flash Media Server.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { parseAmf0Values, writeAmf0Values } from "./amf0.ts";

/** AMF0 string "@setDataFrame". */
const SET_DATA_FRAME = writeAmf0Values(["@setDataFrame"]);

/** AMF0 string "onMetaData". */
const ON_META_DATA = writeAmf0Values(["onMetaData"]);

/** Names of data by which a server talks to its player; they are no part of the stream. */
const SIGNALS = [writeAmf0Values(["|RtmpSampleAccess"]), writeAmf0Values(["onStatus"])];

/**
 * Body of an AMF3 data message as AMF0. The type's name misleads: the body is AMF0 behind a zero
 * byte, and only single values in it may switch to AMF3.
 *
 * @throws {ProtocolError} The values cannot be read.
 */
export function dataFromAmf3(body: Uint8Array): Uint8Array {
  return writeAmf0Values(parseAmf0Values(body, body[0] === 0 ? 1 : 0));
}

/** Marks onMetaData to be kept for viewers who join later; other data is returned as it is. */
export function dataToPublish(body: Uint8Array): Uint8Array {
  return startsWith(body, ON_META_DATA) ? concatBytes(SET_DATA_FRAME, body) : body;
}

/** Whether a data message is the server's word to its player, not data of the stream. */
export function isPlaySignal(body: Uint8Array): boolean {
  return SIGNALS.some((name) => startsWith(body, name));
}

function startsWith(body: Uint8Array, name: Uint8Array): boolean {
  return name.every((byte, index) => body[index] === byte);
}
