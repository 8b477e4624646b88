/**
 * What may stand under `applications` in the configuration file, each key described once. Keys
 * that are flags as well are read as the flags are.
 *
 * @module
 */
import {
  ACCESS_PROTOCOLS,
  type AccessProtocol,
  type Action,
  APPLICATION_OTHERS,
  type ApplicationLimits,
  type ApplicationSettings,
  type GivenApplication,
  settle,
  type User,
} from "../actors/edge/application.ts";
import type { HlsSettings } from "../protocols/media/record.ts";
import { streamNameFromPath } from "../protocols/media/stream_name.ts";
import {
  ConfigFault,
  type Field,
  readFields,
  readList,
  readMap,
  readText,
  type Spot,
} from "./config_tree.ts";
import { bitRateOption, bytesOption, integerOption, type Option } from "./config_option.ts";
import { OPTIONS } from "./config_schema.ts";

/** The key of the file that holds all this. */
export const APPLICATIONS_KEY = "applications";

/** Most applications of a node, and most users of one: each request looks through the latter. */
const APPLICATIONS_MAX = 10_000;
const USERS_MAX = 1_000;

/** Ways in, of those that {@link ACCESS_PROTOCOLS} lists. */
const PUBLISH_PROTOCOLS: readonly AccessProtocol[] = ["rtmp", "rtsp"];

/** The limits an application may have, by their keys. */
const LIMITS: Readonly<Record<string, { name: keyof ApplicationLimits; option: Option<number> }>> =
  {
    "bit-rate": {
      name: "publishBitsPerSecondMax",
      option: bitRateOption({
        flag: "bit-rate",
        help: "",
        min: "1kbps",
        max: "10Gbps",
      }),
    },
    "frame-size": {
      name: "frameBytesMax",
      option: bytesOption({
        flag: "frame-size",
        help: "",
        initial: "8MiB",
        min: "1KiB",
        max: "8MiB",
      }),
    },
    "streams": {
      name: "streamsMax",
      option: integerOption({ flag: "streams", help: "", initial: 0, min: 0, max: 1_000_000 }),
    },
    "connections": {
      name: "connectionsMax",
      option: integerOption({ flag: "connections", help: "", initial: 0, min: 0, max: 1_000_000 }),
    },
  };

/** An application while it is read. */
interface Draft {
  protocols?: GivenApplication["protocols"];
  users?: readonly User[];
  rtmpChallenge?: boolean;
  playWaitMs?: number;
  holdMs?: number;
  publishTakeover?: boolean;
  publishBackup?: boolean;
  hls: { -readonly [Key in keyof HlsSettings]?: number };
  limits?: ApplicationLimits;
}

const FIELDS: Readonly<Record<string, Field<Draft>>> = {
  "protocols": (draft, spot) => draft.protocols = readProtocols(spot),
  "users": (draft, spot) => draft.users = readList(spot, USERS_MAX).map(readUser),
  "rtmp-challenge": (draft, spot) => {
    draft.rtmpChallenge = readOption(spot, OPTIONS.publishTakeover);
  },
  "play-wait": (draft, spot) => draft.playWaitMs = readOption(spot, OPTIONS.playWaitMs),
  "hold": (draft, spot) => draft.holdMs = readOption(spot, OPTIONS.holdMs),
  "publish-takeover": (draft, spot) => {
    draft.publishTakeover = readOption(spot, OPTIONS.publishTakeover);
  },
  "publish-backup": (draft, spot) => {
    draft.publishBackup = readOption(spot, OPTIONS.publishTakeover);
  },
  "hls-segment": (draft, spot) => {
    draft.hls.segmentUs = 1000 * readOption(spot, OPTIONS.hlsSegmentMs);
  },
  "hls-part": (draft, spot) => draft.hls.partUs = 1000 * readOption(spot, OPTIONS.hlsPartMs),
  "hls-window": (draft, spot) => draft.hls.windowSegments = readOption(spot, OPTIONS.hlsWindow),
  "limits": (draft, spot) => draft.limits = readLimits(spot),
};

/** One application of the file, and where it stands. */
export interface ReadApplication {
  readonly name: string;
  readonly settings: GivenApplication;
  readonly spot: Spot;
}

/**
 * Reads what stands under {@link APPLICATIONS_KEY}.
 *
 * @throws {ConfigFault} The first key that is unknown, or value that is not allowed.
 */
export function readApplications(spot: Spot): ReadApplication[] {
  const entries = readMap(spot);
  if (entries.length > APPLICATIONS_MAX) {
    throw new ConfigFault(spot, `must be at most ${APPLICATIONS_MAX} applications`);
  }
  return entries.map(({ key, spot }) => ({
    name: readName(key, spot),
    settings: read(spot),
    spot,
  }));
}

