/** Edits when the models of the first choice are out: in a stack of its own, which remembers that they are. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { aPng } from "../../support/pictures.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

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
