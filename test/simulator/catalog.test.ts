import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { FAMILIES, familyOf } from "../../infra/gpu/simulator/families.ts";
import { endpointsFromCatalog, meanServiceMs, singleEndpoint } from "../../infra/gpu/simulator/index.ts";
import { compile } from "../../routing/authoring.ts";

async function localContent() {
  const read = async (file: string) => ({
    file,
    text: await readFile(new URL(`../../routing/${file}`, import.meta.url), "utf8"),
  });
  const compiled = await compile({
    routing: await read("model-routing.yml"),
    catalog: await read("catalog.local.yml"),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot.content;
}

describe("endpoints from a catalogue", () => {
  it("play every endpoint of the local catalogue at its own URL", async () => {
    const content = await localContent();
    const simulated = endpointsFromCatalog(content);
    const paths = Object.values(content.catalog.endpoints).map(({ url }) => new URL(url).pathname.slice(1));
    expect(simulated.map(({ id }) => id).sort()).toEqual(paths.sort());
  });

  it("serve the pinned model of the right family under the catalogue's name", async () => {
    const byId = new Map(endpointsFromCatalog(await localContent()).map((endpoint) => [endpoint.id, endpoint]));
    expect(byId.get("weur-sd35-a")).toMatchObject({
      model: "sd3.5-medium",
      dialect: "openai-images",
      place: "weur",
      honourCancel: true,
    });
    expect(byId.get("weur-sd35-fast")?.model).toBe("sd3.5-medium-fast");
    expect(byId.get("weur-ideogram")?.model).toBe("ideogram-v2a-turbo");
    expect(byId.get("gpu-nano-banana-pro")?.model).toBe("nano-banana-pro");
    expect(byId.get("gpu-upscaler")).toMatchObject({ model: "upscaler", upscaleFactor: 4 });
    expect(byId.get("weur-sd35-next")?.pin).not.toBe(byId.get("weur-sd35-a")?.pin);
  });

  it("take as long for a usual picture as the catalogue expects", async () => {
    const content = await localContent();
    const endpoint = endpointsFromCatalog(content).find(({ id }) => id === "weur-sd35-a");
    const expected = content.catalog.models["sd3.5-medium"]?.expected.p50Ms;
    const { width, height } = FAMILIES["sd3.5-medium"];
    const load = { steps: endpoint?.steps ?? 0, pixels: width * height, pictures: 1 };
    expect(meanServiceMs(endpoint?.timing ?? FAMILIES["sd3.5-medium"].timing, load)).toBeCloseTo(expected ?? 0, 6);
  });
});

describe("spellings of models", () => {
  it.each([
    ["SD3.5_Medium", "sd3.5-medium"],
    ["stabilityai/stable-diffusion-3.5-medium", "sd3.5-medium"],
    ["SD3.5 Medium fast", "sd3.5-medium-fast"],
    ["SDXL Lightning", "sd3.5-medium-fast"],
    ["Nano BananaNew", "nano-banana"],
    ["gemini-2.5-flash-image", "nano-banana"],
    ["Nano Banana PRONew", "nano-banana-pro"],
    ["gemini-3-pro-image", "nano-banana-pro"],
    ["Ideogram V2A Turbo", "ideogram-v2a-turbo"],
    ["V_2A_TURBO", "ideogram-v2a-turbo"],
    ["Upscaler 4x", "upscaler"],
    ["GPT-4", undefined],
  ])("%s means %s", (spelling, family) => {
    expect(familyOf(spelling)).toBe(family);
    expect(singleEndpoint({ model: spelling })?.model).toBe(family);
  });
});
