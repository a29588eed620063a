import { describe, expect, it } from "vitest";
import { dialectOf, toBindingError, toBindingInputs, toBindingResponse } from "../../routing/dialects/index.ts";
import { begun, play } from "./driver.ts";
import { aScene, ONE_PIXEL, type SceneParts, SECRET_PROMPT } from "./works.ts";

const dialect = dialectOf("workers-ai");
const PIXEL_BASE64 = btoa(String.fromCharCode(...ONE_PIXEL.bytes));
const BINDING = { endpoint: { url: "binding:AI" } };

function start(parts: SceneParts = BINDING) {
  const { work, target } = aScene("workers-ai", { endpoint: BINDING.endpoint, ...parts });
  const { step, warnings } = begun(dialect, work, target);
  return { work, step, warnings };
}

const model = (upstreamName: string) => ({ model: { upstreamName, pin: upstreamName } });

describe("a call of the AI binding", () => {
  it("names the model and carries its inputs as data", () => {
    const { call } = start().step;
    expect(call.url).toBe("@cf/leonardo/phoenix-1.0");
    expect(call.body).toBeUndefined();
    expect(call.binding).toEqual({
      kind: "workers-ai",
      inputs: { prompt: SECRET_PROMPT, width: 1024, height: 1024, seed: 4711, num_steps: 28, guidance: 4.5 },
    });
    expect(toBindingInputs(call)).toEqual(call.binding?.inputs);
  });

  it("gives FLUX.1 schnell no size, and calls its steps steps", () => {
    const parts = {
      ...model("@cf/black-forest-labs/flux-1-schnell"),
      work: { steps: 4 },
      request: { width: 800, height: 600 },
    };
    const { step, warnings, work } = start(parts);
    expect(step.call.binding?.inputs).toEqual({ prompt: SECRET_PROMPT, seed: 4711, steps: 4 });
    expect(warnings).toEqual(["size 800x600 becomes 1024x1024"]);
    expect(dialect.expectedSize?.(work)).toBeUndefined();
  });

  it("sends a reference and a mask to the models that take them", () => {
    const { call } = start({ request: { image: ONE_PIXEL, mask: ONE_PIXEL, negativePrompt: "fog" } }).step;
    expect(call.binding?.inputs).toMatchObject({
      image_b64: PIXEL_BASE64,
      mask: [...ONE_PIXEL.bytes],
      negative_prompt: "fog",
    });
  });

  it("wraps FLUX.2's form as the multipart body that it wants", async () => {
    const { call } = start({ ...model("@cf/black-forest-labs/flux-2-dev"), request: { image: ONE_PIXEL } }).step;
    const { multipart } = toBindingInputs(call) as { multipart: { body: ReadableStream; contentType: string } };
    expect(multipart.contentType).toMatch(/^multipart\/form-data; ?boundary=/);
    const form = await new Response(multipart.body, { headers: { "content-type": multipart.contentType } }).formData();
    expect(form.get("prompt")).toBe(SECRET_PROMPT);
    expect(form.get("steps")).toBe("28");
    expect(form.get("width")).toBe("1024");
    expect((form.get("input_image_0") as File).size).toBe(ONE_PIXEL.bytes.length);
    expect(form.has("input_image_1")).toBe(false);
  });

  it("numbers FLUX.2's pictures", () => {
    const flux = model("@cf/black-forest-labs/flux-2-dev");
    const capabilities = { ...aScene("workers-ai").work.model.capabilities, maxImages: 4 };
    const request = { image: ONE_PIXEL, moreImages: [ONE_PIXEL, ONE_PIXEL] };
    const form = start({ ...flux, model: { ...flux.model, capabilities }, request }).step.call.body as FormData;
    expect([...form.keys()].filter((name) => name.startsWith("input_image"))).toEqual(
      [0, 1, 2].map((at) => `input_image_${at}`),
    );
  });
});

describe("a call of the REST API", () => {
  it("goes to the account's run path with the key", () => {
    const { work, target } = aScene("workers-ai");
    const { call } = begun(dialect, work, target).step;
    expect(call.url).toBe("https://api.cloudflare.com/client/v4/accounts/acc/ai/run/@cf/leonardo/phoenix-1.0");
    expect(call.binding).toBeUndefined();
    expect(JSON.parse(String(call.body))).toMatchObject({ prompt: SECRET_PROMPT, num_steps: 28 });
  });
});

describe("what the binding gives back", () => {
  const bytes = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0);
  const padded = Uint8Array.of(9, 9, ...bytes, 9).subarray(2, 6);
  const stream = () => new Response(bytes).body;

  it.each([
    ["a stream", stream],
    ["bytes", () => bytes],
    ["a view into a larger buffer", () => padded],
    ["a buffer", () => bytes.slice().buffer],
    ["a response", () => new Response(bytes, { headers: { "content-type": "image/jpeg" } })],
  ])("is the picture's bytes when it is %s", async (_what, output) => {
    const response = toBindingResponse(output());
    expect(response.status).toBe(200);
    expect(play(start().step, { status: 200, headers: Object.fromEntries(response.headers), body: "" })).toMatchObject({
      came: "picture",
    });
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([...bytes]);
  });

  it.each([
    ["an object with base64", { image: PIXEL_BASE64 }],
    ["a bare base64 string", PIXEL_BASE64],
    ["a data URL", { image: `data:image/png;base64,${PIXEL_BASE64}` }],
  ])("is an embedded picture when it is %s", async (_what, output) => {
    const response = toBindingResponse(output);
    const answer = { status: 200, headers: { "content-type": "application/json" }, body: await response.text() };
    expect(play(start().step, answer)).toMatchObject({ came: "picture", base64: PIXEL_BASE64 });
  });

  it.each([undefined, null, {}, { image: 7 }, 42])("is no picture when it is %j", async (output) => {
    const answer = {
      status: 200,
      headers: { "content-type": "application/json" },
      body: await toBindingResponse(output).text(),
    };
    expect(play(start().step, answer)).toEqual({
      came: "failure",
      failure: { reason: "bad_response", defect: "no_picture" },
    });
  });
});

describe("what the binding throws", () => {
  it.each([
    ["InferenceUpstreamError: 3040: No more data centers", { reason: "overloaded", status: 429 }],
    ["AiError: 3036: You have used up your daily free allocation", { reason: "quota_exhausted", status: 429 }],
    ["3030: Input prompt contains NSFW content.", { reason: "refused_content", detail: "prompt" }],
    ["5007: No such model", { reason: "model_gone", status: 400 }],
    ["3007: Request timeout", { reason: "upstream_timeout", status: 408 }],
    ["5018: not allowed", { reason: "unauthorized", status: 403 }],
    ["3006: Request is too large", { reason: "invalid_request", status: 413, detail: "3006: Request is too large" }],
    ["4999: something new", { reason: "upstream_error", status: 500 }],
    ["it broke", { reason: "upstream_error", status: 500 }],
  ])("%j is understood", async (message, failure) => {
    for (const thrown of [new Error(message), message]) {
      const response = toBindingError(thrown);
      const answer = {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      };
      expect(play(start().step, answer)).toEqual({ came: "failure", failure });
    }
  });
});