/**
 * Checks what only the settings of an application together tell, those it inherits included.
 *
 * @throws {ConfigFault} One of them has parts that are longer than its segments.
 */
export function checkApplications(
  applications: readonly ReadApplication[],
  defaults: ApplicationSettings,
): void {
  const star = applications.find(({ name }) => name === APPLICATION_OTHERS)?.settings ?? {};
  const others = settle(defaults, star);
  for (const { settings, spot } of applications) {
    const { partUs, segmentUs } = settle(others, settings).hls;
    if (partUs <= segmentUs) continue;
    const text = `hls-part must be at most hls-segment, ${segmentUs / 1000}ms here`;
    throw new ConfigFault(spot, `${text}, and is ${partUs / 1000}ms`);
  }
}

function read(spot: Spot): GivenApplication {
  return readFields<Draft>(spot, FIELDS, { hls: {} });
}

/** A first path element, decoded, as it names streams. */
function readName(key: string, spot: Spot): string {
  if (key === APPLICATION_OTHERS) return key;
  const named = key.includes("/") ? undefined : streamNameFromPath(`/${encoded(key)}/x`);
  if (named?.ok && named.app === key) return key;
  throw new ConfigFault(spot, `must be the first element of a path, or "${APPLICATION_OTHERS}"`);
}

function encoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : "";
}

function readProtocols(spot: Spot): GivenApplication["protocols"] {
  type Protocols = Partial<Record<Action, readonly AccessProtocol[]>>;
  return readFields<Protocols>(spot, {
    publish: (protocols, spot) => {
      protocols.publish = readList(spot, ACCESS_PROTOCOLS.length)
        .map((item) => readChoice(item, PUBLISH_PROTOCOLS));
    },
    play: (protocols, spot) => {
      protocols.play = readList(spot, ACCESS_PROTOCOLS.length)
        .map((item) => readChoice(item, ACCESS_PROTOCOLS));
    },
  }, {});
}

function readChoice<Choice extends string>(spot: Spot, choices: readonly Choice[]): Choice {
  const text = readText(spot);
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  throw new ConfigFault(
    spot,
    `must be ${choices.length > 1 ? "one of " : ""}${choices.join(", ")}`,
  );
}

/** A user while it is read. */
interface UserDraft {
  user?: string;
  pass?: string;
  token?: string;
  publish: boolean;
  play: boolean;
}

const USER_FIELDS: Readonly<Record<string, Field<UserDraft>>> = {
  "user": (draft, spot) => draft.user = readSecret(spot, { min: 1, max: 256, noColon: true }),
  "pass": (draft, spot) => draft.pass = readSecret(spot, { min: 1, max: 1024 }),
  "token": (draft, spot) => draft.token = readSecret(spot, { min: 8, max: 4096 }),
  "publish": (draft, spot) => draft.publish = readOption(spot, OPTIONS.publishTakeover),
  "play": (draft, spot) => draft.play = readOption(spot, OPTIONS.publishTakeover),
};

function readUser(spot: Spot): User {
  const { user, pass, token, ...rights } = readFields<UserDraft>(spot, USER_FIELDS, {
    publish: false,
    play: false,
  });
  if (!rights.publish && !rights.play) {
    throw new ConfigFault(spot, `must have publish: true, play: true or both`);
  }
  if (token !== undefined && user === undefined && pass === undefined) return { token, ...rights };
  if (token === undefined && user !== undefined && pass !== undefined) {
    return { user, pass, ...rights };
  }
  throw new ConfigFault(spot, "must have either user and pass or token");
}

/** Never shows what it refuses. */
function readSecret(
  spot: Spot,
  { min, max, noColon = false }: { min: number; max: number; noColon?: boolean },
): string {
  const text = readText(spot);
  const fits = text.length >= min && text.length <= max && text.isWellFormed() &&
    !/\p{Cc}/u.test(text) && !(noColon && text.includes(":"));
  if (fits) return text;
  const colon = noColon ? " or colons" : "";
  throw new ConfigFault(
    spot,
    `must be ${min} to ${max} characters without control characters${colon}`,
  );
}

function readLimits(spot: Spot): ApplicationLimits {
  type Limits = { -readonly [Name in keyof ApplicationLimits]: number };
  const fields = Object.entries(LIMITS).map(([key, { name, option }]) => {
    const field: Field<Limits> = (limits, spot) => limits[name] = readOption(spot, option);
    return [key, field] as const;
  });
  return readFields<Limits>(spot, Object.fromEntries(fields), {});
}

/** A value as the flag of the same name takes it. */
function readOption<Value>(spot: Spot, option: Option<Value>): Exclude<Value, undefined> {
  const value = option.read(readText(spot));
  if (value === undefined) throw new ConfigFault(spot, `must be ${option.allowed}`);
  return value;
}
