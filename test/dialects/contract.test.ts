/** What holds for every dialect, whatever its upstream. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Step } from "../../routing/dialects/dialect.ts";
import { dialectOf } from "../../routing/dialects/index.ts";
import { ATTEMPT_FAILURE_TRAITS } from "../../routing/failure/index.ts";
import { type Answer, begun, fixturesOf, play } from "./driver.ts";
import {
  aScene,
  KEY,
  ONE_PIXEL,
  type SceneParts,
  SECRET_NEGATIVE,
  SECRET_OVERLAY,
  SECRET_PROMPT,
  sceneOfCase,
} from "./works.ts";

const NAMES = ["generate", "openai-images", "gemini", "ideogram", "stability", "workers-ai"] as const;

/** Every dialect, and every server or mode that one has. */
const CASES: readonly { readonly label: string; readonly name: (typeof NAMES)[number]; readonly parts: SceneParts }[] =
  [
    ...NAMES.map((name) => ({ label: name, name, parts: {} })),
    {
      label: "generate, upscaling",
      name: "generate",
      parts: { model: { kind: "upscale" }, request: { image: ONE_PIXEL } },
    },
    {
      label: "generate, with a reference",
      name: "generate",
      parts: { request: { image: ONE_PIXEL, mask: ONE_PIXEL } },
    },
    { label: "openai-images of SGLang", name: "openai-images", parts: { endpoint: { flavor: "sglang" } } },
    {
      label: "openai-images of OpenAI",
      name: "openai-images",
      parts: sceneOfCase("openai-images", { flavor: "openai" }),
    },
    {
      label: "openai-images, editing",
      name: "openai-images",
      parts: { request: { image: ONE_PIXEL, mask: ONE_PIXEL } },
    },
    { label: "gemini with a reference", name: "gemini", parts: { request: { image: ONE_PIXEL } } },
    { label: "ideogram v3", name: "ideogram", parts: { model: { upstreamName: "ideogram-v3" } } },
    { label: "stability with a reference", name: "stability", parts: { request: { image: ONE_PIXEL } } },
    { label: "stability, creative upscale", name: "stability", parts: sceneOfCase("stability", { model: "creative" }) },
    {
      label: "workers-ai with a form",
      name: "workers-ai",
      parts: { model: { upstreamName: "@cf/black-forest-labs/flux-2-dev" }, request: { image: ONE_PIXEL } },
    },
  ];

const WORDY = {
  negativePrompt: SECRET_NEGATIVE,
  text: [{ content: SECRET_OVERLAY }],
  steps: 20,
  guidance: 12,
  width: 1001,
  height: 607,
  format: "webp",
} as const;

const secrets = [SECRET_PROMPT, SECRET_NEGATIVE, SECRET_OVERLAY, KEY];

