import { describe, expect, it } from "vitest";
import { type EditPictures, type ImagesCall, toCall } from "../../../functions/router/openai/call.ts";
import { imagesBody } from "../../../functions/router/openai/schemas.ts";
import type { RequestFailure } from "../../../routing/index.ts";
import { aSnapshot } from "../../support/snapshot.ts";

const snapshot = aSnapshot();

function call(body: Record<string, unknown>, pictures?: EditPictures): ImagesCall | RequestFailure {
  const parsed = imagesBody.parse({ prompt: "a fox", ...body });
  const made = toCall(parsed, { snapshot, ...(pictures === undefined ? {} : { pictures }) });
  return made.ok ? made.value : made.failure;
}

const aPicture = (width: number, height: number): EditPictures => ({
  image: { bytes: new Uint8Array([1]), format: "png", width, height },
});

describe("an OpenAI-shaped body", () => {
  it("means one PNG in base64 of whatever size and model routing chooses, when it says nothing", () => {
    expect(call({})).toEqual({
      kind: "generation",
      ask: { prompt: "a fox", text: [], preferredFormat: "png", exportFlag: false },
      count: 1,
      delivery: "b64_json",
      stream: false,
      wantsPreview: true,
      ignored: [],
    });
  });

  it("means the same with null, and with auto", () => {
    const nothing = {
      n: null,
      size: null,
      model: null,
      response_format: null,
      seed: null,
      stream: null,
      quality: null,
    };
    expect(call(nothing)).toEqual(call({}));
    expect(call({ size: "auto", model: "auto", quality: "auto", background: "opaque" })).toEqual(call({}));
  });

  it.each([
    ["a purpose", "high-res-export", { purpose: "high-res-export" }],
    ["a model of the catalogue", "SD3.5 Medium", { model: "SD3.5 Medium" }],
    ["a name that nothing knows, left to be refused", "dall-e-3", { model: "dall-e-3" }],
  ])("takes as model %s", (_, model, asked) => {
    expect(call({ model })).toMatchObject({ ask: asked });
  });

  it("takes Galley's own members beside OpenAI's", () => {
    const own = {
      seed: 7,
      negative_prompt: "text",
      steps: 8,
      guidance: 2,
      session: "s",
      layer: "l",
      deadline_ms: 4_000,
    };
    expect(call({ ...own, purpose: "preview", output_format: "webp", size: "640x480", n: 3 })).toMatchObject({
      count: 3,
      ask: {
        seed: 7,
        negativePrompt: "text",
        steps: 8,
        guidance: 2,
        session: "s",
        layer: "l",
        deadlineMs: 4_000,
        purpose: "preview",
        format: "webp",
        width: 640,
        height: 480,
      },
    });
  });

  it.each(["15x64", "64x15", "12289x64", "64x99999"])("refuses a side out of bounds: %s", (size) => {
    expect(call({ size })).toMatchObject({ code: "invalid_request", path: "/size" });
  });

  it("names what had no effect, but nothing that is about the account or asks for what is done anyway", () => {
    const silent = {
      user: "u",
      safety_identifier: "x",
      moderation: "low",
      background: "opaque",
      output_compression: 100,
    };
    expect(call({ ...silent, quality: "high", style: "vivid", "we ird\n": 1, galleyish: null })).toMatchObject({
      ignored: ["quality", "style"],
    });
  });

  it("streams base64 only, and says so", () => {
    expect(call({ stream: true, response_format: "url", partial_images: 0 })).toMatchObject({
      stream: true,
      delivery: "b64_json",
      wantsPreview: false,
      ignored: ["response_format"],
    });
  });
});

describe("an edit", () => {
  it("is drawn at its picture's own size", () => {
    expect(call({}, aPicture(640, 480))).toMatchObject({ kind: "edit", ask: { width: 640, height: 480 } });
  });

  it("is drawn smaller where its picture is larger than a megapixel, in the same shape", () => {
    expect(call({}, aPicture(4000, 2000))).toMatchObject({ ask: { width: 1448, height: 724 } });
  });

  it("is drawn at the asked size where one is asked", () => {
    expect(call({ size: "512x512" }, aPicture(4000, 2000))).toMatchObject({ ask: { width: 512, height: 512 } });
  });
});
