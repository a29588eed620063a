import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { OPENAI_SDKS, openClient } from "../../support/openai-sdks.ts";
import { aPng } from "../../support/pictures.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    edit: ({ routing, catalog }) => ({
      routing: routing.replace("  draft:\n", '  draft:\n    progressive: { draft: "SDXL Lightning" }\n'),
      // The simulated GPU servers edit, at any size and with a mask.
      catalog: catalog.replace("takes: [seed, negative", "takes: [image, mask, seed, negative"),
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

/** Pictures asked of all simulated endpoints so far. */
const workDone = () =>
  Object.values(stack.simulator.control.state().endpoints).reduce((sum, { requests }) => sum + requests, 0);

/** What was asked of the endpoints while `act` ran. */
async function workOf<Value>(act: () => Promise<Value>): Promise<{ value: Value; requests: number }> {
  const before = workDone();
  const value = await act();
  return { value, requests: workDone() - before };
}

const pictureIn = (b64: string | undefined) => sniffPicture(Buffer.from(b64 ?? "", "base64"));

/** Options that the SDK's types do not know go over the wire all the same. */
const passed = (options: Record<string, unknown>) => options as { prompt: string };

const UNSTREAMED = { prompt: "a fox", model: "preview", size: "256x256" } as const;

describe.each(OPENAI_SDKS)("%s", (name, Sdk) => {
  it("generates with a purpose as model, and sees the request's id", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const answer = await client.images.generate(passed({ ...UNSTREAMED }));
    expect(answer.data).toHaveLength(1);
    expect(pictureIn(answer.data?.[0]?.b64_json)).toEqual({ format: "png", width: 256, height: 256 });
    expect(answer).toMatchObject({ created: expect.any(Number), output_format: "png", size: "256x256" });
    expect(answer._request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("generates with a catalogue model by any of its names, in a size that routing chooses", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const asked = client.images.generate(passed({ prompt: "a fox", model: "sdxl_lightning", size: "auto" }));
    const { data, response } = await asked.withResponse();
    expect(response.headers.get("galley-model")).toMatch(/^sdxl-lightning@/);
    expect(pictureIn(data.data?.[0]?.b64_json)).toMatchObject({ width: 1024, height: 1024 });
  });

  it("generates several pictures, all different, and pays for each once", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const { value: answer, requests } = await workOf(() =>
      client.images.generate(passed({ ...UNSTREAMED, n: 3, seed: 11 })),
    );
    expect(answer.data).toMatchObject([{ seed: 11 }, { seed: 12 }, { seed: 13 }]);
    // This model's server counts no tokens.
    expect(answer.usage).toBeUndefined();
    expect(new Set(answer.data?.map(({ b64_json }) => b64_json)).size).toBe(3);
    expect(requests).toBe(3);
  });

  it("is let through with members that nothing knows, and told that they had no effect", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const options = { ...UNSTREAMED, quality: "high", provider: { order: ["x"] }, user: "u" };
    const { response } = await client.images.generate(passed(options)).withResponse();
    expect(response.headers.get("galley-warning")).toBe("ignored: quality, provider");
  });

  it("gets base64 when it asks for it, and for a URL a signed link that opens", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const b64 = await client.images.generate(passed({ ...UNSTREAMED, response_format: "b64_json" }));
    expect(b64.data?.[0]).toMatchObject({ b64_json: expect.any(String) });
    const linked = await client.images.generate(passed({ ...UNSTREAMED, response_format: "url", seed: 4 }));
    const { url, b64_json } = linked.data?.[0] ?? {};
    expect(b64_json).toBeUndefined();
    const opened = await fetch(url ?? "");
    expect([opened.status, opened.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(sniffPicture(new Uint8Array(await opened.arrayBuffer()))).toMatchObject({ width: 256 });
  });

  it("sends one request for a blocked prompt, and throws what it is", async () => {
    const { client, sent } = openClient(Sdk, stack.router.url);
    const { value: error, requests } = await workOf(() =>
      client.images
        .generate(passed({ prompt: `[refuse] a fox for ${name}`, model: "draft-art" }))
        .catch((thrown: unknown) => thrown as InstanceType<typeof Sdk.APIError>),
    );
    expect(error).toBeInstanceOf(Sdk.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: "moderation_blocked",
      type: "image_generation_user_error",
      requestID: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(sent).toHaveLength(1);
    expect(requests).toBe(1);
  });

  it.each([
    ["NotFoundError", { ...UNSTREAMED, model: "dall-e-3" }, "model", "model_not_found"],
    ["BadRequestError", { ...UNSTREAMED, size: "9x9" }, "size", "invalid_value"],
    ["BadRequestError", { ...UNSTREAMED, n: 11 }, "n", "invalid_value"],
    ["BadRequestError", { ...UNSTREAMED, prompt: "" }, "prompt", "invalid_value"],
  ] as const)("throws a typed %s", async (type, options, param, code) => {
    const { client, sent } = openClient(Sdk, stack.router.url);
    const error = await client.images.generate(passed({ ...options })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Sdk[type]);
    expect(error).toMatchObject({ param, code });
    expect(sent).toHaveLength(1);
  });

  it("does not retry what ran out of time", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const { client, sent } = openClient(Sdk, stack.router.url);
    const asked = client.images.generate(passed({ ...UNSTREAMED, prompt: `a fox for ${name}`, deadline_ms: 3_000 }));
    await expect(asked).rejects.toMatchObject({ status: 504, code: "deadline_exceeded" });
    expect(sent).toHaveLength(1);
  });

  it("edits a picture under either name, at its own size", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const picture = () => new File([aPng(320, 192)], "fox.png", { type: "image/png" });
    const options = { prompt: "a red fox", model: "SD3.5 Medium" };
    const one = await client.images.edit({ ...options, image: picture(), mask: picture() });
    expect(pictureIn(one.data?.[0]?.b64_json)).toMatchObject({ width: 320, height: 192 });
    const listed = await client.images.edit({ ...options, image: [picture()] });
    expect(listed.data).toHaveLength(1);
  });

  it.each([{}, { model: "auto" }])("edits without naming a model: %o", async (named) => {
    const { client } = openClient(Sdk, stack.router.url);
    const image = new File([aPng(64, 64)], "fox.png", { type: "image/png" });
    const { data, response } = await client.images.edit({ prompt: "a red fox", image, ...named }).withResponse();
    expect(pictureIn(data.data?.[0]?.b64_json)).toMatchObject({ width: 1024, height: 1024 });
    expect(response.headers.get("galley-route")).toBe("edit");
    expect(data.usage).toEqual({
      input_tokens: 261,
      output_tokens: 1290,
      total_tokens: 1551,
      input_tokens_details: { text_tokens: 3, image_tokens: 258 },
    });
    expect(response.headers.get("galley-model")).toBe("nano-banana@gemini-2.5-flash-image");
  });

  it("edits after several pictures, each of which counts, by a model that takes so many", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const picture = (seed: number) => new File([aPng(64, 64, seed)], "fox.png", { type: "image/png" });
    const drawn = async (seeds: readonly number[]) => {
      const options = { prompt: "a red fox", seed: 3, image: seeds.map(picture) };
      const { data, response } = await client.images.edit(passed(options) as never).withResponse();
      const { data: pictures } = data as { data: { b64_json: string }[] };
      return { picture: pictures[0]?.b64_json, model: response.headers.get("galley-model") };
    };
    const [two, other, five] = [await drawn([1, 2]), await drawn([1, 3]), await drawn([1, 2, 3, 4, 5])];
    expect(two.picture === other.picture).toBe(false);
    // Nano Banana takes three.
    expect([two.model, five.model]).toEqual([
      "nano-banana@gemini-2.5-flash-image",
      "nano-banana-2.1@gemini-nano-banana-2.1",
    ]);
    await expect(drawn([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])).rejects.toMatchObject({
      status: 400,
      param: "image",
    });
  });

  it("edits with a model that has sizes of its own in the nearest shape, and is told so", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const image = new File([aPng(320, 192)], "fox.png", { type: "image/png" });
    const asked = client.images.edit({ prompt: "a red fox", model: "Nano Banana", image });
    const { data, response } = await asked.withResponse();
    expect(pictureIn(data.data?.[0]?.b64_json)).toMatchObject({ width: 1344, height: 768 });
    expect(response.headers.get("galley-warning")).toBe("size 320x192 becomes 1344x768");
  });

  it("reads a streamed picture after its draft, and ends", async () => {
    stack.simulator.control.setFault("apac-nano-banana", { kind: "slow", factor: 100 });
    const { client } = openClient(Sdk, stack.router.url);
    const options = { ...UNSTREAMED, model: "draft-art", stream: true, partial_images: 1 } as const;
    const events = await client.images.generate(options);
    const seen: [type: string, width: number | undefined][] = [];
    let last: unknown;
    for await (const event of events) {
      const picture = pictureIn(event.b64_json);
      seen.push([event.type, typeof picture === "object" ? picture.width : undefined]);
      last = event;
    }
    // The draft's model draws any size, the other one its own.
    expect(seen).toEqual([
      ["image_generation.partial_image", 256],
      ["image_generation.completed", 1024],
    ]);
    expect(last).toMatchObject({
      size: "1024x1024",
      output_format: "png",
      usage: { input_tokens: 2, output_tokens: 1290, total_tokens: 1292 },
      galley: { model: "nano-banana@gemini-2.5-flash-image", attempts: expect.stringContaining("sdxl-lightning") },
    });
  });

  it("reads a streamed edit under its own names, without a draft where it wants none", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const image = new File([aPng(64, 64)], "fox.png", { type: "image/png" });
    const options = { image, prompt: "a fox", model: "Nano Banana", partial_images: 0, stream: true } as const;
    const seen: string[] = [];
    for await (const event of await client.images.edit(options)) seen.push(event.type);
    expect(seen).toEqual(["image_edit.completed"]);
  });

  it("throws what went wrong in the middle of a stream", async () => {
    stack.simulator.control.setFault("*", { kind: "500" });
    const { client, sent } = openClient(Sdk, stack.router.url);
    const events = await client.images.generate({ ...UNSTREAMED, stream: true });
    const read = async () => {
      for await (const _event of events) expect.unreachable("no picture comes");
    };
    const error = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Sdk.APIError);
    expect(error).toMatchObject({ code: "upstream_failed", type: "server_error" });
    expect(sent).toHaveLength(1);
  });

  it("refuses before the stream begins what can be refused then", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const asked = client.images.generate({ ...UNSTREAMED, model: "dall-e-3", stream: true });
    await expect(asked).rejects.toBeInstanceOf(Sdk.NotFoundError);
  });

  it("goes on with its own first try when that took too long for it", async () => {
    stack.simulator.control.setFault("apac-nano-banana", { kind: "slow", factor: 75 });
    const { client, sent } = openClient(Sdk, stack.router.url, { timeout: 1_000, maxRetries: 4 });
    const options = { prompt: `a fox for ${name}`, model: "draft-art", size: "256x256" } as const;
    const { value: answer, requests } = await workOf(() => client.images.generate(options));
    expect(pictureIn(answer.data?.[0]?.b64_json)).toMatchObject({ width: 1024 });
    expect(sent.map(({ retryCount }) => retryCount).slice(0, 2)).toEqual(["0", "1"]);
    expect(requests).toBe(1);
  });

  it("lists what it may ask for", async () => {
    const { client } = openClient(Sdk, stack.router.url);
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["auto", "preview", "high-res-export", "sd3.5-medium", "nano-banana"]));
    expect(ids).not.toContain("upscaler");
    expect(await client.models.retrieve("SD3.5 Medium")).toMatchObject({ id: "sd3.5-medium", object: "model" });
    await expect(client.models.retrieve("dall-e-3")).rejects.toBeInstanceOf(Sdk.NotFoundError);
  });
});
