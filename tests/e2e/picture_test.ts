// Goal: the latest key frame as a JPEG where the operator named a decoder, a clear no elsewhere.
// Method: real nodes with and without --ffmpeg; the picture is read by ffprobe.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { eventually, runTool } from "../support/processes.ts";

const NEEDS = { needs: ["ffmpeg"] as const };

/** Where the system's packages put it. */
const FFMPEG = "/usr/bin/ffmpeg";

/** The picture once the stream has a key frame. */
function picture(node: TestNode, path: string): Promise<Response> {
  return eventually("picture", async () => {
    const response = await fetch(node.httpUrl(path));
    if (response.status !== 404 && response.status !== 503) return response;
    await response.body?.cancel();
  });
}

Deno.test(endToEnd("a key frame is a JPEG of the stream's size", NEEDS, async () => {
  await using node = await startTestNode({ args: ["--ffmpeg", FFMPEG] });
  await using _publisher = publish(node.rtmpUrl("live/seen"), await mediaFile("h264_aac"));
  const response = await picture(node, "live/seen.jpg");
  assertEquals([response.status, response.headers.get("content-type")], [200, "image/jpeg"]);
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/a.jpg`, new Uint8Array(await response.arrayBuffer()));
  const args = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
  const stdout = await runTool("ffprobe", [...args, `${folder}/a.jpg`], { timeoutMs: 10_000 });
  assertMatch(stdout, /^mjpeg,\d{2,},\d{2,}/);
  await Deno.remove(folder, { recursive: true });
}));

Deno.test(endToEnd("without a decoder a picture is refused with the reason", NEEDS, async () => {
  await using node = await startTestNode();
  await using _publisher = publish(node.rtmpUrl("live/unseen"), await mediaFile("h264_aac"));
  const response = await picture(node, "live/unseen.jpg");
  assertEquals(response.status, 501);
  const { detail } = await response.json();
  assertEquals(
    detail,
    "Cannot make a picture: this node was given no decoder (--ffmpeg PATH)",
  );
  const nobody = await fetch(node.httpUrl("live/nobody.jpg"));
  assert((await nobody.text()).includes("nobody publishes it"));
  assertEquals(nobody.status, 404);
}));
