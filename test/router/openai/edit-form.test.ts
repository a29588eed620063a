import { describe, expect, it } from "vitest";
import { readEditForm } from "../../../functions/router/openai/edit-form.ts";
import type { RequestFailure } from "../../../routing/index.ts";
import { aPng } from "../../support/pictures.ts";

const PNG = aPng(20, 10);
const file = (bytes: Uint8Array<ArrayBuffer> = PNG) => new File([bytes], "blob");

type Part = readonly [name: string, value: string | File];

/** The form as a client sends it, in chunks of a size. */
async function send(
  parts: readonly Part[],
  { chunkBytes = 65_536, refuse = (_: string) => undefined as RequestFailure | undefined } = {},
) {
  const form = new FormData();
  for (const [name, value] of parts) form.append(name, value);
  const whole = new Request("http://galley.test/", { method: "POST", body: form });
  const bytes = new Uint8Array(await whole.arrayBuffer());
  let at = 0;
  let read = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(at, at + chunkBytes));
        read += 1;
        at += chunkBytes;
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "content-type": whole.headers.get("content-type") ?? "" };
  const init = { method: "POST", body, duplex: "half", headers };
  const result = await readEditForm(new Request("http://galley.test/", init as RequestInit), refuse);
  return { result, chunksRead: read };
}

const failureOf = async (parts: readonly Part[]) => {
  const { result } = await send(parts);
  return result.ok ? undefined : result.failure;
};

describe("the form of an edit", () => {
  it("may hold several pictures, in their order, under any of the names that clients use", async () => {
    const [first, second, third] = [aPng(20, 10), aPng(8, 8, 2), aPng(9, 9, 3)];
    const { result } = await send([
      ["image[]", file(first)],
      ["image[1]", file(second)],
      ["image", file(third)],
    ]);
    expect(result).toMatchObject({
      ok: true,
      value: { pictures: { image: { bytes: first }, moreImages: [{ bytes: second }, { bytes: third }] } },
    });
  });

  it.each([1, 7, 4_096])("is read in chunks of %d bytes", async (chunkBytes) => {
    const { result } = await send(
      [
        ["prompt", "a füchs"],
        ["image", file()],
        ["mask", file(aPng(8, 8))],
      ],
      { chunkBytes },
    );
    expect(result).toMatchObject({
      ok: true,
      value: {
        fields: { prompt: "a füchs" },
        pictures: { image: { format: "png", width: 20, height: 10, bytes: PNG }, mask: { format: "png" } },
      },
    });
  });

  it("reads numbers and booleans, which forms write as text, and takes empty ones for absent", async () => {
    const { result } = await send([
      ["n", "2"],
      ["seed", "7"],
      ["guidance", "4.5"],
      ["stream", "true"],
      ["size", ""],
      ["model", "null"],
      ["prompt", "2"],
      ["user", "5"],
      ["image[]", file()],
    ]);
    expect(result).toMatchObject({
      value: {
        fields: { n: 2, seed: 7, guidance: 4.5, stream: true, size: null, model: null, prompt: "2", user: "5" },
      },
    });
  });

  it("leaves a number that is none to be refused with its name", async () => {
    const { result } = await send([
      ["n", "two"],
      ["image", file()],
    ]);
    expect(result).toMatchObject({ value: { fields: { n: "two" } } });
  });

  it("refuses on a field without reading the files behind it", async () => {
    const refusal: RequestFailure = { code: "model_unknown", detail: "None.", path: "/model" };
    const { result, chunksRead } = await send(
      [
        ["model", "dall-e-3"],
        ["image", file(new Uint8Array(4 * 1024 * 1024))],
      ],
      { refuse: (name) => (name === "model" ? refusal : undefined) },
    );
    expect(result).toEqual({ ok: false, failure: refusal });
    expect(chunksRead).toBeLessThan(5);
  });

  it.each<[string, readonly Part[], string, string]>([
    ["no picture", [["prompt", "x"]], "invalid_request", "/image"],
    ["text in the picture's place", [["image", "x"]], "invalid_request", "/image"],
    ["a file that is no picture", [["image", file(new Uint8Array(100))]], "invalid_request", "/image"],
    [
      "a mask that is no picture",
      [
        ["image", file()],
        ["mask", file(new Uint8Array(100))],
      ],
      "invalid_request",
      "/mask",
    ],
    [
      "more pictures than OpenAI takes",
      Array.from({ length: 17 }, () => ["image[]", file()] as const),
      "invalid_request",
      "/image",
    ],
    [
      "a second picture that is none",
      [
        ["image[]", file()],
        ["image[]", file(new Uint8Array(100))],
      ],
      "invalid_request",
      "/image",
    ],
    ["a field that is too long", [["prompt", "x".repeat(128 * 1024 + 1)]], "payload_too_large", "/prompt"],
  ])("refuses %s", async (_, parts, code, path) => {
    expect(await failureOf(parts)).toMatchObject({ code, path });
  });

  it("refuses more than 16 MiB in all, unread where the length is announced", async () => {
    const big = new Uint8Array(9 * 1024 * 1024);
    const parts: Part[] = [
      ["image", file(big)],
      ["mask", file(big)],
    ];
    expect(await failureOf(parts)).toMatchObject({ code: "payload_too_large" });
    const headers = {
      "content-type": "multipart/form-data; boundary=x",
      "content-length": String(16 * 1024 * 1024 + 1),
    };
    const announced = new Request("http://galley.test/", { method: "POST", body: "unread", headers });
    const result = await readEditForm(announced, () => undefined);
    expect(result).toMatchObject({ failure: { code: "payload_too_large" } });
    expect(announced.bodyUsed).toBe(false);
  });

  it.each([
    ["another type", "application/json", "{}", "unsupported_media_type"],
    ["no boundary", "multipart/form-data", "", "invalid_request"],
    ["an end that never comes", "multipart/form-data; boundary=x", "--x\r\n", "invalid_request"],
    ["garbage", "multipart/form-data; boundary=x", "garbage", "invalid_request"],
    ["text that is not UTF-8", "multipart/form-data; boundary=x", brokenText(), "invalid_request"],
  ])("refuses %s", async (_, type, body, code) => {
    const request = new Request("http://galley.test/", { method: "POST", body, headers: { "content-type": type } });
    expect(await readEditForm(request, () => undefined)).toMatchObject({ failure: { code } });
  });
});

function brokenText(): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode('--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n');
  const tail = new TextEncoder().encode("\r\n--x--\r\n");
  return Uint8Array.from([...head, 0xff, 0xfe, ...tail]);
}
