/**
 * The command object of the connect command as our client sends it.
 *
 * Source: Adobe RTMP 1.0, section 7.2.1.1; Enhanced RTMP v2, "Enhancing NetConnection connect
 * Command". `connect_request.ts` is the other direction.
 *
 * @module
 */
import type { AmfValue } from "./amf0.ts";
import {
  AUDIO_FOURCCS,
  type CapsEx,
  FOURCC_CAN_FORWARD,
  VIDEO_FOURCCS,
  writeCapsEx,
} from "./capabilities.ts";
import { amfRecord } from "./command.ts";

/** Servers look for "FMLE" in it to tell encoders from players. */
const FLASH_VERSION_PUBLISH = "FMLE/3.0 (compatible; Headwater)";
const FLASH_VERSION_PLAY = "LNX 9,0,124,2";

/** All legacy codecs: SUPPORT_SND_ALL, SUPPORT_VID_ALL. */
const AUDIO_CODECS_ALL = 0x0fff;
const VIDEO_CODECS_ALL = 0x00ff;

/** Builds the command object. */
export function connectArguments(options: {
  readonly tcUrl: string;
  readonly app: string;
  readonly role: "publish" | "play";
  readonly capabilities?: CapsEx;
}): AmfValue {
  const { tcUrl, app, role, capabilities } = options;
  return amfRecord([
    ["app", app],
    ...(role === "publish" ? publisherFields() : playerFields()),
    ["tcUrl", tcUrl],
    ["objectEncoding", 0],
    ...(capabilities === undefined ? [] : enhancedFields(capabilities)),
  ]);
}

type Field = [key: string, value: AmfValue];

function publisherFields(): Field[] {
  return [["type", "nonprivate"], ["flashVer", FLASH_VERSION_PUBLISH]];
}

function playerFields(): Field[] {
  return [
    ["flashVer", FLASH_VERSION_PLAY],
    ["fpad", false],
    ["capabilities", 15],
    ["audioCodecs", AUDIO_CODECS_ALL],
    ["videoCodecs", VIDEO_CODECS_ALL],
    ["videoFunction", 1],
  ];
}

function enhancedFields(capabilities: CapsEx): Field[] {
  return [
    ["fourCcList", [...VIDEO_FOURCCS, ...AUDIO_FOURCCS]],
    ["videoFourCcInfoMap", amfRecord([["*", FOURCC_CAN_FORWARD]])],
    ["audioFourCcInfoMap", amfRecord([["*", FOURCC_CAN_FORWARD]])],
    ["capsEx", writeCapsEx(capabilities)],
  ];
}
