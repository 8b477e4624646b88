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
  const isMetadata = ON_META_DATA.every((byte, index) => body[index] === byte);
  return isMetadata ? concatBytes(SET_DATA_FRAME, body) : body;
}