describe.each(CASES)("$label", ({ name, parts }) => {
  const dialect = dialectOf(name);
  const scene = aScene(name, parts);
  const wordy = aScene(name, { ...parts, request: { ...WORDY, ...parts.request } });

  it("answers to its name", () => expect(dialect.name).toBe(name));

  it("calls an absolute URL under the endpoint's own", () => {
    const { call } = begun(dialect, scene.work, scene.target).step;
    const base = new URL(scene.target.endpoint.url);
    const url = new URL(call.url);
    expect(url.origin).toBe(base.origin);
    expect(url.pathname.startsWith(base.pathname)).toBe(true);
    expect(url.pathname).not.toContain("//");
    expect(call.binding).toBeUndefined();
  });

  it("carries the key in one header and nowhere else", async () => {
    const { call } = begun(dialect, scene.work, scene.target).step;
    expect(Object.values(call.headers).filter((value) => value.includes(KEY))).toHaveLength(1);
    expect(call.url).not.toContain(KEY);
    expect(await new Response(call.body ?? null).text()).not.toContain(KEY);
  });

  it("calls without a key header where the catalogue names no secret", () => {
    const { work, target } = scene;
    const { secret: _none, ...open } = target.endpoint;
    const { call } = begun(dialect, work, { endpoint: open }).step;
    expect(Object.keys(call.headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/key|authorization/)]));
  });

  it("does not call when the secret is not set", () => {
    const result = dialect.begin(scene.work, { endpoint: scene.target.endpoint });
    expect(result).toEqual({ ok: false, failure: { reason: "secret_missing", secret: "THE_KEY" } });
  });

  it("sends the attempt's id, its remaining time and its trace", () => {
    const { call } = begun(dialect, scene.work, scene.target).step;
    expect(call.headers).toMatchObject({
      "x-request-id": "req-1-2",
      "x-timeout-ms": "7250",
      traceparent: scene.work.traceparent,
    });
  });

  it("keeps header values in ASCII and header names in lower case", () => {
    const { call } = begun(dialect, scene.work, scene.target).step;
    for (const [header, value] of Object.entries(call.headers)) {
      expect(header).toMatch(/^[a-z0-9-]+$/);
      expect(value).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it("names every option that it drops, and none of the caller's words", () => {
    const { step, warnings } = begun(dialect, wordy.work, wordy.target);
    expect(new Set(warnings).size).toBe(warnings.length);
    for (const text of [...warnings, step.call.url]) {
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    for (const warning of warnings) expect(warning).toMatch(/^[\x20-\x7e]{1,120}$/);
  });

  it("asks for the same picture twice in the same words", async () => {
    const body = async () => {
      const { call } = begun(dialect, wordy.work, wordy.target).step;
      return call.body instanceof FormData ? [...call.body.keys()].join() : call.body;
    };
    expect(await body()).toEqual(await body());
  });

  it.each([
    [400, "invalid_request"],
    [401, "unauthorized"],
    [402, "quota_exhausted"],
    [403, "unauthorized"],
    [404, "model_gone"],
    [408, "upstream_timeout"],
    [410, "model_gone"],
    [418, "invalid_request"],
    [429, "overloaded"],
    [451, "invalid_request"],
    [500, "upstream_error"],
    [502, "upstream_error"],
    [503, "overloaded"],
    [504, "upstream_timeout"],
    [520, "upstream_error"],
    [599, "upstream_error"],
    [302, "bad_response"],
    [204, "bad_response"],
  ])("takes a bare %i for %s", (status, reason) => {
    const { step } = begun(dialect, scene.work, scene.target);
    expect(play(step, { status, body: "" })).toMatchObject({ came: "failure", failure: { reason } });
  });

  it("takes a web page with a success status for no picture", () => {
    const { step } = begun(dialect, scene.work, scene.target);
    const page = { status: 200, headers: { "content-type": "text/html" }, body: "<html></html>" };
    expect(play(step, page)).toMatchObject({ came: "failure", failure: { reason: "bad_response" } });
  });

  it("lets nothing of the caller's words into a failure, however the upstream quotes them", () => {
    const quoted = `"${SECRET_PROMPT}" / ${SECRET_NEGATIVE.toUpperCase()} / ${SECRET_OVERLAY.slice(0, 12)}… at http://10.0.0.7/x ${KEY}`;
    const bodies: readonly unknown[] = [
      { error: { message: `Invalid prompt ${quoted}`, code: "bad", type: "t", status: "INVALID_ARGUMENT" } },
      { error: `Invalid ${quoted}` },
      { detail: `Cannot draw ${quoted}` },
      { detail: [{ loc: ["body", "prompt"], msg: `not ${quoted}`, input: SECRET_PROMPT }] },
      { name: "bad_request", errors: [`prompt: ${quoted}`] },
      { errors: [{ code: 5006, message: quoted }] },
      { message: quoted },
      quoted,
    ];
    const { step } = begun(dialect, wordy.work, wordy.target);
    for (const status of [400, 403, 413, 422, 500]) {
      for (const body of bodies) {
        const text = JSON.stringify(play(step, { status, body })).toLowerCase();
        for (const secret of [...secrets, "10.0.0.7", "xylophone", "quokka", "zanzibar"]) {
          expect(text).not.toContain(secret.toLowerCase());
        }
      }
    }
  });

  it("settles on garbage with a failure and never throws", () => {
    const known = fixturesOf(name).map((fixture) => JSON.stringify(fixture.body));
    const body = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string(),
      fc.constantFrom(...known).chain((text) => fc.nat(text.length).map((end) => text.slice(0, end))),
      mangled(known),
    );
    const answer = fc.record<Answer>({
      status: fc.oneof(fc.constantFrom(200, 201, 202, 400, 403, 422, 429, 503), fc.integer({ min: 200, max: 599 })),
      headers: fc.record({
        "content-type": fc.constantFrom("application/json", "image/png", "text/html", "text/plain", "nonsense", ";"),
        "retry-after": fc.constantFrom(
          "",
          "0",
          "-5",
          "1e9",
          "soon",
          "Wed, 21 Oct 2037 07:28:00 GMT",
          "99999999999999999999",
        ),
      }),
      body,
    });
    fc.assert(
      fc.property(answer, (one) => {
        const outcome = play(begun(dialect, scene.work, scene.target).step, one);
        if (outcome.came === "failure") checkFailure(outcome.failure);
        if (outcome.came === "step") checkStep(outcome.step, one);
      }),
      { numRuns: 150, seed: 20261122 },
    );
  });
});

/** Real answers with one member replaced by something else. */
function mangled(known: readonly string[]) {
  return fc.tuple(fc.constantFrom(...known), fc.nat(), fc.jsonValue()).map(([text, pick, value]) => {
    const places: { readonly owner: Record<string, unknown>; readonly key: string }[] = [];
    const document: unknown = JSON.parse(text);
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      for (const key of Object.keys(node)) {
        places.push({ owner: node as Record<string, unknown>, key });
        visit((node as Record<string, unknown>)[key]);
      }
    };
    visit(document);
    const place = places[pick % Math.max(1, places.length)];
    if (place !== undefined) place.owner[place.key] = value;
    return JSON.stringify(document);
  });
}

function checkFailure(failure: { readonly reason: string; readonly retryAfterMs?: number; readonly detail?: string }) {
  expect(Object.keys(ATTEMPT_FAILURE_TRAITS)).toContain(failure.reason);
  if (failure.retryAfterMs !== undefined) {
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(0);
    expect(failure.retryAfterMs).toBeLessThanOrEqual(120_000);
  }
  expect((failure.detail ?? "").length).toBeLessThanOrEqual(200);
}

/** A second call goes to the endpoint or an allowed host, and its answer may be garbage too. */
function checkStep(step: Step, answer: Answer) {
  expect(step.call.url).toMatch(/^https:\/\/(ideogram\.ai|api\.stability\.ai)\//);
  play(step, answer);
}
