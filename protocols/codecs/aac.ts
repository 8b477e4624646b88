/**
 * AAC's AudioSpecificConfig: what decoders need before the first access unit.
 *
 * Source: ISO/IEC 14496-3, sections 1.6.2.1 (AudioSpecificConfig), 1.6.5 (SBR and PS signalling),
 * 4.4.1 (GASpecificConfig) and 4.5.1.1 (program_config_element). Access units are not read; ADTS
 * is in `adts.ts`.
 *
 * @module
 */
import { type BitReader, readBits } from "../bytes/bit_reader.ts";
import { ProtocolError } from "../errors.ts";

/** audioObjectType values (table 1.17) that somebody tells apart. */
export const AAC_OBJECT_TYPE = {
  main: 1,
  lc: 2,
  ssr: 3,
  ltp: 4,
  sbr: 5,
  erLd: 23,
  ps: 29,
  erEld: 39,
} as const;

/** Samples per second by samplingFrequencyIndex (table 1.18); 13 and 14 are reserved. */
export const AAC_SAMPLE_RATES: readonly number[] = [
  96_000,
  88_200,
  64_000,
  48_000,
  44_100,
  32_000,
  24_000,
  22_050,
  16_000,
  12_000,
  11_025,
  8_000,
  7_350,
];

/** Channels by channelConfiguration (table 1.19); 0 = the configuration has its own list. */
const CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0];

/** Object types whose AudioSpecificConfig continues with GASpecificConfig. */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** Scalable object types, which name their layer. */
const SCALABLE: ReadonlySet<number> = new Set([6, 20]);

/** Error resilient object types with three resilience flags in the extension. */
const RESILIENT: ReadonlySet<number> = new Set([17, 19, 20, 23]);

const WHERE = { protocol: "AAC", section: "14496-3 1.6.2.1" };

/** A decoded AudioSpecificConfig. */
export interface AudioSpecificConfig {
  /** audioObjectType of the core coder; that of AAC-LC below SBR and PS. */
  readonly objectType: number;
  /** Samples per second of the core coder. */
  readonly coreSampleRate: number;
  /** Samples per second that a decoder with every announced tool puts out. */
  readonly sampleRate: number;
  /** channelConfiguration of the core coder; 0 = the channels are listed in the configuration. */
  readonly channelConfiguration: number;
  /** Channels put out; 0 when the configuration does not tell. */
  readonly channels: number;
  /** Samples of each core channel in an access unit, at `coreSampleRate`: 1024, 960, 512 or 480. */
  readonly frameSamples: number;
  /** Spectral band replication is announced (HE-AAC). */
  readonly sbr: boolean;
  /** Parametric stereo is announced (HE-AAC v2). */
  readonly ps: boolean;
}

/**
 * Reads a whole AudioSpecificConfig, SBR and PS announced either way (hierarchical or backward
 * compatible). What follows the fields known here is not looked at.
 *
 * @throws {ProtocolError} It ends too early or its sampling frequency is reserved or zero.
 */
export function parseAudioSpecificConfig(bytes: Uint8Array): AudioSpecificConfig {
  return readBits(bytes, WHERE, (reader) => {
    const outer = readObjectType(reader);
    const coreSampleRate = readSampleRate(reader);
    const channelConfiguration = reader.bits(4);
    const hierarchical = outer === AAC_OBJECT_TYPE.sbr || outer === AAC_OBJECT_TYPE.ps;
    let extensionSampleRate = 0;
    let objectType = outer;
    if (hierarchical) {
      extensionSampleRate = readSampleRate(reader);
      objectType = readObjectType(reader);
      if (objectType === 22) reader.skip(4); // extensionChannelConfiguration (ER BSAC)
    }
    const core = readCore(reader, objectType, channelConfiguration);
    const late = hierarchical ? NO_EXTENSION : readSyncExtension(reader, objectType);
    const ps = outer === AAC_OBJECT_TYPE.ps || late.ps;
    return {
      objectType,
      coreSampleRate,
      sampleRate: extensionSampleRate || late.sampleRate || coreSampleRate,
      channelConfiguration,
      // Parametric stereo makes two channels of a mono core.
      channels: ps && core.channels === 1 ? 2 : core.channels,
      frameSamples: core.frameSamples,
      sbr: hierarchical || late.sampleRate !== 0,
      ps,
    };
  });
}

/**
 * Passes over a configuration that other fields follow, as in LATM, where nothing tells its end: so
 * there is no backward compatible announcement of SBR and PS behind it.
 *
 * @throws {ProtocolError} Its sampling frequency is reserved or zero.
 * @throws {BitsError} It ends too early.
 */
export function skipAudioSpecificConfig(reader: BitReader): void {
  let objectType = readObjectType(reader);
  readSampleRate(reader);
  const channelConfiguration = reader.bits(4);
  if (objectType === AAC_OBJECT_TYPE.sbr || objectType === AAC_OBJECT_TYPE.ps) {
    readSampleRate(reader);
    objectType = readObjectType(reader);
    if (objectType === 22) reader.skip(4);
  }
  readCore(reader, objectType, channelConfiguration);
}

/**
 * Writes the plain configuration of a core coder, 2 bytes, or 5 where the rate is not in
 * {@link AAC_SAMPLE_RATES}.
 *
 * @throws {RangeError} `objectType` is not 1 to 4, `channelConfiguration` not 1 to 15, or the rate
 * is not an integer of 1 to 2^24 - 1.
 */
