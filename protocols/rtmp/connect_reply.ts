/**
 * The answer to the connect command.
 *
 * Source: Adobe RTMP 1.0, section 7.2.1.1; Enhanced RTMP v2, "Enhancing NetConnection connect
 * Command".
 *
 * @module
 */
import type { AmfValue } from "./amf0.ts";
import {
  AUDIO_FOURCCS,
  CAPS_EX_ALL,
  FOURCC_CAN_FORWARD,
  VIDEO_FOURCCS,
  writeCapsEx,
} from "./capabilities.ts";
import { amfRecord } from "./command.ts";
import type { ConnectRequest } from "./server_events.ts";

/** Clients take it for a version of Flash Media Server and look whether it is 3 or later. */
const FMS_VERSION = "FMS/3,5,7,7009";

/** The set of Flash Media Server features that clients expect beside that version. */
const FMS_CAPABILITIES = 31;

/** The two arguments of `_result`: properties and information. */
export function connectReply(request: ConnectRequest): [properties: AmfValue, info: AmfValue] {
  const enhanced = announcesEnhanced(request) ? enhancedFields() : [];
  const properties = amfRecord([
    ["fmsVer", FMS_VERSION],
    ["capabilities", FMS_CAPABILITIES],
    ...enhanced,
  ]);
  // The specification leaves open which of the two objects states support, so both do.
  const info = amfRecord([
    ["level", "status"],
    ["code", "NetConnection.Connect.Success"],
    ["description", "Connection succeeded."],
    ["objectEncoding", request.objectEncoding],
    ...enhanced,
  ]);
  return [properties, info];
}

/** Old clients get the answer they always got: some read it into small fixed buffers. */
function announcesEnhanced({ fourCcs, capsEx }: ConnectRequest): boolean {
  return fourCcs.length > 0 || writeCapsEx(capsEx) !== 0;
}

function enhancedFields(): [key: string, value: AmfValue][] {
  return [
    ["fourCcList", [...VIDEO_FOURCCS, ...AUDIO_FOURCCS]],
    ["videoFourCcInfoMap", forwards(VIDEO_FOURCCS)],
    ["audioFourCcInfoMap", forwards(AUDIO_FOURCCS)],
    ["capsEx", writeCapsEx(CAPS_EX_ALL)],
  ];
}

function forwards(fourCcs: readonly string[]): AmfValue {
  return amfRecord(fourCcs.map((fourCc) => [fourCc, FOURCC_CAN_FORWARD]));
}
