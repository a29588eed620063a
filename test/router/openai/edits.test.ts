/** Edits with masks; and when the models of the first choice are out, which the stack remembers. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { aPng, pngOf } from "../../support/pictures.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    edit: ({ routing, catalog }) => ({
      routing,
      // The simulated GPU servers edit, at any size and with a mask.
      catalog: catalog.replace("takes: [seed, negative", "takes: [image, mask, seed, negative"),
    }),
  });
});
afterAll(() => stack.stop());

/** The left half free: in OpenAI's way by transparency, in the pipelines' way by white. */
const mask = (way: "transparent" | "white") => {
  const pixel = (isFree: boolean) =>
    way === "white" ? [isFree ? 255 : 0] : isFree ? [90, 90, 90, 0] : [200, 200, 200, 255];
  const row = [0, ...Array.from({ length: 64 }, (_, x) => pixel(x < 32)).flat()];
  const rows = Uint8Array.from(Array.from({ length: 64 }, () => row).flat());
  return pngOf({ width: 64, height: 64, colour: way === "white" ? 0 : 6 }, rows);
};

it("mean the same by a transparent and by a white mask, and refuse a damaged one", async () => {
  const edited = async (bytes: Uint8Array<ArrayBuffer> | undefined) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ prompt: "a red fox", model: "SD3.5 Medium", seed: "5" })) {
      form.append(name, value);
    }
    form.append("image", new File([aPng(64, 64)], "fox.png", { type: "image/png" }));
    if (bytes !== undefined) form.append("mask", new File([bytes], "mask.png", { type: "image/png" }));
    const response = await fetch(`${stack.router.url}/v1/images/edits`, { method: "POST", body: form });
    const { data, error } = (await response.json()) as { data?: { b64_json: string }[]; error?: { param: string } };
    return { status: response.status, picture: data?.[0]?.b64_json, param: error?.param };
  };
  const [transparent, white, none] = [
    await edited(mask("transparent")),
    await edited(mask("white")),
    await edited(undefined),
  ];
  expect([transparent.status, white.picture === transparent.picture]).toEqual([200, true]);
  expect(none.picture === transparent.picture).toBe(false);
  expect(await edited(mask("white").slice(0, 45))).toMatchObject({ status: 400, param: "mask" });
});

it("are drawn on other people's machines when the quota of the first choice is used up", async () => {
  for (const place of ["weur", "enam", "apac"]) {
    for (const model of ["nano-banana", "nano-banana-2.1"]) {
      stack.simulator.control.setFault(`${place}-${model}`, { kind: "quota" });
    }
  }
  const form = new FormData();
  form.append("prompt", "a red fox");
  form.append("image", new File([aPng(320, 192)], "fox.png", { type: "image/png" }));
  const response = await fetch(`${stack.router.url}/v1/images/edits`, { method: "POST", body: form });
  expect(response.status).toBe(200);
  expect(response.headers.get("galley-model")).toBe("flux-2-klein@unverified");
  expect(response.headers.get("galley-degraded")).toMatch(/^model; /);
  const { data, output_format } = (await response.json()) as { data: { b64_json: string }[]; output_format: string };
  expect(sniffPicture(Buffer.from(data[0]?.b64_json ?? "", "base64"))).toEqual({
    format: "jpeg",
    width: 320,
    height: 192,
  });
  expect(output_format).toBe("jpeg");
});
