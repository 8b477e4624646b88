// Goal: the reload route needs the token, and says what came of it as a status.
import type { ReloadAnswer } from "../../../actors/http/config_routes.ts";
import { assertEquals } from "../../support/assert.ts";
import { BEARER, fakeApi } from "./fake_view.ts";

const PATH = "/api/v1/config/reload";

const ANSWERS: [ReloadAnswer, status: number, body: Record<string, unknown>][] = [
  [{ ok: true, needRestart: ["rtmp-port"] }, 200, { needRestart: ["rtmp-port"] }],
  [{ ok: false, kind: "invalid", reason: "hw.yaml:3: a.b: must be c" }, 422, {
    type: "about:blank",
    title: "Unprocessable Content",
    status: 422,
    detail: "hw.yaml:3: a.b: must be c",
  }],
  [{ ok: false, kind: "unavailable", reason: "nobody there" }, 503, {
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    detail: "Cannot reload the configuration: nobody there",
  }],
];

for (const [answer, status, body] of ANSWERS) {
  Deno.test(`POST ${PATH} answers ${status}`, async () => {
    const { api } = fakeApi({ reloadConfig: () => Promise.resolve(answer) });
    const response = await api.request(PATH, { method: "POST", headers: BEARER });
    assertEquals([response.status, await response.json()], [status, body]);
  });
}

Deno.test(`POST ${PATH} needs the token, and reads nothing without it`, async () => {
  let reads = 0;
  const reloadConfig = () => {
    reads++;
    return Promise.resolve<ReloadAnswer>({ ok: true, needRestart: [] });
  };
  const { api } = fakeApi({ reloadConfig, openReads: true });
  assertEquals((await api.request(PATH, { method: "POST" })).status, 401);
  assertEquals((await api.request(PATH, { headers: BEARER })).status, 405);
  assertEquals(reads, 0);
});
