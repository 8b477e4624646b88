/**
 * Small media files for the tests, made once from ffmpeg's own generators and kept in the
 * system's temporary folder under a name that changes with the recipes.
 *
 * @module
 */
import { fromFileUrl } from "./paths.ts";
import { runTool } from "./processes.ts";

/** Longest a recipe may take, in milliseconds; the slowest needs about 3 s alone on a core. */
const RECIPE_TIMEOUT_MS = 60_000;

const PICTURE = (seconds: number, size = "320x180") =>
  `-f lavfi -i testsrc2=size=${size}:rate=25:duration=${seconds}`;
/** Noise, because frames of a steady tone repeat and a comparison could not tell them apart. */
const SOUND = (seconds: number, hz = 44_100) =>
  `-f lavfi -i anoisesrc=color=pink:seed=7:amplitude=0.2:sample_rate=${hz}:duration=${seconds}`;
const H264 = "-c:v libx264 -threads 1 -preset veryfast -pix_fmt yuv420p -x264-params scenecut=0";
const AAC = "-c:a aac -ac 2 -b:a 64k";

/** What each file holds, as ffmpeg's arguments; a key frame each second unless said. */
const RECIPES = {
  /** 2 B-frames in a pyramid, 6 s. */
  h264_aac: `${PICTURE(6)} ${SOUND(6)} ${H264} -profile:v main -bf 2 -g 25 ${AAC}`,
  h264: `${PICTURE(5)} ${H264} -profile:v baseline -g 25`,
  aac: `${SOUND(5)} ${AAC}`,
  h264_mp3: `${PICTURE(5)} ${SOUND(5)} ${H264} -bf 0 -g 25 -c:a libmp3lame -ac 2 -b:a 64k`,
  h264_g711a: `${PICTURE(5)} ${SOUND(5, 8_000)} ${H264} -bf 0 -g 25 -c:a pcm_alaw -ac 1`,
  g711u: `${SOUND(5, 8_000)} -c:a pcm_mulaw -ac 1`,
  /** A key frame each 10 s, 30 s. */
  long_gop: `${PICTURE(30)} ${SOUND(30)} ${H264} -bf 0 -g 250 ${AAC}`,
  /** As h264_aac, 15 s and 62 s. */
  quarter: `${PICTURE(15)} ${SOUND(15)} ${H264} -profile:v main -bf 2 -g 25 ${AAC}`,
  minute: `${PICTURE(62)} ${SOUND(62)} ${H264} -profile:v main -bf 2 -g 25 ${AAC}`,
  /** Key frames only, 8 s. */
  key_frames: `${PICTURE(8)} ${SOUND(8)} ${H264} -bf 0 -g 1 ${AAC}`,
  /** 25 frames a second and 5 by turns, each for a second, 10 s. */
  variable_rate: `${PICTURE(10)} ${SOUND(10)} -vf select=lt(mod(n\\,50)\\,25)+not(mod(n\\,5)) ` +
    `-vsync vfr ${H264} -bf 0 -force_key_frames expr:gte(t,n_forced) ${AAC}`,
  /** Four times the pixels of the others, 6 s. */
  large: `${PICTURE(6, "640x360")} ${SOUND(6)} ${H264} -profile:v main -bf 2 -g 25 ${AAC}`,
} as const;

/** FLV files that a newer ffmpeg wrote; see tests/vectors/flv/README.md. */
const CAPTURED = {
  h265_aac: "flv/h265_aac_ffmpeg_7.0.2.flv",
  av1_aac: "flv/av1_aac_ffmpeg_7.0.2.flv",
} as const;

export type MediaName = keyof typeof RECIPES | keyof typeof CAPTURED;

/** Path of an FLV file; makes it when nobody has yet. */
export async function mediaFile(name: MediaName): Promise<string> {
  if (name in CAPTURED) {
    const file = CAPTURED[name as keyof typeof CAPTURED];
    return fromFileUrl(new URL(`../vectors/${file}`, import.meta.url));
  }
  const recipe = RECIPES[name as keyof typeof RECIPES];
  const path = `${await cacheFolder()}/${name}.flv`;
  if (!await exists(path)) await make(recipe, path);
  return path;
}

async function make(recipe: string, path: string): Promise<void> {
  // Under a name of its own first: another test process may be making the same file.
  const draft = await Deno.makeTempFile({ dir: await cacheFolder(), suffix: ".flv" });
  const args = `-nostdin -v error -y ${recipe} -f flv -flvflags no_duration_filesize`.split(" ");
  await runTool("ffmpeg", [...args, draft], { timeoutMs: RECIPE_TIMEOUT_MS });
  await Deno.rename(draft, path);
}

async function cacheFolder(): Promise<string> {
  const recipes = new TextEncoder().encode(JSON.stringify(RECIPES));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", recipes)).toHex();
  const parent = Deno.env.get("TMPDIR") ?? "/tmp";
  const folder = `${parent}/headwater-media-${Deno.uid()}-${digest.slice(0, 12)}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