export function writeAudioSpecificConfig(
  config: Pick<AudioSpecificConfig, "objectType" | "coreSampleRate" | "channelConfiguration">,
): Uint8Array {
  const { objectType, coreSampleRate, channelConfiguration } = config;
  const valid = objectType >= 1 && objectType <= 4 && channelConfiguration >= 1 &&
    channelConfiguration <= 15 && Number.isInteger(coreSampleRate) && coreSampleRate >= 1 &&
    coreSampleRate <= 0xffffff;
  if (!valid) {
    throw new RangeError(
      `Cannot write AudioSpecificConfig: object type ${objectType}, ${coreSampleRate} Hz, ` +
        `channel configuration ${channelConfiguration}; 1 to 4, up to 16777215, 1 to 15 fit`,
    );
  }
  const index = AAC_SAMPLE_RATES.indexOf(coreSampleRate);
  if (index !== -1) {
    const bits = objectType << 11 | index << 7 | channelConfiguration << 3;
    return Uint8Array.of(bits >>> 8, bits & 0xff);
  }
  // 5 bits of type, 4 ones, 24 bits of rate, 4 of channels, 3 of GASpecificConfig.
  return Uint8Array.of(
    objectType << 3 | 0x7,
    0x80 | coreSampleRate >>> 17,
    coreSampleRate >>> 9 & 0xff,
    coreSampleRate >>> 1 & 0xff,
    (coreSampleRate & 1) << 7 | channelConfiguration << 3,
  );
}

/** Channels of a channelConfiguration; 0 for 0 and reserved values. */
export function aacChannels(channelConfiguration: number): number {
  return CHANNELS[channelConfiguration] ?? 0;
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === 31 ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const offset = reader.bitOffset >>> 3;
  const index = reader.bits(4);
  const rate = index === 15 ? reader.bits(24) : AAC_SAMPLE_RATES[index] ?? 0;
  if (rate > 0) return rate;
  throw new ProtocolError(
    `Cannot read AudioSpecificConfig: sampling frequency index ${index} gives no rate`,
    { ...WHERE, offset },
  );
}

interface Core {
  channels: number;
  frameSamples: number;
}

function readCore(reader: BitReader, objectType: number, configuration: number): Core {
  const channels = aacChannels(configuration);
  if (GENERAL_AUDIO.has(objectType)) return readGeneralAudio(reader, objectType, configuration);
  if (objectType === AAC_OBJECT_TYPE.erEld) {
    return { channels, frameSamples: reader.flag() ? 480 : 512 };
  }
  return { channels, frameSamples: 1024 };
}

/** Reads GASpecificConfig (4.4.1). */
function readGeneralAudio(reader: BitReader, objectType: number, configuration: number): Core {
  const short = reader.flag(); // frameLengthFlag
  if (reader.flag()) reader.skip(14); // dependsOnCoreCoder, coreCoderDelay
  const extended = reader.flag();
  const channels = configuration === 0 ? readProgramConfig(reader) : aacChannels(configuration);
  if (SCALABLE.has(objectType)) reader.skip(3); // layerNr
  if (extended) {
    if (objectType === 22) reader.skip(16); // numOfSubFrame, layer_length
    if (RESILIENT.has(objectType)) reader.skip(3);
    reader.skip(1); // extensionFlag3
  }
  const lowDelay = objectType === AAC_OBJECT_TYPE.erLd;
  const frameSamples = lowDelay ? (short ? 480 : 512) : (short ? 960 : 1024);
  return { channels, frameSamples };
}

/** Reads program_config_element (4.5.1.1); returns its number of channels. */
function readProgramConfig(reader: BitReader): number {
  reader.skip(10); // element_instance_tag, object_type, sampling_frequency_index
  const front = reader.bits(4);
  const side = reader.bits(4);
  const back = reader.bits(4);
  const lfe = reader.bits(2);
  const data = reader.bits(3);
  const coupling = reader.bits(4);
  if (reader.flag()) reader.skip(4); // mono mixdown
  if (reader.flag()) reader.skip(4); // stereo mixdown
  if (reader.flag()) reader.skip(3); // matrix mixdown
  let channels = lfe;
  for (let element = 0; element < front + side + back; element++) {
    channels += reader.flag() ? 2 : 1; // is_cpe: a channel pair
    reader.skip(4);
  }
  reader.skip(4 * lfe + 4 * data + 5 * coupling);
  reader.align();
  reader.skip(8 * reader.bits(8)); // comment
  return channels;
}

interface SyncExtension {
  sampleRate: number; // 0 when band replication is not announced
  ps: boolean;
}

const NO_EXTENSION: SyncExtension = { sampleRate: 0, ps: false };

/** Reads the backward compatible announcement of SBR and PS behind the core (1.6.5). */
function readSyncExtension(reader: BitReader, objectType: number): SyncExtension {
  // Encoders pad with zeros or leave the rest out; whatever is no whole extension is none.
  if (objectType !== AAC_OBJECT_TYPE.lc || reader.remainingBits < 16) return NO_EXTENSION;
  if (reader.bits(11) !== 0x2b7 || readObjectType(reader) !== AAC_OBJECT_TYPE.sbr) {
    return NO_EXTENSION;
  }
  if (reader.remainingBits < 5 || !reader.flag()) return NO_EXTENSION;
  const sampleRate = readSampleRate(reader);
  const ps = reader.remainingBits >= 12 && reader.bits(11) === 0x548 && reader.flag();
  return { sampleRate, ps };
}
